//! How a rate is enforced. The rates themselves are in `rate`.

use http::StatusCode;

use super::problem::Problem;
use crate::app::App;

/// Counts one request in `bucket`, and refuses it where the bucket has had as many as a minute
/// allows.
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
