//! Compares passwords, at most five wrong ones of each counter, also if many come at once.
//!
//! DynamoDB counts a wrong password after the comparison, because a login must not cost a write
//! more. So a comparison first claims a try in Redis, and then checks that the counted and the
//! claimed tries together are within the limit. A wrong password is counted before its claim is
//! released, so each wrong one is seen by every later comparison. Without Redis, a burst in one
//! instant can compare more.

use std::time::Duration;

use thali_domain::accounts::lockout::{Failures, TRIES_MAX};
use thali_platform::app::App;
use thali_platform::cache::Claim;
use thali_platform::clock::random_bytes;
use thali_platform::http::Problem;
use thali_platform::problems;
use thali_platform::store::{PasswordCounter, Stamp, StoreError};

/// How often a comparison tries to claim, while others are being made.
const CLAIMS_MAX: u32 = 80;

/// The longest pause between two claims.
const PAUSE_MS_MAX: u64 = 100;

/// Whether a password is right. `compare` is called only if the counter allows another try;
/// otherwise the refusal is `locked`. `known` are the failures that were just read.
pub async fn prove(
    app: &App,
    counter: PasswordCounter<'_>,
    known: Failures,
    stamp: &Stamp,
    compare: impl FnOnce() -> bool,
) -> Result<bool, Problem> {
    let name = counter.hashed();
    let (failures, is_claimed) = claim(app, counter, &name, known, stamp).await?;
    let right = compare();
    if !right {
        app.store.password_failed(counter, stamp).await?;
    } else if failures.count > 0 {
        app.store.passwords_forget(counter).await?;
    }
    if is_claimed {
        app.cache.try_release(&name, &stamp.request_id, !right, stamp.at).await;
    }
    Ok(right)
}

/// Claims a try. Returns the failures that are counted now, and whether Redis has the claim. Waits
/// a moment if as many tries are being compared as may fail.
async fn claim(
    app: &App,
    counter: PasswordCounter<'_>,
    name: &str,
    known: Failures,
    stamp: &Stamp,
) -> Result<(Failures, bool), Problem> {
    let (id, now) = (&stamp.request_id, stamp.at);
    let mut failures = known;
    for _ in 0..CLAIMS_MAX {
        if let Some(wait_s) = failures.locked_for_s(now) {
            return Err(problems::locked(wait_s));
        }
        match app.cache.try_claim(name, id, TRIES_MAX, now).await {
            Claim::Unknown => return Ok((failures, false)),
            Claim::Alone => return Ok((failures, true)),
            Claim::Among(claimed) => {
                failures = app.store.password_failures(counter).await?;
                if claimed <= failures.left(now) {
                    return Ok((failures, true));
                }
                app.cache.try_release(name, id, false, now).await;
            }
            Claim::Full => {}
        }
        let random = u64::from(u16::from_be_bytes(random_bytes()));
        let pause_ms = 1 + PAUSE_MS_MAX * random / u64::from(u16::MAX);
        tokio::time::sleep(Duration::from_millis(pause_ms)).await;
    }
    Err(StoreError::Contended.into())
}
