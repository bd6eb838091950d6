//! A student's tokens in the cache: what is left of the purchases, kept when it is counted
//! and forgotten when a purchase changes. Its version is the time on Redis' clock at which
//! the count began, so that nobody who began before a change keeps what was.

use thali_domain::ids::AccountId;
use thali_domain::tokens::tokens_left::TokensLeft;
use thali_platform::app::App;
use thali_platform::cache::Entry;
use thali_platform::store::{Consistency, StoreError};

/// What an account has left, and whether the cache had it.
pub async fn read(app: &App, account: AccountId) -> Result<(TokensLeft, bool), StoreError> {
    let entry = Entry::TokenCount(account);
    let looked = app.cache.look(entry).await;
    if let Some(left) = looked.found {
        return Ok((left, true));
    }
    let purchases = app.store.purchases_of(account, Consistency::Strong).await?;
    let left = TokensLeft::of(&purchases, app.clock.now());
    app.cache.keep(entry, looked.version, &left).await;
    Ok((left, false))
}

/// Forgets what an account had left. Called after every write that issues, redeems, reserves
/// or releases tokens, and before the answer, so that who was answered reads what is so (an
/// order is processed without one: for a millisecond it may be found paid, and the tokens
/// not yet gone); also where the write turns out to have been made before, because whoever made it may
/// not have come this far. Answers whether it is forgotten: not where there is a Redis and
/// it did not answer. A request goes on all the same, and the `cache-evictor` does it again.
pub async fn changed(app: &App, account: AccountId) -> bool {
    app.cache.drop_now(Entry::TokenCount(account)).await
}
