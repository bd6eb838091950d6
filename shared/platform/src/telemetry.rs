//! Logs: one JSON object a line on standard output, where CloudWatch picks them up.
//! A line is a message and fields; it holds no body, code, token, e-mail or phone number.

use std::error::Error;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Starts logging at the level of `LOG_LEVEL`, such as `debug` or `info,redis=trace`
/// (default `info`). A second call does nothing.
pub fn start() {
    let level = std::env::var("LOG_LEVEL").ok().and_then(|level| level.parse::<Targets>().ok());
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_target(false);
    let outcome = tracing_subscriber::registry()
        .with(lines)
        .with(level.unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO)))
        .try_init();
    if outcome.is_err() {
        tracing::debug!("logging was started before");
    }
}

/// An error and its causes on one line, the outermost first.
#[must_use]
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut messages = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(error) = cause {
        messages.push(error.to_string());
        cause = error.source();
    }
    messages.join(": ")
}
