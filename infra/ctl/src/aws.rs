//! The AWS SDK as an operator uses it: region and credentials from profiles, roles or the
//! environment, as any AWS tool finds them.

use aws_config::{BehaviorVersion, SdkConfig};
use thali_ctl::Failure;
use thali_platform::aws;

/// The SDK's configuration, with the functions' time limits.
pub async fn config() -> SdkConfig {
    let defaults = aws_config::defaults(BehaviorVersion::latest());
    defaults.timeout_config(aws::timeouts()).retry_config(aws::retries()).load().await
}

/// The id of the account to which the credentials belong.
pub async fn account_id(aws: &SdkConfig) -> Result<String, Failure> {
    let identity = aws_sdk_sts::Client::new(aws).get_caller_identity().send().await?;
    identity.account.ok_or_else(|| "AWS does not say which account this is".into())
}
