//! A student's token count in the cache: what is left of the purchases. It is cached when it is
//! counted and evicted when a purchase changes. Its version is the time on Redis' clock when the
//! count began, so a count that began before a change cannot be cached after it.

use thali_domain::ids::AccountId;
use thali_domain::tokens::tokens_left::TokensLeft;
use thali_platform::app::App;
use thali_platform::cache::Entry;
use thali_platform::store::{Consistency, StoreError};

/// The tokens that an account has left, and whether the cache had them.
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

/// Evicts the count of an account. Called after every write that issues, redeems, reserves or
/// releases tokens, and before the response, so that a client that has its response reads the new
/// count. Also called if an earlier request made the write, because that request may have died
/// before its eviction. The processing of an order has no response: for a millisecond a client may
/// see the order as processed and still the old count.
///
/// Returns whether the count is evicted: false if there is a Redis that did not answer. The
/// request goes on all the same, and the `cache-evictor` repeats the eviction.
pub async fn changed(app: &App, account: AccountId) -> bool {
    app.cache.drop_now(Entry::TokenCount(account)).await
}
