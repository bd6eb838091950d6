//! Functions that no client calls: those that SQS or a table's stream invokes, in partial
//! batches, so that one bad message does not hold up the others; and those that a
//! schedule invokes.

use std::pin::Pin;

use aws_lambda_events::sqs::SqsEvent;
use lambda_runtime::{LambdaEvent, service_fn};
use serde::Serialize;
use serde_json::Value;
use tracing::Instrument;

use crate::app::{App, StartError};
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

/// What Lambda is told of a batch: the messages (or the first record of a stream) that
/// are to come again.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchResponse {
    /// The failed ones.
    pub batch_item_failures: Vec<BatchItemFailure>,
}

/// One that failed.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchItemFailure {
    /// The message's id, or the stream record's sequence number.
    pub item_identifier: String,
}

impl BatchResponse {
    /// Reports one more failure.
    pub fn failed(&mut self, item_identifier: String) {
        self.batch_item_failures.push(BatchItemFailure { item_identifier });
    }
}

/// Runs a consumer on Lambda.
pub async fn serve(consumer: &'static Consumer) -> Result<(), lambda_runtime::Error> {
    telemetry::start();
    let app = start(consumer.name, consumer.parts).await?;
    let app = &app;
    lambda_runtime::run(service_fn(async move |event: LambdaEvent<SqsEvent>| {
        Ok::<_, lambda_runtime::Error>(consume(app, consumer, event.payload).await)
    }))
    .await
}

/// Runs a job on Lambda.
pub async fn serve_job(job: &'static Job) -> Result<(), lambda_runtime::Error> {
    telemetry::start();
    let app = start(job.name, job.parts).await?;
    let app = &app;
    lambda_runtime::run(service_fn(async move |event: LambdaEvent<Value>| {
        let span = tracing::info_span!("run", function = job.name, id = event.context.request_id);
        let ran = (job.run)(app, &event.payload).instrument(span.clone()).await;
        let _entered = span.entered();
        match &ran {
            Ok(done) => tracing::info!(%done, "ran"),
            Err(error) => tracing::error!(cause = telemetry::chain(&**error), "the run failed"),
        }
        ran
    }))
    .await
}

/// Makes the app of a function that is no endpoint, and logs why it cannot start.
pub async fn start(name: &str, parts: &[Part]) -> Result<App, StartError> {
    App::from_env(parts).await.inspect_err(|error| {
        tracing::error!(function = name, error = %error, "the function cannot start");
    })
}

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
                response.failed(id);
            }
        }
    }
    response
}
