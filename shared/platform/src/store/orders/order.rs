//! Orders of stocked items: placing them and every later change. Each change of an order is one
//! write, or one transaction with the stock or the tokens that change too. The condition is that
//! the order is unchanged since it was read.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::TransactWriteItem;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use thali_domain::ids::{AccountId, MessId, OrderId};
use thali_domain::orders::basket::Reserved;
use thali_domain::orders::menu::Portion;
use thali_domain::orders::order::{FailureReason, Order, OrderLine, OrderStatus, RedeemedTokens};
use thali_domain::tokens::purchases::Purchase;

use crate::store::changes::kinds::{Kind, Stored};
use crate::store::changes::trail::Trail;
use crate::store::keys::Key;
use crate::store::waiting_pages::{PageStart, WaitingPage, waiting_page};
use crate::store::{
    Attempt, Attributes, Consistency, IdempotencyKey, Operation, STAMPED, Stamp, Store, StoreError,
    condition_failed, item, keys, millis, none_if_condition_failed, number, put_new, text, update,
    values,
};

/// The storage format of an order.
#[skip_serializing_none]
#[derive(Serialize, Deserialize)]
#[serde(remote = "Order")]
struct OrderItem {
    order_id: OrderId,
    account_id: AccountId,
    mess_id: MessId,
    lines: Vec<OrderLine>,
    #[serde(rename = "total_tokens")]
    total: u16,
    status: OrderStatus,
    failure: Option<FailureReason>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    tokens: RedeemedTokens,
    version: u32,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    created_at: Timestamp,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    updated_at: Timestamp,
    #[serde(default, with = "jiff::fmt::serde::timestamp::millisecond::optional")]
    processed_at: Option<Timestamp>,
    #[serde(default, with = "jiff::fmt::serde::timestamp::millisecond::optional")]
    swept_at: Option<Timestamp>,
}

impl Stored for StoredOrder {
    type Read = Order;
    const KIND: Kind = Kind::Order;
    const TRAIL: Trail = Trail::shows(&[
        "order_id",
        "account_id",
        "mess_id",
        "lines",
        "total_tokens",
        "status",
        "failure",
        "tokens",
        "version",
        "created_at",
        "updated_at",
        "processed_at",
        "swept_at",
        keys::PENDING_INDEX,
    ]);
}

/// An order in its storage format.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub(in crate::store) struct StoredOrder(#[serde(with = "OrderItem")] Order);

impl From<StoredOrder> for Order {
    fn from(stored: StoredOrder) -> Self {
        stored.0
    }
}

/// The partition of the index `pending`: of orders to be processed, then of those to be handed
/// over. The attribute is removed when nothing is left to do.
const PENDING: &str = "pending";

/// A change returns [`Attempt::Overtaken`] if the data that it was decided on has changed since:
/// the order, its items, the tokens, or the idempotency key.
impl Store {
    /// Places an order in one transaction: takes the reserved portions out of the stock, records
    /// the order, and records the outcome of the idempotency key if the request had one.
    pub async fn order_place(
        &self,
        order: &Order,
        reserved: &[Reserved],
        key: Option<&IdempotencyKey>,
        stamp: &Stamp,
    ) -> Result<Attempt<()>, StoreError> {
        let mess = &order.mess_id;
        let of_line = |Reserved { line, portions }: &Reserved| -> Vec<_> {
            portions.iter().map(|portion| self.portion_take(mess, line, *portion, stamp)).collect()
        };
        let mut writes: Vec<_> = reserved.iter().flat_map(of_line).collect();
        let at = keys::order(mess, order.order_id);
        let mut record = item(&at, &StoredOrder(order.clone()), stamp)?;
        if order.status == OrderStatus::Pending {
            record.insert(PENDING.to_owned(), text(keys::pending_partition(order.order_id)));
        }
        writes.push(put_new(&self.tables.orders, record));
        if let Some(key) = key {
            let outcome = order.order_id.to_string();
            let operation = Operation::PlaceOrder;
            writes.push(self.idempotency_put(order.account_id, operation, key, outcome, stamp)?);
        }
        self.transact_if_unchanged(writes).await
    }

    pub async fn order_get(
        &self,
        mess: &MessId,
        order: OrderId,
    ) -> Result<Option<Order>, StoreError> {
        self.order_at(&keys::order(mess, order)).await
    }

    /// Reads the order with a key from an index.
    pub async fn order_at(&self, key: &Key) -> Result<Option<Order>, StoreError> {
        let found: Option<StoredOrder> =
            self.get(&self.tables.orders, key, Consistency::Strong).await?;
        Ok(found.map(|StoredOrder(order)| order))
    }

