//! Owners' changes of the menu: items and their stock. Each change is one write, or one
//! transaction over the shards that it touches.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, TransactWriteItem};
use thali_domain::ids::{AccountId, MessId};
use thali_domain::orders::menu::{Item, Sku};
use thali_domain::orders::stock::{CountChange, ItemPut, PutPlan, ShardChange, StockChange};

use super::menu::{MenuItemRecord, ShardItem};
use crate::store::keys::Key;
use crate::store::{
    Attributes, IdempotencyKey, Operation, STAMPED, Stamp, Store, StoreError, TransactError,
    delete, item, keys, none_if_condition_failed, number, put_new, text, update, values,
};

/// The condition of a delivery or a withdrawal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StockCondition {
    /// Every shard is unchanged since it was read, so the stock after the change is known exactly.
    AsRead,
    /// Only the rules hold. A withdrawal requires enough portions in each shard that it takes
    /// from. A delivery requires that no shard holds more than when it was read; sales alone never
    /// break this.
    Sufficient,
}

/// The layout number of a new item.
const FIRST_LAYOUT: u32 = 1;

impl Store {
    /// Creates or changes an item as an owner wants. The change is decided on `before`, the item
    /// as it was read, or `None` if the menu had no such item. Returns the item after the change,
    /// or `None` if a concurrent change interfered, or a sale of portions that had to be moved:
    /// read again.
    pub async fn item_put(
        &self,
        mess: &MessId,
        sku: &Sku,
        before: Option<&Item>,
        put: &ItemPut,
        stamp: &Stamp,
    ) -> Result<Option<Item>, StoreError> {
        let with = |shards, layout| {
            let ItemPut { name, price, available, .. } = put.clone();
            let available = available.unwrap_or_else(|| before.is_none_or(|item| item.available));
            Item { sku: sku.clone(), name, price, available, shards, layout }
        };
        let (after, writes) = match (put.plan(before), before) {
            (PutPlan::Describe, Some(before)) => {
                return self.item_describe(mess, before, put, stamp).await;
            }
            // Unreachable: the plan for a new item is never to describe it.
            (PutPlan::Describe, None) => return Ok(None),
            (PutPlan::Create(shards), _) => {
                let after = with(shards, FIRST_LAYOUT);
                let writes = self.item_create_writes(mess, &after, stamp)?;
                (after, writes)
            }
            (PutPlan::LayOut { shards, changes }, _) => {
                let layout = before.map_or(FIRST_LAYOUT, |before| before.layout + 1);
                let after = with(shards, layout);
                let writes = self.item_lay_out_writes(mess, put, &after, &changes, stamp)?;
                (after, writes)
            }
        };
        match self.transact(writes).await {
            Ok(()) => Ok(Some(after)),
            Err(TransactError::Conditions(_) | TransactError::Conflict) => Ok(None),
            Err(TransactError::Store(error)) => Err(error),
        }
    }

    /// Changes only the name, the price and the availability of an item, in one write. Sales do
    /// not change the layout, so they cannot make the condition fail. The further shards as read
    /// still match the first shard that the write returns.
    async fn item_describe(
        &self,
        mess: &MessId,
        before: &Item,
        put: &ItemPut,
        stamp: &Stamp,
    ) -> Result<Option<Item>, StoreError> {
        let mut given = values(stamp, [(":layout", number(before.layout))]);
        let told = description_assignments(put, &mut given);
        let request = self
            .client
            .update_item()
            .table_name(&self.tables.orders)
            .set_key(Some(keys::item(mess, &before.sku).attributes()))
            .update_expression(format!("SET {told}, {STAMPED}"))
            .condition_expression("layout = :layout")
            .set_expression_attribute_names(Some(name_names()))
            .set_expression_attribute_values(Some(given))
            .return_values("ALL_NEW".into());
        let answer = match none_if_condition_failed(request.send().await) {
            Ok(Some(answer)) => answer,
            // An order is taking portions from the item's first shard at this moment.
            Ok(None) | Err(StoreError::Contended) => return Ok(None),
            Err(error) => return Err(error),
        };
        let item: MenuItemRecord = serde_dynamo::from_item(answer.attributes.unwrap_or_default())?;
        let held = |shard| before.shards.get(usize::from(shard)).copied().unwrap_or(0);
        Ok(Some(item.with_further(held)))
    }

