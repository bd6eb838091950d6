//! `GET /api/orders/{order_id}`: one order. Students see their own orders, staff and owners all
//! orders of their mess.

use thali_domain::accounts::identity::Role;
use thali_domain::ids::OrderId;
use thali_domain::orders::order::Order;
use thali_platform::app::App;
use thali_platform::handler;
use thali_platform::http::{
    Access, Caller, Endpoint, Problem, Request, Response, Session, StaffToken, schema,
};
use thali_platform::problems;

use super::cached;
use super::view::OrderView;

pub static ENDPOINT: Endpoint =
    Endpoint::get("order-get", &["/api/orders/{order_id}"], Access::Counter, handler!(order_get))
        .summary("An order")
        .answers(200, schema::<OrderView>)
        .tells_cache()
        .refuses(&["order_not_found"]);

async fn order_get(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let order_id: OrderId = request.param("order_id").ok_or_else(problems::order_not_found)?;
    let (order, hit) = cached::read(app, caller.mess_id()?, order_id).await?;
    let order = order.filter(|order| may_see(caller, order));
    let order = order.ok_or_else(problems::order_not_found)?;
    Ok(Response::ok(&OrderView::from(order)).from_cache(hit))
}

fn may_see(caller: &Caller, order: &Order) -> bool {
    match caller {
        Caller::Session(session) if session.role == Role::Student => {
            order.account_id == session.account_id
        }
        Caller::Session(Session { mess_id, .. })
        | Caller::StaffToken(StaffToken { mess_id, .. }) => order.mess_id == *mess_id,
        Caller::Anonymous => false,
    }
}
