//! The menu, and the orders of its items. This file has the helpers that several of these tests
//! share.

mod cancel;
mod collect;
mod items;
mod ledger;
mod list;
mod mails;
mod place;
mod processor;
mod races;
mod ready;
mod stock;
mod stock_races;
mod sweep;
mod together;
mod trail;

use serde_json::{Value, json};
use thali_domain::ids::OrderId;
use thali_domain::orders::order::Order;

use crate::support::people::Student;
use crate::support::{Answer, Call, TestApp};

const ORDERS: &str = "/api/orders";

/// The call that orders these portions of each item.
pub(super) fn ordering(student: &Student, entries: &[(&str, u32)]) -> Call {
    let item = |(sku, quantity): &(&str, u32)| json!({ "sku": sku, "quantity": quantity });
    let items: Vec<Value> = entries.iter().map(item).collect();
    Call::post(ORDERS, &json!({ "items": items })).bearer(&student.token)
}

/// The call by which a student cancels an order.
pub(super) fn cancel(student: &Student, order: &Order) -> Call {
    Call::new("POST", &format!("{ORDERS}/{}/cancel", order.order_id)).bearer(&student.token)
}

/// The call by which staff hand an order over.
pub(super) fn collect(staff: &Student, order: &Order) -> Call {
    Call::new("POST", &format!("{ORDERS}/{}/collect", order.order_id)).bearer(&staff.token)
}

/// Everything in the orders table, sorted.
async fn everything(test: &TestApp) -> Vec<String> {
    let items = test.dynamo.items("orders").await.into_iter();
    let mut items: Vec<String> = items
        .map(|item| serde_dynamo::from_item::<_, Value>(item).expect("plain data").to_string())
        .collect();
    items.sort();
    items
}

impl TestApp {
    /// How many entries the index `pending` has in partitions that begin so.
    async fn entries_of(&self, partition: &str) -> u64 {
        let entries = self.dynamo.index_items("orders", "pending").await;
        let partitions = entries.iter().filter_map(|entry| entry.get("pending")?.as_s().ok());
        partitions.map(|it| u64::from(it.starts_with(partition))).sum()
    }

    /// The order that an answer names, as it is stored now.
    async fn order_of(&self, answer: &Answer) -> Order {
        let id = OrderId::parse(answer.text("order_id")).expect("an id");
        let found = self.app.store.order_get(&self.mess_id, id).await;
        found.expect("it can be read").expect("it is there")
    }
}
