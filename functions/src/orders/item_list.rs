//! `GET /api/items`: the menu of the caller's mess in the order of SKUs, including items that
//! cannot be ordered.

use thali_platform::app::App;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Problem, Request, Response, schema};

use super::item_view::ItemView;

pub static ENDPOINT: Endpoint =
    Endpoint::get("item-list", &["/api/items"], Access::Counter, handler!(list))
        .summary("The mess's menu, and how much there is of each item")
        .answers_page(schema::<ItemView>);

async fn list(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let (mess, role) = (caller.mess_id()?, caller.role()?);
    let page = request.page()?;
    let after = page.after_id()?;
    let items = app.store.items_page(mess, after.as_ref(), page.reach()).await?;
    let (items, next) = page.cut(items, |item| item.sku.to_string());
    let views: Vec<ItemView> = items.into_iter().map(|item| ItemView::of(item, role)).collect();
    Ok(Response::page(&views, next))
}
