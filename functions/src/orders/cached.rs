//! Orders in the cache: an order is cached when it is placed or read, and evicted when it
//! changes. An entry has the order's own version, so a request that read the order before a
//! change cannot cache the old state after it, however slow the request is.

use jiff::{SignedDuration, Timestamp};
use thali_domain::ids::{MessId, OrderId};
use thali_domain::orders::order::{Order, OrderStatus};
use thali_platform::app::App;
use thali_platform::cache::Entry;
use thali_platform::store::StoreError;

/// How long a cached pending order is trusted. After that it has usually been processed, and the
/// processor may have been cut off from Redis when it had to evict the order.
const PENDING_TRUSTED_FOR: SignedDuration = SignedDuration::from_secs(5);

/// Caches an order as it was just stored or read. Redis refuses it if it has, or knows of, a
/// newer version.
pub async fn remember(app: &App, order: &Order) {
    app.cache.keep(Entry::Order(order.order_id), order.version.into(), order).await;
}

/// Evicts an order that is about to become `next`, and makes Redis refuse older versions. Called
/// before the write, so that the old version is never found after the order has changed. If the
/// write is refused, the only effect is that the order is read from DynamoDB for a while.
pub async fn forget(app: &App, next: &Order) {
    app.cache.drop_before(Entry::Order(next.order_id), next.version.into()).await;
}

/// Reads an order of a mess. The flag says whether the cache had it.
pub async fn read(
    app: &App,
    mess: &MessId,
    order_id: OrderId,
) -> Result<(Option<Order>, bool), StoreError> {
    let looked = app.cache.look::<Order>(Entry::Order(order_id)).await;
    let now = app.clock.now();
    let good = |order: &Order| order.mess_id == *mess && is_trusted(order, now);
    if let Some(order) = looked.found.filter(good) {
        return Ok((Some(order), true));
    }
    let found = app.store.order_get(mess, order_id).await?;
    if let Some(order) = &found {
        remember(app, order).await;
    }
    Ok((found, false))
}

/// Whether a cached order may be returned.
fn is_trusted(order: &Order, now: Timestamp) -> bool {
    order.status != OrderStatus::Pending
        || now.duration_since(order.created_at) <= PENDING_TRUSTED_FOR
}
