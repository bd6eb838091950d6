//! How a change is tried again that others disturb: [`retry_overtaken`] is the one loop around
//! reading, deciding and writing.

use std::time::Duration;

use super::StoreError;

/// How often an operation is tried that others disturb, before it is given up.
pub const CONTENTION_TRIES_MAX: u32 = 20;

/// The longest pause between two such tries, in milliseconds. All pauses together take
/// three seconds on average and less than six at worst: where hundreds want the same item at
/// once, they have time to pass one after another, and a function's ten seconds suffice.
const CONTENTION_PAUSE_MS_MAX: u64 = 400;

/// What one try came to, if it neither failed nor was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "an overtaken try has written nothing"]
pub enum Attempt<T> {
    /// It is done, with this outcome.
    Done(T),
    /// Somebody changed what the decision rests on after it was read, or uses one of the items
    /// at this moment. Nothing was written: read and decide again after a pause.
    Overtaken,
    /// Nothing disturbs the next try, so it follows at once: the first one has read only
    /// eventually, for example, and what it read does not suffice for a refusal.
    Again,
}

impl<T> Attempt<T> {
    /// The same with what follows from its outcome.
    pub fn map<U>(self, outcome: impl FnOnce(T) -> U) -> Attempt<U> {
        match self {
            Self::Done(done) => Attempt::Done(outcome(done)),
            Self::Overtaken => Attempt::Overtaken,
            Self::Again => Attempt::Again,
        }
    }

    /// What a write answered that gives nothing where its condition failed.
    pub fn of(written: Option<T>) -> Self {
        written.map_or(Self::Overtaken, Self::Done)
    }
}

/// Tries until it is done, at most [`CONTENTION_TRIES_MAX`] times. `attempt` takes the number
/// of the try, from 1 on; it reads, decides and writes, so that each decision is made on what
/// there is by then. An error, such as a refusal, ends the tries.
///
/// # Errors
///
/// What `attempt` gives, and [`StoreError::Contended`] where no try was the last.
pub async fn retry_overtaken<T, E, F>(mut attempt: impl FnMut(u32) -> F) -> Result<T, E>
where
    // No `AsyncFnMut`: the compiler cannot see yet that the future of one may move between
    // threads, as each handler's must.
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

/// Waits a moment after try number `attempt`, up to twice as long each time and never as
/// long as the neighbours, so that those who disturbed each other do not meet again.
pub(super) async fn contention_pause(attempt: u32) {
    let random = u64::from(u16::from_be_bytes(crate::clock::random_bytes()));
    let ceiling_ms = (4_u64 << attempt.min(8)).min(CONTENTION_PAUSE_MS_MAX);
    let pause_ms = ceiling_ms * random / u64::from(u16::MAX);
    tokio::time::sleep(Duration::from_millis(pause_ms)).await;
}
