//! Helpers for requests that may be repeated: the stored outcome of an idempotency key, the
//! retry loop that checks for it after a lost race, and ids that do not collide when two
//! requests come in the same millisecond.

use std::error::Error;
use std::str::FromStr;

use futures_util::{TryFutureExt, try_join};
use jiff::{SignedDuration, Timestamp};
use thali_domain::ids::AccountId;
use thali_platform::app::App;
use thali_platform::clock::random_bytes;
use thali_platform::http::Problem;
use thali_platform::problems;
use thali_platform::store::{
    Attempt, IdempotencyKey, Operation, Replay, StoreError, retry_overtaken,
};

/// The stored outcome of the first request with this key; `None` if there was none, or the
/// request has no key. The same key with another body is refused.
pub(crate) async fn first_outcome<T>(
    app: &App,
    account: AccountId,
    operation: Operation,
    key: Option<&IdempotencyKey>,
) -> Result<Option<T>, Problem>
where
    T: FromStr<Err: Into<Box<dyn Error + Send + Sync>>>,
{
    let Some(key) = key else { return Ok(None) };
    match app.store.idempotency_replay(account, operation, key, app.clock.now()).await? {
        None => Ok(None),
        Some(Replay::OtherBody) => Err(problems::idempotency_key_reused()),
        Some(Replay::Of(outcome)) => outcome.parse().map(Some).map_err(Problem::internal),
    }
}

/// Carries out a request that may be repeated, and retries after a lost race. Returns the
/// outcome, and whether it is the replay of an earlier request.
///
/// `replay` returns the earlier outcome. It runs with each attempt, because the race may have
/// been won by a duplicate of this request, sent at the same time. It runs again before a
/// refusal, because the duplicate may have taken what is now missing. `load` runs beside it and
/// reads the data for the decision. `commit` decides and writes. `load` and `commit` take the
/// number of the attempt, from 1 on.
pub(crate) async fn commit_once<L, T, R, S, C>(
    replay: impl Fn() -> R,
    load: impl Fn(u32) -> S,
    commit: impl Fn(u32, L) -> C,
) -> Result<(T, bool), Problem>
where
    R: Future<Output = Result<Option<T>, Problem>>,
    S: Future<Output = Result<L, StoreError>>,
    C: Future<Output = Result<Attempt<T>, Problem>>,
{
    let (replay, load, commit) = (&replay, &load, &commit);
    retry_overtaken(|attempt| async move {
        let (first, loaded) = try_join!(replay(), load(attempt).map_err(Problem::from))?;
        if let Some(first) = first {
            return Ok(Attempt::Done((first, true)));
        }
        match commit(attempt, loaded).await {
            Ok(tried) => Ok(tried.map(|new| (new, false))),
            // A failure, such as an unavailable database, is not a refusal.
            Err(refusal) if refusal.status.is_client_error() => {
                let first = replay().await?;
                first.map(|first| Attempt::Done((first, true))).ok_or(refusal)
            }
            Err(failure) => Err(failure),
        }
    })
    .await
}

/// The time for an id that consists of a student and a time. Two such ids of one student in the
/// same millisecond would be equal. So each retry after the first attempt, which is `attempt` 1,
/// adds random milliseconds, up to a limit that doubles with each retry.
pub(crate) fn id_time(now: Timestamp, attempt: u32) -> Timestamp {
    let [high, low] = random_bytes();
    let reach = (1_u32 << (attempt - 1).min(10)) - 1;
    let aside = u32::from(u16::from_be_bytes([high, low])) % (reach + 1);
    now + SignedDuration::from_millis(i64::from(aside))
}
