//! Single writes that meet a transaction on the same item. DynamoDB refuses them at once,
//! and the SDK does not know by itself that a moment later they pass.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::interceptors::InterceptorContext;
use aws_sdk_dynamodb::config::retry::{ClassifyRetry, RetryAction};
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_types::SdkConfig;

/// The refusal's code.
pub(super) const CODE: &str = "TransactionConflictException";

/// A client that tries such writes again, as it does with throttled ones.
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