    /// At most `limit` orders of an account that are older than `before`, newest first.
    pub async fn orders_page(
        &self,
        mess: &MessId,
        account: AccountId,
        before: Option<OrderId>,
        limit: usize,
    ) -> Result<Vec<Order>, StoreError> {
        let partition = keys::orders(mess, account);
        let start = before.map(|order| Key { sk: order.to_string(), pk: partition.clone() });
        let request = self
            .client
            .query()
            .table_name(&self.tables.orders)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", text(partition))
            .scan_index_forward(false)
            .consistent_read(true)
            .set_exclusive_start_key(start.map(|key| key.attributes()))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX));
        // Usually one response. Very large orders may exceed its limit of one megabyte.
        let mut found = request.into_paginator().items().send();
        let mut orders = Vec::with_capacity(limit);
        while orders.len() < limit
            && let Some(attributes) = found.next().await
        {
            orders.push(order_of(attributes?)?);
        }
        Ok(orders)
    }

    /// All orders of an account, oldest first.
    pub async fn orders_of(
        &self,
        mess: &MessId,
        account: AccountId,
    ) -> Result<Vec<Order>, StoreError> {
        let partition = keys::orders(mess, account);
        let found = self.query(&self.tables.orders, &partition, None, Consistency::Strong).await?;
        found.into_iter().map(order_of).collect()
    }

    /// Marks a pending order as processed and redeems its tokens, which were chosen from
    /// `purchases`.
    pub async fn order_process(
        &self,
        pending: &Order,
        processed: &Order,
        purchases: &[Purchase],
        stamp: &Stamp,
    ) -> Result<Attempt<()>, StoreError> {
        let mut writes = vec![self.order_write(pending, processed, stamp)?];
        for purchase in purchases {
            if let Some(numbers) = processed.tokens.get(&purchase.order_id) {
                writes.push(self.redeem_unchanged(purchase, numbers, stamp));
            }
        }
        self.transact_if_unchanged(writes).await
    }

    /// Ends a pending order and puts its portions back, those of each line into one shard.
    pub async fn order_release(
        &self,
        pending: &Order,
        ended: &Order,
        shards: &[u8],
        stamp: &Stamp,
    ) -> Result<Attempt<()>, StoreError> {
        debug_assert_eq!(pending.lines.len(), shards.len(), "there is one shard for each line");
        let give_back = |(line, shard): (&OrderLine, &u8)| {
            let portion = Portion { shard: *shard, count: u32::from(line.quantity) };
            self.portion_return(&pending.mess_id, &line.sku, portion, stamp)
        };
        let mut writes = vec![self.order_write(pending, ended, stamp)?];
        writes.extend(pending.lines.iter().zip(shards).map(give_back));
        self.transact_if_unchanged(writes).await
    }

    /// Records that an order was handed over. If the response to the write is lost, the SDK writes
    /// again and the condition fails. The order's `request_id` then tells whether this request
    /// made the change.
    pub async fn order_collect(
        &self,
        processed: &Order,
        collected: &Order,
        stamp: &Stamp,
    ) -> Result<Attempt<()>, StoreError> {
        let Change { key, expression, condition, names, given } =
            change(processed, collected, stamp)?;
        let request = self
            .client
            .update_item()
            .table_name(&self.tables.orders)
            .set_key(Some(key.attributes()))
            .update_expression(expression)
            .condition_expression(condition)
            .set_expression_attribute_names(Some(names))
            .set_expression_attribute_values(Some(given))
            .return_values_on_condition_check_failure("ALL_OLD".into());
        match request.send().await {
            Ok(_) => Ok(Attempt::Done(())),
            Err(error) if condition_failed(&error) => {
                let found = match error.into_service_error() {
                    UpdateItemError::ConditionalCheckFailedException(failed) => failed.item,
                    _ => None,
                };
                let by =
                    |item: &Attributes| item.get("request_id") == Some(&text(&stamp.request_id));
                Ok(Attempt::of(found.filter(by).map(|_| ())))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The keys of pending orders in one of the [`keys::SHARDS`] that were placed before `before`.
    pub async fn orders_pending(
        &self,
        shard: u8,
        before: Timestamp,
        start: Option<PageStart>,
    ) -> Result<WaitingPage<Key>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.tables.orders)
            .index_name(keys::PENDING_INDEX)
            .key_condition_expression("pending = :pending AND created_at < :before")
            .expression_attribute_values(":pending", text(keys::pending_shard(shard)))
            .expression_attribute_values(":before", millis(before));
        waiting_page(query, start, |item| Ok(Key::of(&item))).await
    }

    /// Re-queues a pending order: the change makes the relay notify the processor again. Returns
    /// `false` if the order is no longer pending or another run re-queued it.
    pub async fn order_sweep(&self, order: &Order, stamp: &Stamp) -> Result<bool, StoreError> {
        let mut given = values(stamp, [(":version", number(order.version))]);
        let not_swept = match order.swept_at {
            None => "attribute_not_exists(swept_at)",
            Some(swept_at) => {
                given.insert(":swept_at".to_owned(), millis(swept_at));
                "swept_at = :swept_at"
            }
        };
        let request = self
            .client
            .update_item()
            .table_name(&self.tables.orders)
            .set_key(Some(keys::order(&order.mess_id, order.order_id).attributes()))
            .update_expression(format!("SET swept_at = :changed_at, {STAMPED}"))
            .condition_expression(format!("version = :version AND {not_swept}"))
            .set_expression_attribute_values(Some(given));
        Ok(none_if_condition_failed(request.send().await)?.is_some())
    }

    fn order_write(
        &self,
        from: &Order,
        to: &Order,
        stamp: &Stamp,
    ) -> Result<TransactWriteItem, StoreError> {
        let Change { key, expression, condition, names, given } = change(from, to, stamp)?;
        Ok(update(&self.tables.orders, &key, &expression, &condition, Some(names), given))
    }
}

