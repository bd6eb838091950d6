//! `GET /api/orders`: the student's orders, newest first.

use thali_domain::ids::OrderId;
use thali_platform::app::App;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Problem, Request, Response, schema};

use super::view::OrderView;

pub static ENDPOINT: Endpoint =
    Endpoint::get("order-list", &["/api/orders"], Access::Student, handler!(list))
        .summary("The student's orders, newest first")
        .answers_page(schema::<OrderView>);

async fn list(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let session = caller.session()?;
    let page = request.page()?;
    let own = |order: &OrderId| order.account_part() == session.account_id.account_part();
    let before = page.after_id_where(own)?;
    let (mess, account) = (&session.mess_id, session.account_id);
    let orders = app.store.orders_page(mess, account, before, page.reach()).await?;
    let (orders, next) = page.cut_in_order(orders, |order| order.order_id.to_string());
    let views: Vec<OrderView> = orders.into_iter().map(Into::into).collect();
    Ok(Response::page(&views, next))
}
