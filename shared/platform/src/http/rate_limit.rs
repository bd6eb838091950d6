//! Enforces the rate limits. The limits themselves are in `rate`.

use http::StatusCode;

use super::problem::Problem;
use crate::app::App;

/// Counts one request in `bucket`, and refuses it if the bucket has reached its limit.
pub(super) async fn check_rate(app: &App, bucket: &str, per_minute: u32) -> Result<(), Problem> {
    let per_minute = per_minute.saturating_mul(app.rate_limit_factor);
    match app.cache.over_limit(bucket, per_minute, app.clock.now()).await {
        None => Ok(()),
        Some(wait_s) => {
            let detail = "Too many requests; wait a moment.";
            let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", detail);
            Err(problem.retry_after(wait_s))
        }
    }
}
