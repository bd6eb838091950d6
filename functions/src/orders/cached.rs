//! Orders in the cache: kept when they are placed and read, forgotten when they change. The
//! version of an entry is the order's own, so that nobody who read before a change keeps
//! what was, however long the answer took.

use jiff::{SignedDuration, Timestamp};
use thali_domain::ids::{MessId, OrderId};
use thali_domain::orders::order::{Order, OrderStatus};
use thali_platform::app::App;
use thali_platform::cache::Entry;
use thali_platform::store::StoreError;

/// For how long an order that is to be processed is believed to be. It usually has been by
/// then, and who made the change may have been cut off from Redis at that very moment.
const PENDING_BELIEVED_FOR: SignedDuration = SignedDuration::from_secs(5);

/// Keeps an order as it was just stored or read. Redis refuses it where it has, or knows of,
/// a newer one.
pub async fn remember(app: &App, order: &Order) {
    app.cache.keep(Entry::Order(order.order_id), order.version.into(), order).await;
}

/// Forgets an order that is about to become `next`, whoever reads what it was until then.
/// Called before the write, so that there is no moment at which the order has changed and
/// the old one is still found. Where the write is refused, the order is read from DynamoDB
/// for a while, which is all.
pub async fn forget(app: &App, next: &Order) {
    app.cache.drop_before(Entry::Order(next.order_id), next.version.into()).await;
}

/// Reads an order of a mess, and says whether the cache had it.
pub async fn read(
    app: &App,
    mess: &MessId,
    order_id: OrderId,
) -> Result<(Option<Order>, bool), StoreError> {
    let looked = app.cache.look::<Order>(Entry::Order(order_id)).await;
    let now = app.clock.now();
    let good = |order: &Order| order.mess_id == *mess && is_believed(order, now);
    if let Some(order) = looked.found.filter(good) {
        return Ok((Some(order), true));
    }
    let found = app.store.order_get(mess, order_id).await?;
    if let Some(order) = &found {
        remember(app, order).await;
    }
    Ok((found, false))
}

/// Whether an order that the cache has may be answered.
fn is_believed(order: &Order, now: Timestamp) -> bool {
    order.status != OrderStatus::Pending
        || now.duration_since(order.created_at) <= PENDING_BELIEVED_FOR
}
