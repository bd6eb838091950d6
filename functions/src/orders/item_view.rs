//! An item of the menu as clients see it.

use serde::Serialize;
use thali_domain::accounts::identity::Role;
use thali_domain::orders::menu::{Item, ItemName, PriceTokens, Sku, StockShards};
use utoipa::ToSchema;

/// An item of the menu.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Item)]
pub struct ItemView {
    sku: Sku,
    name: ItemName,
    price_tokens: PriceTokens,
    stock: u32,
    available: bool,
    /// The number of shards of the stock; shown only to owners.
    #[serde(skip_serializing_if = "Option::is_none")]
    stock_shards: Option<StockShards>,
}

impl ItemView {
    /// The item as a reader with this role sees it.
    #[must_use]
    pub fn of(item: Item, reader: Role) -> Self {
        Self {
            stock: item.stock(),
            stock_shards: (reader == Role::Owner).then(|| item.stock_shards()),
            sku: item.sku,
            name: item.name,
            price_tokens: item.price,
            available: item.available,
        }
    }
}