    fn item_create_writes(
        &self,
        mess: &MessId,
        new: &Item,
        stamp: &Stamp,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let record = MenuItemRecord {
            sku: new.sku.clone(),
            mess_id: mess.clone(),
            name: new.name.clone(),
            price_tokens: new.price,
            available: new.available,
            stock: new.shards.first().copied().unwrap_or(0),
            stock_shards: new.stock_shards(),
            layout: new.layout,
        };
        let at = keys::item(mess, &new.sku);
        let mut writes = vec![put_new(&self.tables.orders, item(&at, &record, stamp)?)];
        for (shard, stock) in (0..).zip(&new.shards).skip(1) {
            writes.push(self.shard_add(mess, new, shard, *stock, stamp)?);
        }
        Ok(writes)
    }

    /// The writes that turn an item into `after`, as `put` wants. Each new layout increases the
    /// layout number, so if two owners change the layout at once, one of them must read again.
    fn item_lay_out_writes(
        &self,
        mess: &MessId,
        put: &ItemPut,
        after: &Item,
        changes: &[ShardChange],
        stamp: &Stamp,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let mut writes = Vec::with_capacity(changes.len());
        for (shard, change) in (0..).zip(changes) {
            let key = keys::stock(mess, &after.sku, shard);
            writes.push(match *change {
                ShardChange::Add(stock) => self.shard_add(mess, after, shard, stock, stamp)?,
                ShardChange::Remove(held) => self.shard_remove(&key, held),
                ShardChange::Keep(holding) => {
                    let mut given = values(stamp, [(":layout", number(after.layout))]);
                    let (mut set, mut condition) = shard_keep(holding, &mut given);
                    let mut names = None;
                    if shard == 0 {
                        set += ", stock_shards = :shards, ";
                        set += &description_assignments(put, &mut given);
                        names = Some(name_names());
                        condition += " AND layout = :read";
                        given.insert(":shards".to_owned(), number(after.stock_shards()));
                        given.insert(":read".to_owned(), number(after.layout - 1));
                    }
                    let set = format!("SET {set}, layout = :layout, {STAMPED}");
                    update(&self.tables.orders, &key, &set, &condition, names, given)
                }
            });
        }
        Ok(writes)
    }

    /// The write that creates a shard.
    fn shard_add(
        &self,
        mess: &MessId,
        of: &Item,
        shard: u8,
        stock: u32,
        stamp: &Stamp,
    ) -> Result<TransactWriteItem, StoreError> {
        let (sku, layout) = (of.sku.clone(), of.layout);
        let record = ShardItem { sku, mess_id: mess.clone(), shard, stock, layout };
        let at = keys::stock(mess, &of.sku, shard);
        Ok(put_new(&self.tables.orders, item(&at, &record, stamp)?))
    }

    /// The write that removes a shard: if `held` is given, only while the shard holds exactly that
    /// many portions.
    fn shard_remove(&self, key: &Key, held: Option<u32>) -> TransactWriteItem {
        let given = held.map(|held| (":held".to_owned(), number(held)));
        let condition = if held.is_some() { "stock = :held" } else { "attribute_exists(pk)" };
        delete(&self.tables.orders, key, Some(condition), given.into_iter().collect())
    }
}

