//! Retries of changes that concurrent changes interfere with: [`retry_overtaken`] is the one loop
//! around reading, deciding and writing.

use std::time::Duration;

use super::StoreError;

/// The most tries of an operation that concurrent changes interfere with.
pub const CONTENTION_TRIES_MAX: u32 = 20;

/// The longest pause between two tries, in milliseconds. All pauses together take three seconds on
/// average and about six at worst. So hundreds of requests for the same item have time to succeed
/// one after another, and stay within a function's limit of ten seconds.
const CONTENTION_PAUSE_MS_MAX: u64 = 400;

/// The outcome of one try that neither failed nor was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "an overtaken try has written nothing"]
pub enum Attempt<T> {
    /// The operation is done, with this outcome.
    Done(T),
    /// A concurrent request changed the data that the decision was based on, or is writing one of
    /// the items at this moment. Nothing was written: read and decide again after a pause.
    Overtaken,
    /// The next try follows at once, because no concurrent change interfered. For example, the
    /// first try used an eventually consistent read, whose result is not reliable enough for a
    /// refusal.
    Again,
}

impl<T> Attempt<T> {
    /// Applies a function to the outcome, if there is one.
    pub fn map<U>(self, outcome: impl FnOnce(T) -> U) -> Attempt<U> {
        match self {
            Self::Done(done) => Attempt::Done(outcome(done)),
            Self::Overtaken => Attempt::Overtaken,
            Self::Again => Attempt::Again,
        }
    }

    /// Converts the result of a conditional write, which is `None` if the condition failed.
    pub fn of(written: Option<T>) -> Self {
        written.map_or(Self::Overtaken, Self::Done)
    }
}

/// Calls `attempt` until it is done, at most [`CONTENTION_TRIES_MAX`] times. `attempt` takes the
/// number of the try, counted from 1. Each try reads, decides and writes, so that it decides on
/// current data. An error, such as a refusal, ends the tries.
///
/// # Errors
///
/// The error of `attempt`, or [`StoreError::Contended`] if no try succeeded.
pub async fn retry_overtaken<T, E, F>(mut attempt: impl FnMut(u32) -> F) -> Result<T, E>
where
    // Not `AsyncFnMut`: the compiler cannot yet prove that its future is `Send`, which every
    // handler's future must be.
    F: Future<Output = Result<Attempt<T>, E>>,
    E: From<StoreError>,
{
    for number in 1..=CONTENTION_TRIES_MAX {
        match attempt(number).await? {
            Attempt::Done(done) => return Ok(done),
            Attempt::Overtaken => contention_pause(number).await,
            Attempt::Again => {}
        }
    }
    Err(StoreError::Contended.into())
}

/// Waits for a random time after try number `attempt`. The upper bound doubles with each try. The
/// randomness keeps requests that conflicted from conflicting again.
pub(super) async fn contention_pause(attempt: u32) {
    let random = u64::from(u16::from_be_bytes(crate::clock::random_bytes()));
    let ceiling_ms = (4_u64 << attempt.min(8)).min(CONTENTION_PAUSE_MS_MAX);
    let pause_ms = ceiling_ms * random / u64::from(u16::MAX);
    tokio::time::sleep(Duration::from_millis(pause_ms)).await;
}
