//! Single writes that conflict with a transaction on the same item. DynamoDB refuses such a write
//! at once. By default the SDK does not retry it, although a retry a moment later usually succeeds.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::interceptors::InterceptorContext;
use aws_sdk_dynamodb::config::retry::{ClassifyRetry, RetryAction};
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_types::SdkConfig;

/// The error code of the conflict.
pub(super) const CODE: &str = "TransactionConflictException";

/// A client that also retries these conflicts, as the SDK does with throttled requests.
#[must_use]
pub fn dynamodb_client(aws: &SdkConfig) -> Client {
    let config = aws_sdk_dynamodb::config::Builder::from(aws).retry_classifier(RetryConflicts);
    Client::from_conf(config.build())
}

#[derive(Debug)]
struct RetryConflicts;

impl ClassifyRetry for RetryConflicts {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let error = context.output_or_error().and_then(Result::err);
        let Some(error) = error.and_then(|error| error.as_operation_error()) else {
            return RetryAction::NoActionIndicated;
        };
        let codes = [
            error.downcast_ref::<UpdateItemError>().and_then(ProvideErrorMetadata::code),
            error.downcast_ref::<PutItemError>().and_then(ProvideErrorMetadata::code),
            error.downcast_ref::<DeleteItemError>().and_then(ProvideErrorMetadata::code),
        ];
        if codes.contains(&Some(CODE)) {
            RetryAction::transient_error()
        } else {
            RetryAction::NoActionIndicated
        }
    }

    fn name(&self) -> &'static str {
        "writes that meet a transaction"
    }
}
