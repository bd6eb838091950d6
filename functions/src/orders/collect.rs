//! `POST /api/orders/{order_id}/collect`: staff hand a processed order over, once.

use thali_platform::app::App;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Problem, Request, Response, schema};
use thali_platform::problems;
use thali_platform::store::{CONTENTION_TRIES_MAX, OrderError, StoreError, contention_pause};

use super::cached;
use super::view::OrderView;

/// The endpoint.
pub static ENDPOINT: Endpoint = Endpoint::post(
    "order-collect",
    &["/api/orders/{order_id}/collect"],
    Access::Staff,
    handler!(collect),
)
.summary("Records that a processed order was handed over")
.answers(200, schema::<OrderView>)
.refuses(&["order_not_found", "order_not_processed", "already_collected"]);

/// Decides and records; decides again where the order changed at the same moment.
async fn collect(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let mess = caller.mess_id()?;
    let order_id = request.param("order_id").ok_or_else(problems::order_not_found)?;
    let stamp = caller.stamp(app, request);
    for attempt in 1..=CONTENTION_TRIES_MAX {
        let order = app.store.order_get(mess, order_id).await?;
        let order = order.ok_or_else(problems::order_not_found)?;
        let collected = order.collected(stamp.at)?;
        cached::forget(app, &collected).await;
        match app.store.order_collect(&order, &collected, &stamp).await {
            Ok(()) => return Ok(Response::ok(&OrderView::from(collected))),
            Err(OrderError::Overtaken) => contention_pause(attempt).await,
            Err(OrderError::Store(error)) => return Err(error.into()),
        }
    }
    Err(StoreError::Contended.into())
}
