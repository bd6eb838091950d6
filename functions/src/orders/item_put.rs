//! `PUT /api/items/{sku}`: creates or changes an item of the menu. The stock and the number of its
//! shards stay as they are if the request does not name them.

use thali_domain::accounts::identity::Role;
use thali_domain::orders::menu::{ItemName, PriceTokens, Sku, Stock, StockShards};
use thali_domain::orders::stock::ItemPut;
use thali_domain::text::Typed;
use thali_platform::app::App;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Problem, Request, Response, schema};
use thali_platform::store::{Attempt, retry_overtaken};
use utoipa::ToSchema;

use super::item_view::ItemView;

pub static ENDPOINT: Endpoint =
    Endpoint::put("item-put", &["/api/items/{sku}"], Access::Owner, handler!(put))
        .summary("Puts an item on the menu, or changes it")
        .takes(schema::<PutItem>)
        .answers(200, schema::<ItemView>)
        .answers(201, schema::<ItemView>);

#[derive(eserde::Deserialize, ToSchema)]
struct PutItem {
    #[eserde(compat)]
    #[schema(value_type = ItemName)]
    name: Typed<ItemName>,
    #[eserde(compat)]
    price_tokens: PriceTokens,
    /// The counted number of portions; the stock is unchanged if left out.
    #[serde(default)]
    #[eserde(compat)]
    stock: Option<Stock>,
    available: bool,
    /// The number of shards of the stock; unchanged if left out.
    #[serde(default)]
    #[eserde(compat)]
    stock_shards: Option<StockShards>,
}

impl From<PutItem> for ItemPut {
    fn from(body: PutItem) -> Self {
        let PutItem { name: Typed(name), price_tokens, stock, available, stock_shards } = body;
        Self { name, price: price_tokens, available: Some(available), stock, stock_shards }
    }
}

async fn put(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let mess = &caller.session()?.mess_id;
    let wanted = ItemPut::from(request.json::<PutItem>()?);
    // A malformed SKU is an invalid field and not a 404, because the request may create the item.
    let sku: Sku = request.param_of_new("sku")?;
    let stamp = caller.stamp(app, request);
    retry_overtaken(|_| async {
        let before = app.store.item_get(mess, &sku).await?;
        let item = app.store.item_put(mess, &sku, before.as_ref(), &wanted, &stamp).await?;
        Ok(Attempt::of(item).map(|item| {
            let view = ItemView::of(item, Role::Owner);
            if before.is_none() { Response::created(&view) } else { Response::ok(&view) }
        }))
    })
    .await
}
