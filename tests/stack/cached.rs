//! Responses from Redis on the deployed stack: its functions, the filters of its streams and its
//! grants.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use thali_domain::ids::{AccountId, MessId, OrderId, RazorpayOrderId};
use thali_platform::store::keys::{self, Key};

use super::{Stack, Student, eventually};
use crate::support::menu::dish;
use crate::support::{Answer, Call};

impl Stack {
    async fn order_of(&self, reader: &Student, order_id: &str) -> Answer {
        let call = Call::get(&format!("/api/orders/{order_id}")).bearer(&reader.token);
        self.send(call).await
    }

    /// Waits until an order has this status, whether it comes from Redis or DynamoDB.
    async fn has_become(&self, reader: &Student, order_id: &str, status: &str) {
        eventually("the order follows", async || {
            let answer = self.order_of(reader, order_id).await.expect(200);
            (answer.body["status"] == status).then_some(())
        })
        .await;
    }

    /// Waits until the response comes from Redis. Returns its body.
    async fn hit(&self, call: &Call) -> Value {
        eventually("Redis has it", async || {
            let answer = self.send(call.clone()).await.expect(200);
            (answer.header("x-cache") == "hit").then_some(answer.body)
        })
        .await
    }

    /// Changes an item in the table without evicting it from Redis.
    async fn change(&self, table: &str, key: &Key, change: &str, values: &[(&str, i64)]) {
        let number = |(name, value): &(&str, i64)| {
            ((*name).to_owned(), AttributeValue::N(value.to_string()))
        };
        let values: HashMap<_, _> = values.iter().map(number).collect();
        aws_sdk_dynamodb::Client::new(&self.aws().await)
            .update_item()
            .table_name(self.name(table))
            .set_key(Some(key.attributes()))
            .condition_expression("attribute_exists(pk)")
            .update_expression(change)
            .set_expression_attribute_values(Some(values))
            .send()
            .await
            .expect("the table can be written");
    }
}

#[tokio::test]
async fn orders_and_counts_come_from_redis_until_the_stream_reports_a_change() {
    let stack = Stack::running();
    let owner = stack.owner().await;
    let diner = stack.student_of(&owner, "diner").await;
    let neighbour = stack.student_of(&owner, "neighbour").await;
    let item = dish("Thali", 1, 10, 2).to_string();
    let put = Call::with_body("PUT", "/api/items/thali", "application/json", &item);
    stack.send(put.bearer(&owner.token)).await.expect(201);
    let checkout = stack.pay_for_tokens(&diner, 5, false).await;
    let verify = Call::post("/verify-payment", &checkout).bearer(&diner.token);
    stack.send(verify).await.expect(200);
    assert_eq!(stack.token_count(&diner).await, 5);

    let body = json!({ "items": [{ "sku": "thali", "quantity": 2 }] });
    let placed = stack.send(Call::post("/api/orders", &body).bearer(&diner.token)).await;
    let placed = placed.expect(202);
    let order_id = placed.text("order_id");
    stack.has_become(&diner, order_id, "Processed").await;
    assert_eq!(stack.token_count(&diner).await, 3);
    let order = Call::get(&format!("/api/orders/{order_id}")).bearer(&diner.token);
    assert_eq!(stack.hit(&order).await["status"], "Processed");
    let count = Call::get("/student/tokens").bearer(&diner.token);
    assert_eq!(stack.hit(&count).await["count"], 3);
    assert_eq!(stack.order_of(&owner, order_id).await.expect(200).body["status"], "Processed");
    let refused = stack.order_of(&neighbour, order_id).await;
    assert_eq!(refused.problem(404), "order_not_found");

    let mess = MessId::parse(&diner.mess_id).expect("an id");
    let key = keys::order(&mess, OrderId::parse(order_id).expect("an id"));
    let change = "SET updated_at = :at, version = :version";
    stack.change("orders", &key, change, &[(":at", 0), (":version", 9)]).await;
    eventually("the order is read again", async || {
        let answer = stack.order_of(&diner, order_id).await.expect(200);
        (answer.text("updated_at") == "1970-01-01T00:00:00Z").then_some(())
    })
    .await;

    let account = AccountId::parse(&diner.account_id).expect("an id");
    let purchase = checkout["order_id"].as_str().expect("an id");
    let purchase = RazorpayOrderId::parse(purchase).expect("an id");
    let key = keys::purchase(account, &purchase);
    stack.change("tokens", &key, "SET expires_at = :past", &[(":past", 1)]).await;
    eventually("the tokens are counted again", async || {
        (stack.token_count(&diner).await == 0).then_some(())
    })
    .await;
}
