//! The configuration of the AWS SDK: credentials and region from the variables that Lambda
//! sets, and time limits short enough for a client that waits.
//!
//! The SDK's own search for credentials is left out. On Lambda it would find the same
//! variables, and it adds the code for profiles, roles and metadata services.

use std::time::Duration;

use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{
    BehaviorVersion, Credentials, IdentityCache, Region, SharedCredentialsProvider,
};
use aws_types::SdkConfig;

use crate::config::ConfigError;

/// The SDK retries after a short delay, because a client waits.
#[must_use]
pub fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(3).with_initial_backoff(Duration::from_millis(50))
}

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
/// optionally `AWS_ENDPOINT_URL`, for an emulator. Fails with the names of all missing ones.
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
    fn the_variables_that_lambda_sets_are_sufficient() {
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
