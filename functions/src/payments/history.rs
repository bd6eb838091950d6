//! `GET /payment-history`: the student's purchases, newest first.

use thali_platform::app::App;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Page, Problem, Request, Response, schema};
use thali_platform::store::Consistency;

use super::view::PaymentView;

pub static ENDPOINT: Endpoint = Endpoint::get(
    "payment-history",
    &["/payment-history", "/payment-history/"],
    Access::Student,
    handler!(payment_history),
)
.summary("The student's payments, newest first")
.answers_page(schema::<PaymentView>);

async fn payment_history(
    app: &App,
    caller: &Caller,
    request: &Request,
) -> Result<Response, Problem> {
    let page = request.page()?;
    let purchases =
        app.store.purchases_of(caller.session()?.account_id, Consistency::Strong).await?;
    let (purchases, next) =
        page.cut(purchases, |purchase| Page::newest_first(purchase.created_at, &purchase.order_id));
    let views: Vec<PaymentView> = purchases.into_iter().map(Into::into).collect();
    Ok(Response::page(&views, next))
}