struct Change {
    key: Key,
    expression: String,
    condition: String,
    names: HashMap<String, String>,
    given: Attributes,
}

/// The update that changes an order to `to`, with the condition that it is still `from`.
fn change(from: &Order, to: &Order, stamp: &Stamp) -> Result<Change, StoreError> {
    let given = [
        (":from", number(from.version)),
        (":version", number(to.version)),
        (":status", text(to.status.as_str())),
        (":updated_at", millis(to.updated_at)),
    ];
    let mut given = values(stamp, given);
    let mut set = "#status = :status, version = :version, updated_at = :updated_at".to_owned();
    if let Some(failure) = to.failure {
        given.insert(":failure".to_owned(), serde_dynamo::to_attribute_value(failure)?);
        set += ", failure = :failure";
    }
    if let (None, Some(processed_at)) = (from.processed_at, to.processed_at) {
        given.insert(":tokens".to_owned(), serde_dynamo::to_attribute_value(&to.tokens)?);
        given.insert(":processed_at".to_owned(), millis(processed_at));
        set += ", tokens = :tokens, processed_at = :processed_at";
    }
    let pending = if to.status == OrderStatus::Processed {
        given.insert(":ready".to_owned(), text(keys::ready_partition(&to.mess_id)));
        ", pending = :ready"
    } else {
        " REMOVE pending"
    };
    Ok(Change {
        key: keys::order(&from.mess_id, from.order_id),
        expression: format!("SET {set}, {STAMPED}{pending}"),
        // Each change of the status increases the version, so comparing the version is enough.
        condition: "version = :from".to_owned(),
        names: HashMap::from([("#status".to_owned(), "status".to_owned())]),
        given,
    })
}

pub(super) fn order_of(attributes: Attributes) -> Result<Order, StoreError> {
    let StoredOrder(order) = serde_dynamo::from_item(attributes)?;
    Ok(order)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_stored_order_keeps_attribute_names_and_formats() {
        let mut stored = json!({
            "order_id": "ord_01ARZ3NDEKTSV4RRFFQ69G5FAV",
            "account_id": "acc_01ARZ3NDEKTSV4RRFFQ69G5FAV",
            "mess_id": "mess_demo",
            "lines": [{ "sku": "rice", "name": "Rice", "quantity": 2, "price_tokens": 3 }],
            "total_tokens": 6,
            "status": "Pending",
            "version": 1,
            "created_at": 1_767_225_600_000_u64,
            "updated_at": 1_767_225_600_000_u64,
        });
        let order: StoredOrder = serde_json::from_value(stored.clone()).expect("a pending order");
        assert_eq!(serde_json::to_value(order).expect("plain data"), stored);
        stored["status"] = "Failed".into();
        stored["failure"] = "insufficient_tokens".into();
        stored["tokens"] = json!({ "order_Abc123": [1, 2] });
        stored["processed_at"] = 1_767_225_601_000_u64.into();
        stored["swept_at"] = 1_767_225_602_000_u64.into();
        let order: StoredOrder = serde_json::from_value(stored.clone()).expect("an ended order");
        assert_eq!(serde_json::to_value(order).expect("plain data"), stored);
    }
}
