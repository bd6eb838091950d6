//! `POST /api/orders/{order_id}/collect`: staff record, once, that they handed over a processed
//! order.

use thali_platform::app::App;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Problem, Request, Response, schema};
use thali_platform::problems;
use thali_platform::store::retry_overtaken;

use super::cached;
use super::view::OrderView;

pub static ENDPOINT: Endpoint = Endpoint::post(
    "order-collect",
    &["/api/orders/{order_id}/collect"],
    Access::Staff,
    handler!(collect),
)
.summary("Records that a processed order was collected")
.answers(200, schema::<OrderView>)
.refuses(&["order_not_found", "order_not_processed", "already_collected"]);

/// Decides and writes; reads and decides again if the order changed at the same time.
async fn collect(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let mess = caller.mess_id()?;
    let order_id = request.param("order_id").ok_or_else(problems::order_not_found)?;
    let stamp = caller.stamp(app, request);
    retry_overtaken(|_| async {
        let order = app.store.order_get(mess, order_id).await?;
        let order = order.ok_or_else(problems::order_not_found)?;
        let collected = order.collected(stamp.at)?;
        cached::forget(app, &collected).await;
        let recorded = app.store.order_collect(&order, &collected, &stamp).await?;
        Ok(recorded.map(|()| Response::ok(&OrderView::from(collected))))
    })
    .await
}
