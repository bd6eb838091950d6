//! Items of the menu, and orders in each state, made directly in the store.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::SignedDuration;
use serde_json::{Value, json};
use thali_domain::accounts::identity::{AccountStatus, Role};
use thali_domain::ids::{AccountId, MessId, OrderId};
use thali_domain::orders::basket::Basket;
use thali_domain::orders::menu::{Quantity, Sku};
use thali_domain::orders::order::{
    FailureReason, Order, OrderStatus, Processing, ProcessingInputs,
};
use thali_platform::store::{Attempt, Consistency, keys};

use super::app::TestApp;
use super::call::Call;
use super::people::{PASSWORD, Student};

fn sku(text: &str) -> Sku {
    Sku::parse(text).expect("a SKU")
}

/// The attributes of an item of the orders table.
fn attributes(key: &keys::Key, record: &Value) -> HashMap<String, AttributeValue> {
    let mut attributes = key.attributes();
    let record: HashMap<String, AttributeValue> =
        serde_dynamo::to_item(record).expect("plain data");
    attributes.extend(record);
    attributes
}

impl TestApp {
    /// Puts an item on the demo mess's menu. `shards` has the number of portions in each shard of
    /// its stock. The item's name is its SKU.
    pub async fn seed_item(&self, name: &str, price_tokens: u16, shards: &[u32]) {
        self.seed_item_of(&self.mess_id, name, price_tokens, shards).await;
    }

    /// As [`TestApp::seed_item`], for any mess.
    pub async fn seed_item_of(&self, mess: &MessId, name: &str, price_tokens: u16, shards: &[u32]) {
        let sku = sku(name);
        for (shard, stock) in (0_u8..).zip(shards) {
            let mut record = json!({
                "sku": sku, "mess_id": mess, "stock": stock, "layout": 1, "actor": "test",
                "request_id": "test", "changed_at": self.now().as_millisecond(),
            });
            if shard == 0 {
                record["kind"] = json!("item");
                record["name"] = json!(name);
                record["price_tokens"] = json!(price_tokens);
                record["available"] = json!(true);
                record["stock_shards"] = json!(shards.len());
            } else {
                record["kind"] = json!("stock");
                record["shard"] = json!(shard);
            }
            let key = keys::stock(mess, &sku, shard);
            self.dynamo.put("orders", attributes(&key, &record)).await;
        }
    }

    /// Makes an item of the demo mess's menu unavailable.
    pub async fn withdraw(&self, name: &str) {
        let key = keys::item(&self.mess_id, &sku(name));
        self.dynamo.set("orders", &key, "available", AttributeValue::Bool(false)).await;
    }

    /// How many portions are in each shard of an item's stock.
    pub async fn shards(&self, name: &str) -> Vec<u32> {
        let sku = sku(name);
        let items = self.app.store.items_get(&self.mess_id, [&sku].into_iter()).await;
        items.expect("they can be read").remove(0).shards
    }

    /// How many portions of an item there are.
    pub async fn stock(&self, name: &str) -> u32 {
        self.shards(name).await.iter().sum()
    }

    /// Places an order of a student of the demo mess, without a request. Moves the clock by a
    /// millisecond first, because the ids of a student's orders are made of their times.
    pub async fn place(&self, student: &Student, entries: &[(&str, i64)]) -> Order {
        self.advance(SignedDuration::from_millis(1));
        let quantity = |count| Quantity::try_from(count).expect("a quantity");
        let entries = entries.iter().map(|(name, count)| (sku(name), quantity(*count)));
        let basket = Basket::new(entries.collect()).expect("a number of items").expect("good ones");
        let skus = basket.entries().map(|(sku, _)| sku);
        let menu = self.app.store.items_get(&self.mess_id, skus).await.expect("the menu");
        let reserved = basket.reserve(&menu, &[]).expect("all is there");
        let lines = reserved.iter().map(|reserved| reserved.line.clone()).collect();
        let account = AccountId::parse(&student.account_id).expect("an id");
        let (order_id, mess) = (OrderId::of(account, self.now()), self.mess_id.clone());
        let order = Order::place(order_id, account, mess, lines, self.now()).expect("few tokens");
        let placed = self.app.store.order_place(&order, &reserved, None, &self.stamp()).await;
        assert_eq!(placed.expect("written or overtaken"), Attempt::Done(()), "placed");
        order
    }

    /// Reads an order from the store.
    pub async fn stored(&self, order: &Order) -> Order {
        let found = self.app.store.order_get(&order.mess_id, order.order_id).await;
        found.expect("it can be read").expect("it is there")
    }

    /// Redeems the tokens of a pending order, as the processor does. Returns the processed order,
    /// or `None` if another change was first.
    pub async fn process(&self, pending: &Order) -> Option<Order> {
        let store = &self.app.store;
        let purchases = store.purchases_of(pending.account_id, Consistency::Strong).await;
        let purchases = purchases.expect("they can be read");
        let skus = pending.lines.iter().map(|line| &line.sku);
        let menu = store.items_get(&pending.mess_id, skus).await.expect("the menu");
        let known = ProcessingInputs {
            account: Some(AccountStatus::Active),
            mess_exists: true,
            menu: &menu,
            purchases: &purchases,
        };
        let decided = pending.process(&known, self.now());
        let Processing::Redeem(redemption) = decided else { panic!("{decided:?}") };
        let processed = pending.processed(&redemption, self.now());
        let done = store.order_process(pending, &processed, &purchases, &self.stamp()).await;
        (done.expect("written or overtaken") == Attempt::Done(())).then_some(processed)
    }

    /// Ends a pending order as failed, as the processor does.
    pub async fn fail(&self, pending: &Order, reason: FailureReason) -> Order {
        let failed = pending.failed(reason, self.now());
        let shards = vec![0; pending.lines.len()];
        let done = self.app.store.order_release(pending, &failed, &shards, &self.stamp()).await;
        assert_eq!(done.expect("written or overtaken"), Attempt::Done(()), "it was pending");
        failed
    }

    /// Places and processes an order of one portion of an existing item. The student must have
    /// enough tokens.
    pub async fn processed(&self, student: &Student, name: &str) -> Order {
        let pending = self.place(student, &[(name, 1)]).await;
        let processed = self.process(&pending).await.expect("no concurrent change");
        assert_eq!(self.stored(&pending).await.status, OrderStatus::Processed);
        processed
    }

    /// A logged-in staff member of the demo mess.
    pub async fn staff(&self, email: &str) -> Student {
        self.staff_of(&self.mess_id, email).await
    }

    /// A logged-in staff member of a mess.
    pub async fn staff_of(&self, mess: &MessId, email: &str) -> Student {
        self.account(mess, Role::Staff, AccountStatus::Active, email).await;
        let body = json!({ "mess_id": mess, "email": email, "password": PASSWORD });
        Student::of(&self.send(Call::post("/login", &body)).await)
    }
}
