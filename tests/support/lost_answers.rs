//! Lost responses of `DynamoDB` to writes that were carried out.

use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_dynamodb::config::interceptors::BeforeDeserializationInterceptorContextMut;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, Metadata};
use thali_platform::app::App;

use super::app::TestApp;

/// Replaces the responses to the first requests of one operation with an internal error, as
/// `DynamoDB` sends it if it does not know whether the request was carried out.
#[derive(Debug)]
struct LostAnswers {
    operation: &'static str,
    left: AtomicUsize,
}

impl Intercept for LostAnswers {
    fn name(&self) -> &'static str {
        "answers that are lost"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let operation = config.load::<Metadata>().expect("an operation has a name").name();
        let one_less = |left: usize| left.checked_sub(1);
        let relaxed = Ordering::Relaxed;
        if operation == self.operation && self.left.fetch_update(relaxed, relaxed, one_less).is_ok()
        {
            let failure = r#"{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError"}"#;
            let status = 500.try_into().expect("a status");
            *context.response_mut() = HttpResponse::new(status, failure.into());
        }
        Ok(())
    }
}

impl TestApp {
    /// The app of a process that loses the responses to its first `count` requests of a
    /// `DynamoDB` operation. The SDK makes three requests before it gives up.
    pub fn losing_answers(&self, operation: &'static str, count: usize) -> App {
        let lost = LostAnswers { operation, left: count.into() };
        let client = self.dynamo.intercepted_client(lost);
        self.process_with(|backends| backends.dynamodb = client)
    }
}
