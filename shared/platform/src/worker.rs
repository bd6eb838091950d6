//! The declarations of functions that no client calls: consumers of queues, readers of the
//! tables' streams, checks of uploads, and scheduled jobs. Batches of messages are handled
//! here too, with partial failures, so that one bad message does not block the others.
//! [`crate::lambda`] runs the functions.

use std::pin::Pin;

use aws_lambda_events::dynamodb;
use aws_lambda_events::s3::S3Event;
use aws_lambda_events::sqs::SqsEvent;
use serde_json::Value;
use tracing::Instrument;

use crate::app::App;
use crate::config::Part;
use crate::metrics::Metric;
use crate::telemetry;

/// The future of handling one message.
pub type MessageFuture<'a> =
    Pin<Box<dyn Future<Output = Result<(), Box<dyn std::error::Error + Send + Sync>>> + Send + 'a>>;

/// A function that takes messages from a queue, one at a time.
pub struct Consumer {
    pub name: &'static str,
    pub parts: &'static [Part],
    /// Handles a message's body. A message is delivered at least once, and again after an
    /// error.
    pub handle: for<'a> fn(&'a App, &'a str) -> MessageFuture<'a>,
}

/// The future of handling a batch of changes.
pub type Read<'a> = Pin<Box<dyn Future<Output = BatchResponse> + Send + 'a>>;

/// A function that reads the changes of tables from their streams, a batch at a time.
pub struct StreamReader {
    pub name: &'static str,
    pub parts: &'static [Part],
    /// Handles a batch. If it reports a failed record, the batch is delivered again from that
    /// record on.
    pub read: for<'a> fn(&'a App, dynamodb::Event) -> Read<'a>,
}

/// A function that the bucket invokes for each upload.
pub struct UploadCheck {
    pub name: &'static str,
    pub parts: &'static [Part],
    /// Checks the objects of an event; the text is the invocation's id. An event is delivered
    /// at least once, and again after an error.
    pub check: for<'a> fn(&'a App, S3Event, &'a str) -> MessageFuture<'a>,
}

/// The future of a job's run. Its result is JSON that says what the run did, for the log and
/// for the invoker.
pub type JobRun<'a> = Pin<
    Box<dyn Future<Output = Result<Value, Box<dyn std::error::Error + Send + Sync>>> + Send + 'a>,
>;

/// A function that a schedule invokes. Two runs may overlap, and a run may be cut short.
pub struct Job {
    pub name: &'static str,
    pub parts: &'static [Part],
    /// What of a run's result becomes a metric.
    pub metrics: &'static [Metric],
    /// Runs the job. The event holds the options of a manual run.
    pub run: for<'a> fn(&'a App, &'a Value) -> JobRun<'a>,
}

/// The response to Lambda for a batch: the messages, or the first record of a stream, to deliver
/// again. Lambda takes the same format for both; the crate has a type for each.
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
