//! What requests that may come twice have in common: the outcome that an idempotency key
//! named before, and ids that do not meet when two requests come in one millisecond.

use jiff::{SignedDuration, Timestamp};
use thali_domain::ids::AccountId;
use thali_platform::app::App;
use thali_platform::clock::random_bytes;
use thali_platform::http::Problem;
use thali_platform::problems;
use thali_platform::store::{IdempotencyKey, Operation, Replay};

/// The outcome of the first request with this key, as it was stored; `None` where there was
/// none, or the request has no key. The same key with another body is refused.
pub(crate) async fn first_outcome(
    app: &App,
    account: AccountId,
    operation: Operation,
    key: Option<&IdempotencyKey>,
) -> Result<Option<String>, Problem> {
    let Some(key) = key else { return Ok(None) };
    match app.store.idempotency_replay(account, operation, key, app.clock.now()).await? {
        None => Ok(None),
        Some(Replay::OtherBody) => Err(problems::idempotency_key_reused()),
        Some(Replay::Of(outcome)) => Ok(Some(outcome)),
    }
}

/// The time in the id of something that leads to its student by its id. Two such things of
/// one student in one millisecond would have the same id; the one that comes second steps
/// aside, further with each attempt.
pub(crate) fn id_time(now: Timestamp, attempt: u32) -> Timestamp {
    let [high, low] = random_bytes();
    let reach = (1_u32 << attempt.min(10)) - 1;
    let aside = u32::from(u16::from_be_bytes([high, low])) % (reach + 1);
    now + SignedDuration::from_millis(i64::from(aside))
}
