//! The menu: reading items and their stock, and how orders take portions and put them back.
//! Owners' writes are in [`super::stock`].

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use serde::{Deserialize, Serialize};
use thali_domain::ids::MessId;
use thali_domain::orders::menu::{Item, ItemName, Portion, PriceTokens, Sku, Stock, StockShards};
use thali_domain::orders::order::OrderLine;

use crate::store::changes::kinds::{Kind, Stored};
use crate::store::changes::trail::Trail;
use crate::store::keys::Key;
use crate::store::{
    Attributes, CONTENTION_TRIES_MAX, Consistency, STAMPED, Stamp, Store, StoreError,
    contention_pause, keys, number, text, update, values,
};

/// An item in its storage format, with the first shard of its stock.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::store) struct MenuItemRecord {
    pub(super) sku: Sku,
    pub(super) mess_id: MessId,
    pub(super) name: ItemName,
    pub(super) price_tokens: PriceTokens,
    pub(super) available: bool,
    pub(super) stock: u32,
    pub(super) stock_shards: StockShards,
    pub(super) layout: u32,
}

impl Stored for MenuItemRecord {
    type Read = StockRecord;
    const KIND: Kind = Kind::MenuItem;
    const TRAIL: Trail = Trail::shows(&[
        "sku",
        "mess_id",
        "name",
        "price_tokens",
        "available",
        "stock",
        "stock_shards",
        "layout",
    ]);
}

impl MenuItemRecord {
    /// The item. `further` gives the stock of each further shard.
    pub(super) fn with_further(self, further: impl Fn(u8) -> u32) -> Item {
        let Self { sku, name, price_tokens, available, stock, stock_shards, layout, .. } = self;
        let further = (1..stock_shards.get()).map(further);
        let shards = std::iter::once(stock).chain(further).collect();
        Item { sku, name, price: price_tokens, available, shards, layout }
    }

    /// The item with its further shards, taken from `read`. `None` if a shard is missing or
    /// belongs to another layout than the item's.
    fn with_shards(&self, read: &HashMap<(Sku, u8), ShardItem>) -> Option<Item> {
        let own = |shard| {
            let found = read.get(&(self.sku.clone(), shard))?;
            (found.layout == self.layout).then_some(found.stock)
        };
        let further: Option<Vec<u32>> = (1..self.stock_shards.get()).map(own).collect();
        let further = further?;
        Some(self.clone().with_further(|shard| further[usize::from(shard - 1)]))
    }
}

/// A further shard of an item's stock, in its storage format.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::store) struct ShardItem {
    pub(super) sku: Sku,
    pub(super) mess_id: MessId,
    pub(super) shard: u8,
    pub(super) stock: u32,
    pub(super) layout: u32,
}

impl Stored for ShardItem {
    type Read = StockRecord;
    const KIND: Kind = Kind::Stock;
    const TRAIL: Trail = Trail::shows(&["sku", "mess_id", "shard", "stock", "layout"]);
}

/// The stock in one shard of an item, decoded from a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockRecord {
    pub sku: Sku,
    /// The item's name, if this shard holds the item's whole stock.
    pub name: Option<ItemName>,
    /// The number of portions in the shard.
    pub stock: u32,
    /// The layout of the stock that the shard belongs to.
    pub layout: u32,
}

impl From<MenuItemRecord> for StockRecord {
    fn from(item: MenuItemRecord) -> Self {
        let MenuItemRecord { sku, name, stock, stock_shards, layout, .. } = item;
        Self { sku, name: (stock_shards == StockShards::ONE).then_some(name), stock, layout }
    }
}

impl From<ShardItem> for StockRecord {
    fn from(shard: ShardItem) -> Self {
        let ShardItem { sku, stock, layout, .. } = shard;
        Self { sku, name: None, stock, layout }
    }
}

