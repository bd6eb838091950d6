//! What requests that may come twice have in common: the outcome that an idempotency key
//! named before, the loop that asks for it whenever others were quicker, and ids that do not
//! meet when two requests come in one millisecond.

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

/// The outcome of the first request with this key, as it was stored; `None` where there was
/// none, or the request has no key. The same key with another body is refused.
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

/// Carries a request out that may come twice; tries again where others were quicker. Answers
/// the outcome, and whether it is the one of an earlier request.
///
/// `replay` gives the earlier outcome. It is asked for with each try, because it may be this
/// very request, sent twice at once, that was quicker; and again before a refusal, because the
/// twin may have taken what is missing. `load` reads what is decided on, at the same time.
/// `commit` decides and writes. `load` and `commit` take the number of the try, from 1 on.
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
            // A failure, such as a database that does not answer, is no refusal.
            Err(refusal) if refusal.status.is_client_error() => {
                let first = replay().await?;
                first.map(|first| Attempt::Done((first, true))).ok_or(refusal)
            }
            Err(failure) => Err(failure),
        }
    })
    .await
}

/// The time in the id of something that leads to its student by its id. Two such things of
/// one student in one millisecond would have the same id; the one that comes second steps
/// aside, further with each try after the first, which is `attempt` 1.
pub(crate) fn id_time(now: Timestamp, attempt: u32) -> Timestamp {
    let [high, low] = random_bytes();
    let reach = (1_u32 << (attempt - 1).min(10)) - 1;
    let aside = u32::from(u16::from_be_bytes([high, low])) % (reach + 1);
    now + SignedDuration::from_millis(i64::from(aside))
}
