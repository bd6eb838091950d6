//! `GET /api/v1/closures`: all closures of the mess, past ones too, newest first.

use thali_domain::ids::ClosureId;
use thali_platform::app::App;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Problem, Request, Response, schema};

use super::closure_view::ClosureView;

pub static ENDPOINT: Endpoint =
    Endpoint::get("closure-list", &["/api/v1/closures"], Access::Counter, handler!(list))
        .summary("The mess's closures, newest first")
        .answers_page(schema::<ClosureView>);

async fn list(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let mess = caller.mess_id()?;
    let page = request.page()?;
    let before = page.after_id::<ClosureId>()?;
    let closures = app.store.closures_page(mess, before, page.reach()).await?;
    let (closures, next) = page.cut_in_order(closures, |closure| closure.closure_id.to_string());
    let views: Vec<ClosureView> = closures.into_iter().map(Into::into).collect();
    Ok(Response::page(&views, next))
}