impl Store {
    /// Those of these items that are on the menu, without reading further shards: each of them is
    /// assumed to be full. This is enough for a first try, because the write's conditions check
    /// the real stock. Name, price and availability are read with strong consistency, because only
    /// a write to the first shard checks the price and the availability.
    pub async fn items_without_shards<'a>(
        &self,
        mess: &MessId,
        skus: impl Iterator<Item = &'a Sku>,
    ) -> Result<Vec<Item>, StoreError> {
        let items = self.items_read(mess, skus).await?;
        Ok(items.into_iter().map(|item| item.with_further(|_| Stock::MOST)).collect())
    }

    /// Those of these items that are on the menu, with the stock in each shard.
    pub async fn items_get<'a>(
        &self,
        mess: &MessId,
        skus: impl Iterator<Item = &'a Sku>,
    ) -> Result<Vec<Item>, StoreError> {
        let items = self.items_read(mess, skus).await?;
        self.with_shards(mess, items).await
    }

    /// One item of the menu, with the stock in each shard.
    pub async fn item_get(&self, mess: &MessId, sku: &Sku) -> Result<Option<Item>, StoreError> {
        Ok(self.items_get(mess, std::iter::once(sku)).await?.pop())
    }

    /// At most `limit` items of a mess that come after `after`, in the order of their SKUs, with
    /// the stock in each shard.
    pub async fn items_page(
        &self,
        mess: &MessId,
        after: Option<&Sku>,
        limit: usize,
    ) -> Result<Vec<Item>, StoreError> {
        let start = after.map(|sku| keys::item(mess, sku).attributes());
        let answer = self
            .client
            .query()
            .table_name(&self.tables.orders)
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":pk", text(keys::menu(mess)))
            .expression_attribute_values(":prefix", text(keys::ITEMS))
            .consistent_read(true)
            .set_exclusive_start_key(start)
            // A hundred items of a few hundred bytes are far below the megabyte at which DynamoDB
            // ends a page.
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .send()
            .await?;
        let items = read_all(answer.items.unwrap_or_default())?;
        let mut items = self.with_shards(mess, items).await?;
        items.sort_by(|one, other| one.sku.cmp(&other.sku));
        Ok(items)
    }

    async fn items_read<'a>(
        &self,
        mess: &MessId,
        skus: impl Iterator<Item = &'a Sku>,
    ) -> Result<Vec<MenuItemRecord>, StoreError> {
        let keys = skus.map(|sku| keys::item(mess, sku)).collect();
        read_all(self.batch_get(&self.tables.orders, keys, Consistency::Strong).await?)
    }

    /// The items with the stock of their further shards, in no particular order.
    ///
    /// An item and its shards are not read at the same moment. Sales between the reads do no harm:
    /// the sum then lies between the stock at the first read and the stock at the last. If an
    /// owner changes the layout between the reads, the sum could be a number that the stock never
    /// was. The layout numbers then differ, and the item is read again.
    async fn with_shards(
        &self,
        mess: &MessId,
        mut items: Vec<MenuItemRecord>,
    ) -> Result<Vec<Item>, StoreError> {
        let mut complete = Vec::with_capacity(items.len());
        // Not `retry_overtaken`: items that were read completely are kept from one try to the
        // next.
        for attempt in 1..=CONTENTION_TRIES_MAX {
            let shards = self.shards_read(mess, &items).await?;
            let mut torn = Vec::new();
            for item in items {
                match item.with_shards(&shards) {
                    Some(item) => complete.push(item),
                    None => torn.push(item.sku),
                }
            }
            if torn.is_empty() {
                return Ok(complete);
            }
            contention_pause(attempt).await;
            items = self.items_read(mess, torn.iter()).await?;
        }
        Err(StoreError::Contended)
    }

    async fn shards_read(
        &self,
        mess: &MessId,
        items: &[MenuItemRecord],
    ) -> Result<HashMap<(Sku, u8), ShardItem>, StoreError> {
        let of_item = |item: &MenuItemRecord| -> Vec<Key> {
            let further = 1..item.stock_shards.get();
            further.map(|shard| keys::stock(mess, &item.sku, shard)).collect()
        };
        let keys = items.iter().flat_map(of_item).collect();
        let found = self.batch_get(&self.tables.orders, keys, Consistency::Strong).await?;
        let shards: Vec<ShardItem> = read_all(found)?;
        Ok(shards.into_iter().map(|shard| ((shard.sku.clone(), shard.shard), shard)).collect())
    }

    /// The write that takes portions of a line out of a shard, if the shard holds enough. The
    /// first shard is part of the item, so there the condition also checks the price and the
    /// availability.
    pub(super) fn portion_take(
        &self,
        mess: &MessId,
        line: &OrderLine,
        portion: Portion,
        stamp: &Stamp,
    ) -> TransactWriteItem {
        let mut given = values(stamp, [(":taken", number(portion.count))]);
        let mut condition = "stock >= :taken".to_owned();
        if portion.shard == 0 {
            given.insert(":price".to_owned(), number(line.price_tokens));
            given.insert(":yes".to_owned(), AttributeValue::Bool(true));
            condition += " AND price_tokens = :price AND available = :yes";
        }
        let key = keys::stock(mess, &line.sku, portion.shard);
        let expression = format!("SET stock = stock - :taken, {STAMPED}");
        update(&self.tables.orders, &key, &expression, &condition, None, given)
    }

    /// The write that puts portions back into a shard. It fails if the shard no longer exists.
    pub(super) fn portion_return(
        &self,
        mess: &MessId,
        sku: &Sku,
        portion: Portion,
        stamp: &Stamp,
    ) -> TransactWriteItem {
        let given = values(stamp, [(":returned", number(portion.count))]);
        let key = keys::stock(mess, sku, portion.shard);
        let expression = format!("SET stock = stock + :returned, {STAMPED}");
        update(&self.tables.orders, &key, &expression, "attribute_exists(pk)", None, given)
    }
}

fn read_all<T: serde::de::DeserializeOwned>(items: Vec<Attributes>) -> Result<Vec<T>, StoreError> {
    items.into_iter().map(|item| Ok(serde_dynamo::from_item(item)?)).collect()
}
