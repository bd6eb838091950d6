//! The menu of the app under test: calls of owners and readers.

use serde_json::{Value, json};

use super::app::TestApp;
use super::call::{Answer, Call};
use super::people::Student;

/// The call that puts an item on the menu, or changes it.
pub fn put_item(owner: &Student, sku: &str, body: &Value) -> Call {
    let path = format!("/api/items/{sku}");
    Call::with_body("PUT", &path, "application/json", &body.to_string()).bearer(&owner.token)
}

/// The call that changes an item's stock.
pub fn change_stock(owner: &Student, sku: &str, delta: i64) -> Call {
    let body = json!({ "delta": delta });
    Call::post(&format!("/api/items/{sku}/stock"), &body).bearer(&owner.token)
}

/// The body of an available item, with its stock in `stock_shards` shards.
pub fn dish(name: &str, price_tokens: u16, stock: u32, stock_shards: u8) -> Value {
    json!({
        "name": name, "price_tokens": price_tokens, "stock": stock, "available": true,
        "stock_shards": stock_shards,
    })
}

impl TestApp {
    /// Puts an item on the menu, or changes it.
    pub async fn put_item(&self, owner: &Student, sku: &str, body: &Value) -> Answer {
        self.send(put_item(owner, sku, body)).await
    }

    /// The whole menu as `reader` sees it.
    pub async fn menu(&self, reader: &Student) -> Vec<Value> {
        self.list(reader, "/api/items", 100).await
    }

    /// One item of the menu as `reader` sees it.
    pub async fn item_of(&self, reader: &Student, sku: &str) -> Value {
        let menu = self.menu(reader).await;
        menu.into_iter().find(|item| item["sku"] == sku).expect("it is on the menu")
    }

    /// How many portions of an item there are, according to the menu.
    pub async fn stock_of(&self, reader: &Student, sku: &str) -> u64 {
        self.item_of(reader, sku).await["stock"].as_u64().expect("a number")
    }
}
