//! Enforces the rate limits. The limits themselves are in `rate`.

use std::time::{Duration, Instant};

use http::StatusCode;
use thali_domain::accounts::sources::Source;

use super::endpoint::Endpoint;
use super::problem::Problem;
use super::rate::{REQUESTS_MAX, Rate, Unfinished};
use super::request::Request;
use super::response::Response;
use crate::app::App;
use crate::cache::{Charged, Limit};

/// Counts one request in `bucket`, and refuses it if the bucket has reached its limit.
pub(super) async fn check_rate(app: &App, bucket: &str, per_minute: u32) -> Result<(), Problem> {
    let per_minute = per_minute.saturating_mul(app.rate_limit_factor);
    refuse_after(app.cache.over_limit(bucket, per_minute, app.clock.now()).await)
}

fn refuse_after(wait_s: Option<u64>) -> Result<(), Problem> {
    wait_s.map_or(Ok(()), |wait_s| Err(refused(wait_s)))
}

fn refused(wait_s: u64) -> Problem {
    let detail = "Too many requests; wait a moment.";
    let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", detail);
    problem.retry_after(wait_s)
}

/// How long a request waits while others are unsettled that may give their places back.
const SETTLED_WITHIN: Duration = Duration::from_secs(2);

/// How long such a request waits before it asks again.
const RETRY_AFTER: Duration = Duration::from_millis(200);

/// What a request was charged before its outcome was known.
pub(super) struct Charge {
    bucket: String,
    failures: Limit,
    starts: Option<Limit>,
}

/// Counts a request by its IP address, if `rate` says so, and refuses it over the limit. The
/// request counts as a failure, and as one that starts something, until [`settle`] knows better: so
/// concurrent guesses cannot exceed the limit.
pub(super) async fn charge(
    app: &App,
    endpoint: &Endpoint,
    rate: Rate,
    request: &Request,
) -> Result<Option<Charge>, Problem> {
    let (source, failures, starts) = match rate {
        Rate::PerAddress(per_minute) => {
            let bucket = format!("{}:{}", endpoint.name, request.network());
            let per_minute = per_minute.saturating_mul(app.rate_limit_factor);
            refuse_after(app.cache.over_limit(&bucket, per_minute, app.clock.now()).await)?;
            return Ok(None);
        }
        Rate::FailuresPerAddress(failures) => (request.network(), failures, None),
        Rate::UnfinishedPerAddress(unfinished) => {
            let source = request.source(app).to_string();
            (source, unfinished.failures, Some(starts(app, unfinished)))
        }
        _ => return Ok(None),
    };
    let bucket = bucket(endpoint, &source);
    let per_minute = |limit: u32| Limit::a_minute(limit.saturating_mul(app.rate_limit_factor));
    let failures = per_minute(failures);
    let limits = [Some((ALL, per_minute(REQUESTS_MAX))), Some((FAILED, failures))];
    let limits = limits.into_iter().chain([starts.map(|starts| (STARTED, starts))]);
    let limits: Vec<_> = limits.flatten().collect();
    let deadline = Instant::now() + SETTLED_WITHIN;
    let mut full = None;
    loop {
        match app.cache.charge(&bucket, &limits, app.clock.now()).await {
            Charged::Done => return Ok(Some(Charge { bucket, failures, starts })),
            // Without Redis there is no limit. But a request that has found one full does not pass
            // because Redis is late the next time.
            Charged::Unknown => match full {
                None => return Ok(None),
                Some(wait_s) if Instant::now() >= deadline => return Err(refused(wait_s)),
                Some(_) => tokio::time::sleep(RETRY_AFTER).await,
            },
            // Forty people who log in at the same moment must not refuse each other.
            Charged::Full { unsettled: true, wait_s } if Instant::now() < deadline => {
                full = Some(wait_s);
                tokio::time::sleep(RETRY_AFTER).await;
            }
            Charged::Full { wait_s, .. } => return Err(refused(wait_s)),
        }
    }
}

/// Gives back what the outcome shows not to be owed: neither a success nor our own failure is one of
/// the client, and a refused request has started nothing.
pub(super) async fn settle(app: &App, charge: Option<Charge>, outcome: &Result<Response, Problem>) {
    let Some(Charge { bucket, failures, starts }) = charge else { return };
    let is_refused = outcome.as_ref().is_err_and(|problem| !problem.status.is_server_error());
    if is_refused {
        app.cache.settle(&bucket, FAILED, None).await;
    } else {
        app.cache.settle(&bucket, FAILED, Some(failures)).await;
    }
    if let (Some(starts), Err(_)) = (starts, outcome) {
        app.cache.give_back(&bucket, STARTED, starts, 1).await;
    }
}

/// Gives back what requests from `source` to `endpoint` have started, because it is finished.
pub async fn give_back_finished(app: &App, endpoint: &Endpoint, source: &Source, count: u32) {
    if let (Rate::UnfinishedPerAddress(unfinished), 1..) = (endpoint.rate, count) {
        let bucket = bucket(endpoint, &source.to_string());
        app.cache.give_back(&bucket, STARTED, starts(app, unfinished), count).await;
    }
}

/// The counters of one bucket: all requests, those that failed, and what is unfinished.
const ALL: &str = "all";
const FAILED: &str = "failed";
const STARTED: &str = "started";

fn bucket(endpoint: &Endpoint, source: &str) -> String {
    format!("{}:{source}", endpoint.name)
}

fn starts(app: &App, unfinished: Unfinished) -> Limit {
    let times = |number: u32| number.saturating_mul(app.rate_limit_factor);
    Limit::draining(times(unfinished.at_once), times(unfinished.drained_an_hour))
}
