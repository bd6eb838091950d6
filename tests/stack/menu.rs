//! The menu on the deployed stack, with every access of its functions to their tables.

use serde_json::{Value, json};

use super::{Stack, Student};
use crate::support::{Answer, Call};

impl Stack {
    async fn put_item(&self, owner: &Student, sku: &str, body: &Value) -> Answer {
        let path = format!("/api/items/{sku}");
        let call = Call::with_body("PUT", &path, "application/json", &body.to_string());
        self.send(call.bearer(&owner.token)).await
    }

    async fn change_stock(&self, owner: &Student, sku: &str, delta: i64, key: &str) -> Answer {
        let body = json!({ "delta": delta });
        let call = Call::post(&format!("/api/items/{sku}/stock"), &body).bearer(&owner.token);
        self.send(call.header("idempotency-key", key)).await
    }

    /// The menu of the reader's mess.
    pub(super) async fn menu(&self, reader: &Student) -> Vec<Value> {
        let answer = self.send(Call::get("/api/items").bearer(&reader.token)).await.expect(200);
        answer.body["items"].as_array().expect("a list").clone()
    }
}

#[tokio::test]
async fn an_owner_manages_the_menu_and_its_stock() {
    let stack = Stack::running();
    let owner = stack.owner().await;
    let dal = |price: u16| json!({ "name": "Dal", "price_tokens": price, "available": true });
    let mut spread = dal(1);
    (spread["stock"], spread["stock_shards"]) = (json!(20), json!(3));
    stack.put_item(&owner, "dal", &spread).await.expect(201);
    // One portion is taken out of one shard; the transaction checks that the others are unchanged.
    let taken = stack.change_stock(&owner, "dal", -1, "taken").await.expect(200);
    assert_eq!(taken.body["stock"], 19);
    for replay in ["", "true"] {
        let delivered = stack.change_stock(&owner, "dal", 11, "delivered").await.expect(200);
        assert_eq!(delivered.header("idempotent-replay"), replay);
        assert_eq!(delivered.body["stock"], 30);
    }
    let refused = stack.change_stock(&owner, "dal", -31, "refused").await;
    assert_eq!((refused.problem(409), &refused.body["stock"]), ("stock_negative", &json!(30)));

    let dearer = stack.put_item(&owner, "dal", &dal(2)).await.expect(200);
    assert_eq!((&dearer.body["stock"], &dearer.body["stock_shards"]), (&json!(30), &json!(3)));
    let mut together = dal(2);
    together["stock_shards"] = json!(1);
    let together = stack.put_item(&owner, "dal", &together).await.expect(200);
    let expected = json!({
        "sku": "dal", "name": "Dal", "price_tokens": 2, "stock": 30, "available": true,
        "stock_shards": 1,
    });
    assert_eq!(together.body, expected);
    assert_eq!(stack.menu(&owner).await, [expected]);
}

#[tokio::test]
async fn the_demo_mess_has_a_menu_from_the_start() {
    let stack = Stack::running();
    let asha = stack.student("hungry").await;
    let menu = stack.menu(&asha).await;
    assert!(menu.len() >= 8, "{menu:?}");
    let thali = menu.iter().find(|item| item["sku"] == "veg-thali").expect("it is on the menu");
    assert_eq!(thali["name"], "Veg Thali");
}
