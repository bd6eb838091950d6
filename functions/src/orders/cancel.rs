//! `POST /api/orders/{order_id}/cancel`: a student cancels a pending order. The same transaction
//! returns its portions to the stock. A repeated request returns the cancelled order.

use thali_domain::orders::order::Order;
use thali_platform::app::App;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Problem, Request, Response, schema};
use thali_platform::problems;
use thali_platform::store::{Attempt, Stamp, StoreError, retry_overtaken};

use super::view::OrderView;
use super::{cached, returning};

pub static ENDPOINT: Endpoint = Endpoint::post(
    "order-cancel",
    &["/api/orders/{order_id}/cancel"],
    Access::Student,
    handler!(cancel),
)
.summary("Cancels an order that is still pending")
.answers(200, schema::<OrderView>)
.refuses(&["order_not_found", "order_not_pending"]);

/// Decides and cancels; reads and decides again if the order was processed, or an item's stock
/// was spread over another number of shards, at the same time.
async fn cancel(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let session = caller.session()?;
    let order_id = request.param("order_id").ok_or_else(problems::order_not_found)?;
    let stamp = caller.stamp(app, request);
    retry_overtaken(|_| async {
        let order = app.store.order_get(&session.mess_id, order_id).await?;
        let order = order.filter(|order| order.account_id == session.account_id);
        let order = order.ok_or_else(problems::order_not_found)?;
        let Some(cancelled) = order.cancelled(stamp.at)? else {
            return Ok(Attempt::Done(Response::ok(&OrderView::from(order))));
        };
        let released = release(app, &order, &cancelled, &stamp).await?;
        Ok(released.map(|()| Response::ok(&OrderView::from(cancelled))))
    })
    .await
}

/// Writes the cancellation and returns the portions to the items' stocks.
async fn release(
    app: &App,
    pending: &Order,
    cancelled: &Order,
    stamp: &Stamp,
) -> Result<Attempt<()>, StoreError> {
    let skus = pending.lines.iter().map(|line| &line.sku);
    let menu = app.store.items_get(&pending.mess_id, skus).await?;
    cached::forget(app, cancelled).await;
    let shards = returning::shards(pending, &menu);
    app.store.order_release(pending, cancelled, &shards, stamp).await
}
