//! The menu, and the orders of its items.

mod items;
mod ledger;
mod place;
mod processor;
mod stock;
mod stock_races;
mod sweep;
mod together;

use serde_json::{Value, json};
use thali_domain::ids::OrderId;
use thali_domain::orders::Order;

use crate::support::people::Student;
use crate::support::{Answer, Call, TestApp};

const ORDERS: &str = "/api/orders";

/// The call that orders so many portions of each item.
pub(super) fn ordering(student: &Student, entries: &[(&str, u32)]) -> Call {
    let item = |(sku, quantity): &(&str, u32)| json!({ "sku": sku, "quantity": quantity });
    let items: Vec<Value> = entries.iter().map(item).collect();
    Call::post(ORDERS, &json!({ "items": items })).bearer(&student.token)
}

impl TestApp {
    /// The order of an answer, as it is stored now.
    async fn order_of(&self, answer: &Answer) -> Order {
        let id = OrderId::parse(answer.text("order_id")).expect("an id");
        let found = self.app.store.order_get(&self.mess_id, id).await;
        found.expect("it can be read").expect("it is there")
    }
}
