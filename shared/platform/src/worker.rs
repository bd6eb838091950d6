//! Functions that no client calls: those that SQS or a table's stream invokes, in partial
//! batches, so that one bad message does not hold up the others; those that an upload
//! invokes; and those that a schedule invokes. What they declare is here, and how a batch of
//! messages is handled; [`crate::lambda`] runs them.

use std::pin::Pin;

use aws_lambda_events::dynamodb;
use aws_lambda_events::s3::S3Event;
use aws_lambda_events::sqs::SqsEvent;
use serde_json::Value;
use tracing::Instrument;

use crate::app::App;
use crate::config::Part;
use crate::telemetry;

/// What handling one message gives.
pub type Worked<'a> =
    Pin<Box<dyn Future<Output = Result<(), Box<dyn std::error::Error + Send + Sync>>> + Send + 'a>>;

/// A function that takes messages from a queue, one at a time.
pub struct Consumer {
    /// The function's name.
    pub name: &'static str,
    /// What it needs.
    pub parts: &'static [Part],
    /// What it does with a message's body. A message comes at least once, and again after
    /// an error.
    pub handle: for<'a> fn(&'a App, &'a str) -> Worked<'a>,
}

/// What handling a batch of changes gives.
pub type Read<'a> = Pin<Box<dyn Future<Output = BatchResponse> + Send + 'a>>;

/// A function that takes the changes of tables from their streams, a batch at a time.
pub struct StreamReader {
    /// The function's name.
    pub name: &'static str,
    /// What it needs.
    pub parts: &'static [Part],
    /// What it does with a batch. Where it reports a failure, the batch comes again from
    /// that record on.
    pub read: for<'a> fn(&'a App, dynamodb::Event) -> Read<'a>,
}

/// A function that the bucket invokes for each upload.
pub struct UploadCheck {
    /// The function's name.
    pub name: &'static str,
    /// What it needs.
    pub parts: &'static [Part],
    /// What it does with the objects of an event; the text is the invocation's id. An event
    /// comes at least once, and again after an error.
    pub check: for<'a> fn(&'a App, S3Event, &'a str) -> Worked<'a>,
}

/// What a run of a job gives: what it did, as JSON, for the log and for whoever invoked it.
pub type JobRun<'a> = Pin<
    Box<dyn Future<Output = Result<Value, Box<dyn std::error::Error + Send + Sync>>> + Send + 'a>,
>;

/// A function that a schedule invokes. Two runs may overlap, and one may be cut short.
pub struct Job {
    /// The function's name.
    pub name: &'static str,
    /// What it needs.
    pub parts: &'static [Part],
    /// What it does with the event, which holds the options of a run by hand.
    pub run: for<'a> fn(&'a App, &'a Value) -> JobRun<'a>,
}

/// What Lambda is told of a batch: the messages, or the first record of a stream, that are to
/// come again. Lambda takes the same form from both; the crate has a type for each.
pub use aws_lambda_events::sqs::SqsBatchResponse as BatchResponse;

/// Handles the messages of a batch one after another and reports those that failed.
pub async fn consume(app: &App, consumer: &Consumer, event: SqsEvent) -> BatchResponse {
    let mut response = BatchResponse::default();
    for record in event.records {
        let id = record.message_id.unwrap_or_default();
        let body = record.body.unwrap_or_default();
        let span = tracing::info_span!("message", function = consumer.name, message_id = %id);
        let handled = (consumer.handle)(app, &body).instrument(span.clone()).await;
        let _entered = span.entered();
        match handled {
            Ok(()) => tracing::info!("handled"),
            Err(error) => {
                tracing::error!(cause = telemetry::chain(&*error), "the message will come again");
                response.add_failure(id);
            }
        }
    }
    response
}
