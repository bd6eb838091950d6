//! The AWS SDK as a function uses it: with what Lambda puts into the environment, and with
//! time limits within which a person still waits.
//!
//! The SDK's own search for credentials is left out. On Lambda it finds the same variables,
//! and brings along the code for profiles, roles and metadata services.

use std::time::Duration;

use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{
    BehaviorVersion, Credentials, IdentityCache, Region, SharedCredentialsProvider,
};
use aws_types::SdkConfig;

use crate::config::ConfigError;

/// How the SDK tries again: soon, because somebody waits.
#[must_use]
pub fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(3).with_initial_backoff(Duration::from_millis(50))
}

/// How long the SDK waits.
#[must_use]
pub fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(Duration::from_secs(2))
        .operation_timeout(Duration::from_secs(5))
        .build()
}

/// The SDK's configuration from the variables that Lambda sets, looked up through `lookup`:
/// `AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`, and
/// `AWS_ENDPOINT_URL` where AWS is elsewhere. Fails with the names of those that are missing.
pub fn from_environment(lookup: &dyn Fn(&str) -> Option<String>) -> Result<SdkConfig, ConfigError> {
    let optional = |name: &str| lookup(name).filter(|value| !value.is_empty());
    let mut missing = Vec::new();
    let mut required = |name: &str| {
        optional(name).unwrap_or_else(|| {
            missing.push(format!("{name} is missing"));
            String::new()
        })
    };
    let region = required("AWS_REGION");
    let (key_id, key) = (required("AWS_ACCESS_KEY_ID"), required("AWS_SECRET_ACCESS_KEY"));
    if !missing.is_empty() {
        return Err(ConfigError(missing));
    }
    let session = optional("AWS_SESSION_TOKEN");
    let credentials = Credentials::new(key_id, key, session, None, "environment");
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .identity_cache(IdentityCache::lazy().build())
        .retry_config(retries())
        .timeout_config(timeouts());
    config.set_endpoint_url(optional("AWS_ENDPOINT_URL"));
    Ok(config.build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lambda_sets_is_enough() {
        let lookup = |name: &str| match name {
            "AWS_REGION" => Some("ap-south-1".to_owned()),
            "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => Some("x".to_owned()),
            _ => None,
        };
        let config = from_environment(&lookup).expect("complete");
        assert_eq!(config.region().map(ToString::to_string).as_deref(), Some("ap-south-1"));
        assert_eq!(config.endpoint_url(), None);
    }

    #[test]
    fn every_missing_variable_is_named_at_once() {
        let error = from_environment(&|_| None).expect_err("refused");
        let message = error.to_string();
        for name in ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
            assert!(message.contains(name), "{name} in {message}");
        }
    }
}