impl Store {
    /// Carries out a delivery or a withdrawal that was decided on `item`, and records the new
    /// stock as the outcome of the idempotency key if the request had one. Returns `false` if
    /// `condition` no longer holds: read again.
    pub async fn stock_change(
        &self,
        mess: &MessId,
        item: &Item,
        change: &StockChange,
        condition: StockCondition,
        key: Option<(AccountId, &IdempotencyKey)>,
        stamp: &Stamp,
    ) -> Result<bool, StoreError> {
        let mut writes = Vec::with_capacity(item.shards.len() + 1);
        for (shard, held) in (0..).zip(&item.shards) {
            let portion = change.portions.iter().find(|portion| portion.shard == shard);
            let count = portion.map(|portion| portion.count);
            let (condition, mut given) = match condition {
                StockCondition::AsRead => ("stock = :read", vec![(":read", *held)]),
                StockCondition::Sufficient if change.delivery => {
                    ("stock <= :read", vec![(":read", *held)])
                }
                StockCondition::Sufficient if count.is_none() => continue,
                StockCondition::Sufficient => ("stock >= :count", vec![]),
            };
            let mut condition = condition.to_owned();
            // The layout must be unchanged, so that no shard exists besides those that were read.
            if shard == 0 && !given.is_empty() {
                condition.push_str(" AND layout = :layout");
                given.push((":layout", item.layout));
            }
            let given = given.into_iter().map(|(name, value)| (name.to_owned(), number(value)));
            let at = keys::stock(mess, &item.sku, shard);
            writes.push(match count {
                None => check(&self.tables.orders, &at, &condition, given.collect()),
                Some(count) => {
                    let sign = if change.delivery { '+' } else { '-' };
                    let expression = format!("SET stock = stock {sign} :count, {STAMPED}");
                    let mut all = values(stamp, [(":count", number(count))]);
                    all.extend(given);
                    update(&self.tables.orders, &at, &expression, &condition, None, all)
                }
            });
        }
        if let Some((account, key)) = key {
            let outcome = change.stock.to_string();
            let operation = Operation::ChangeStock;
            writes.push(self.idempotency_put(account, operation, key, outcome, stamp)?);
        }
        match self.transact(writes).await {
            Ok(()) => Ok(true),
            Err(TransactError::Conditions(_) | TransactError::Conflict) => Ok(false),
            Err(TransactError::Store(error)) => Err(error),
        }
    }
}

/// The assignment of the stock of a shard that stays, and its condition. Adds their values to
/// `given`.
fn shard_keep(holding: CountChange, given: &mut Attributes) -> (String, String) {
    let (count, stock, condition) = match holding {
        CountChange::Set(count) => (count, "stock = :count", "attribute_exists(pk)"),
        CountChange::Gain(count) => (count, "stock = stock + :count", "attribute_exists(pk)"),
        CountChange::Give(count) => (count, "stock = stock - :count", "stock >= :count"),
    };
    given.insert(":count".to_owned(), number(count));
    (stock.to_owned(), condition.to_owned())
}

/// The assignments of the name, the price and the availability. Adds their values to `given`.
fn description_assignments(put: &ItemPut, given: &mut Attributes) -> String {
    given.insert(":name".to_owned(), text(&put.name));
    given.insert(":price".to_owned(), number(put.price));
    let told = "#name = :name, price_tokens = :price";
    let Some(available) = put.available else { return told.to_owned() };
    given.insert(":available".to_owned(), AttributeValue::Bool(available));
    format!("{told}, available = :available")
}

/// `name` is a reserved word of DynamoDB.
fn name_names() -> HashMap<String, String> {
    HashMap::from([("#name".to_owned(), "name".to_owned())])
}

/// A condition on an item that is not written, as part of a transaction.
fn check(table: &str, key: &Key, condition: &str, values: Attributes) -> TransactWriteItem {
    let check = ConditionCheck::builder()
        .table_name(table)
        .set_key(Some(key.attributes()))
        .condition_expression(condition)
        .set_expression_attribute_values(Some(values));
    TransactWriteItem::builder()
        .condition_check(check.build().expect("table, key and condition are set"))
        .build()
}
