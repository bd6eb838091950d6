//! One binary, many functions: the kinds of [`Function`], finding one by its name, and running
//! each kind on Lambda's runtime API. The functions themselves are in `thali-functions`.

use std::collections::BTreeSet;

use aws_lambda_events::dynamodb;
use aws_lambda_events::s3::S3Event;
use aws_lambda_events::sqs::SqsEvent;
use lambda_http::Body;
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;
use thali_domain::spreadsheet::BYTE_ORDER_MARK;
use tracing::Instrument;

use crate::app::App;
use crate::config::Part;
use crate::http::{Endpoint, Request, dispatch, route};
use crate::metrics;
use crate::telemetry;
use crate::worker::{Consumer, Job, StreamReader, UploadCheck, consume};

/// An error that ends the process.
pub type Error = lambda_runtime::Error;

/// One Lambda function. Its name is the `Handler` of its resource in `template.yaml`.
#[derive(Clone, Copy)]
pub enum Function {
    /// Invoked by the gateway.
    Endpoint(&'static Endpoint),
    /// Invoked by a queue.
    Consumer(&'static Consumer),
    /// Invoked by the tables' streams.
    StreamReader(&'static StreamReader),
    /// Invoked by the bucket.
    UploadCheck(&'static UploadCheck),
    /// Invoked by a schedule.
    Job(&'static Job),
}

impl Function {
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Endpoint(endpoint) => endpoint.name,
            Self::Consumer(consumer) => consumer.name,
            Self::StreamReader(reader) => reader.name,
            Self::UploadCheck(check) => check.name,
            Self::Job(job) => job.name,
        }
    }

    /// The parts of the configuration that the function needs.
    #[must_use]
    pub fn parts(&self) -> Vec<Part> {
        match self {
            Self::Endpoint(endpoint) => endpoint.all_parts(),
            Self::Consumer(consumer) => consumer.parts.to_vec(),
            Self::StreamReader(reader) => reader.parts.to_vec(),
            Self::UploadCheck(check) => check.parts.to_vec(),
            Self::Job(job) => job.parts.to_vec(),
        }
    }

    /// The endpoint, if the function is one.
    #[must_use]
    pub const fn endpoint(&self) -> Option<&'static Endpoint> {
        match self {
            Self::Endpoint(endpoint) => Some(endpoint),
            _ => None,
        }
    }
}

/// Lambda's handler name is not the name of any function.
#[derive(Debug, thiserror::Error)]
#[error("there is no function `{name}`; the functions are {}", .known.join(", "))]
pub struct UnknownFunction {
    name: String,
    known: Vec<&'static str>,
}

pub fn find(functions: &[Function], name: &str) -> Result<Function, UnknownFunction> {
    functions.iter().find(|function| function.name() == name).copied().ok_or_else(|| {
        UnknownFunction {
            name: name.to_owned(),
            known: functions.iter().map(Function::name).collect(),
        }
    })
}

/// Runs the function that Lambda names in `_HANDLER`, until Lambda ends the process. Without
/// that variable (`cargo lambda watch`), serves all endpoints and routes the requests itself.
/// Fails at once if the function does not exist or its environment is incomplete.
pub async fn run(functions: &'static [Function]) -> Result<(), Error> {
    telemetry::start();
    let name = std::env::var("_HANDLER").ok();
    let started = start(functions, name.as_deref()).await.inspect_err(|error| {
        tracing::error!(function = name, error = %error, "the function cannot start");
    })?;
    match started {
        (app, Some(function)) => run_one(&app, function).await,
        (app, None) => run_endpoints(&app, functions).await,
    }
}

/// The named function and its app. Without a name: no function, and the app of all endpoints.
async fn start(
    functions: &[Function],
    name: Option<&str>,
) -> Result<(App, Option<Function>), Error> {
    if let Some(name) = name {
        let function = find(functions, name)?;
        return Ok((App::from_env(&function.parts()).await?, Some(function)));
    }
    if std::env::var_os("AWS_LAMBDA_RUNTIME_API").is_none() {
        return Err("no Lambda runtime is here: run it with `cargo lambda watch`".into());
    }
    let endpoints = functions.iter().filter_map(Function::endpoint);
    let parts: BTreeSet<Part> = endpoints.flat_map(Endpoint::all_parts).collect();
    Ok((App::from_env(&parts.into_iter().collect::<Vec<_>>()).await?, None))
}

/// Runs one function; each arm takes the events of its kind.
async fn run_one(app: &App, function: Function) -> Result<(), Error> {
    match function {
        Function::Endpoint(endpoint) => {
            lambda_http::run(service_fn(async move |request: lambda_http::Request| {
                Ok::<_, Error>(keep_mark(dispatch(app, endpoint, request.into()).await))
            }))
            .await
        }
        Function::Consumer(consumer) => {
            lambda_runtime::run(service_fn(async move |event: LambdaEvent<SqsEvent>| {
                Ok::<_, Error>(consume(app, consumer, event.payload).await)
            }))
            .await
        }
        Function::StreamReader(reader) => {
            lambda_runtime::run(service_fn(async move |event: LambdaEvent<dynamodb::Event>| {
                let id = &event.context.request_id;
                let span = tracing::info_span!("changes", function = reader.name, id);
                Ok::<_, Error>((reader.read)(app, event.payload).instrument(span).await)
            }))
            .await
        }
        Function::UploadCheck(check) => {
            lambda_runtime::run(service_fn(async move |event: LambdaEvent<S3Event>| {
                let id = &event.context.request_id;
                let span = tracing::info_span!("uploads", function = check.name, id);
                (check.check)(app, event.payload, id).instrument(span).await
            }))
            .await
        }
        Function::Job(job) => {
            lambda_runtime::run(service_fn(async move |event: LambdaEvent<Value>| {
                run_job(app, job, event).await
            }))
            .await
        }
    }
}

/// Doubles the byte order mark of a text: `lambda_http` decodes texts and drops the first mark.
fn keep_mark(answer: http::Response<Body>) -> http::Response<Body> {
    answer.map(|body| match body {
        Body::Text(text) if text.starts_with(BYTE_ORDER_MARK) => {
            Body::Text(format!("{BYTE_ORDER_MARK}{text}"))
        }
        body => body,
    })
}

async fn run_job(app: &App, job: &Job, event: LambdaEvent<Value>) -> Result<Value, Error> {
    let span = tracing::info_span!("run", function = job.name, id = event.context.request_id);
    let ran = (job.run)(app, &event.payload).instrument(span.clone()).await;
    let _entered = span.entered();
    match &ran {
        Ok(done) => {
            tracing::info!(%done, "ran");
            let run = metrics::Run {
                job: job.name,
                function: &event.context.env_config.function_name,
                id: &event.context.request_id,
            };
            metrics::report(job.metrics, done, &run, app.clock.now());
        }
        Err(error) => tracing::error!(cause = telemetry::chain(&**error), "the run failed"),
    }
    ran
}

/// Serves all endpoints, and routes as the gateway does.
async fn run_endpoints(app: &App, functions: &'static [Function]) -> Result<(), Error> {
    let endpoints: &Vec<&Endpoint> = &functions.iter().filter_map(Function::endpoint).collect();
    lambda_http::run(service_fn(async move |request: lambda_http::Request| {
        let request = Request::from(request);
        let (endpoint, parameters) = route(endpoints, request.method.as_str(), &request.path);
        let request = request.with_parameters(parameters);
        Ok::<_, Error>(keep_mark(dispatch(app, endpoint, request).await))
    }))
    .await
}

#[cfg(test)]
mod tests {
    use lambda_http::IntoResponse;

    use super::*;

    #[tokio::test]
    async fn a_text_leaves_lambda_with_the_marks_that_it_had() {
        for text in ["\u{feff}date,meal", "date,meal", ""] {
            let answer = http::Response::builder()
                .header("content-type", "text/csv; charset=utf-8")
                .body(Body::from(text))
                .expect("a response");
            let sent = keep_mark(answer).into_response().await;
            assert_eq!(sent.into_body().as_ref(), text.as_bytes(), "{text:?}");
        }
    }
}
