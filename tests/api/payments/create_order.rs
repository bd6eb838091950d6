//! `POST /create-order`: refusals, the price of an order, and idempotency keys.

use std::sync::Arc;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use thali_platform::store::keys;

use super::{HISTORY, order};
use crate::support::people::Student;
use crate::support::{Call, TestApp};

fn order_with(student: &Student, body: &Value) -> Call {
    Call::post("/create-order", body).bearer(&student.token)
}

fn order_with_key(student: &Student, count: u16, key: &str) -> Call {
    order(student, count).header("idempotency-key", key)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_needs_a_whole_number_of_tokens_from_1_to_500() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    for count in
        [json!(0), json!(501), json!(-1), json!(1.5), json!("10"), json!(null), json!(true)]
    {
        let answer = test.send(order_with(&asha, &json!({ "token_count": count }))).await;
        assert_eq!(answer.wrong_fields(), ["token_count"], "{count}");
    }
    let answer = test.send(order_with(&asha, &json!({}))).await;
    assert_eq!(answer.wrong_fields(), ["token_count"]);
    assert_eq!(test.list(&asha, HISTORY, 100).await.len(), 0, "nothing was ordered");

    for (count, amount) in [(1, 5_000), (500, 2_500_000)] {
        let answer = test.send(order(&asha, count)).await.expect(201);
        assert_eq!(answer.body["amount_paise"], amount);
        assert_eq!(answer.body["token_count"], count);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_accepts_a_trailing_slash_and_camel_case() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let call = Call::post("/create-order/", &json!({ "tokenCount": 3 })).bearer(&asha.token);
    let answer = test.send(call).await.expect(201);
    let order_id = answer.text("order_id");
    let expected = json!({
        "order_id": order_id,
        "amount_paise": 15_000,
        "currency": "INR",
        "token_count": 3,
        "razorpay_key_id": "rzp_test_key",
    });
    assert_eq!(answer.body, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_cannot_set_the_price() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    for field in ["amount", "amount_paise", "price_paise", "currency", "account_id"] {
        let answer = test.send(order_with(&asha, &json!({ "token_count": 10, field: 1 }))).await;
        assert_eq!(answer.wrong_fields(), [field]);
    }
    let body = json!({ "token_count": 0, "amount": 1, "price": 1 });
    let answer = test.send(order_with(&asha, &body)).await;
    assert_eq!(answer.wrong_fields(), ["amount", "price", "token_count"]);
    assert_eq!(test.list(&asha, HISTORY, 100).await.len(), 0, "nothing was ordered");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_costs_the_current_token_price_of_the_mess() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let before = test.send(order(&asha, 10)).await.expect(201);
    assert_eq!(before.body["amount_paise"], 50_000);

    let price = AttributeValue::N("6250".to_owned());
    test.dynamo.set("meals", &keys::mess(&test.mess_id), "token_price_paise", price).await;
    let after = test.send(order(&asha, 10)).await.expect(201);
    assert_eq!(after.body["amount_paise"], 62_500);

    for (answer, amount) in [(&before, 50_000), (&after, 62_500)] {
        let order_id = answer.text("order_id");
        let known = test.at_partner(&format!("/orders/{order_id}")).await;
        assert_eq!((&known["amount"], &known["currency"]), (&json!(amount), &json!("INR")));
        let checkout = test.pay(order_id, json!({ "outcome": "captured" })).await;
        let verified = test.send(checkout.verify(&asha.token)).await.expect(200);
        assert_eq!(verified.body["payment"]["amount_paise"], amount);
    }
    let data = test.list(&asha, "/student/token-data", 100).await;
    let at = |price: u64| data.iter().filter(|token| token["price_paise"] == price).count();
    assert_eq!((at(5_000), at(6_250)), (10, 10), "a token keeps its price");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_and_body_return_the_first_order_again() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let first = test.send(order_with_key(&asha, 10, "k-1")).await.expect(201);
    assert_eq!(first.header("idempotent-replay"), "");
    for _ in 0..3 {
        let again = test.send(order_with_key(&asha, 10, "k-1")).await.expect(201);
        assert_eq!(again.header("idempotent-replay"), "true");
        assert_eq!(again.body, first.body);
    }
    let other = test.send(order_with_key(&asha, 10, "k-2")).await.expect(201);
    assert_ne!(other.body["order_id"], first.body["order_id"]);
    assert_eq!(test.list(&asha, HISTORY, 100).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_belongs_to_its_student_and_refuses_another_body() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let ravi = test.student("ravi@example.com").await;
    let first = test.send(order_with_key(&asha, 10, "k-1")).await.expect(201);
    let refused = test.send(order_with_key(&asha, 11, "k-1")).await;
    assert_eq!(refused.problem(409), "idempotency_key_reused");
    let own = test.send(order_with_key(&ravi, 10, "k-1")).await.expect(201);
    assert_ne!(own.body["order_id"], first.body["order_id"]);
    assert_eq!(test.list(&asha, HISTORY, 100).await.len(), 1);
    assert_eq!(test.list(&ravi, HISTORY, 100).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_has_1_to_64_visible_characters() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    for key in ["", " ", "two words", "a\tb", &"k".repeat(65)] {
        let answer = test.send(order_with_key(&asha, 10, key)).await;
        assert_eq!(answer.wrong_fields(), ["Idempotency-Key"], "{key:?}");
    }
    assert_eq!(test.list(&asha, HISTORY, 100).await.len(), 0, "nothing was ordered");
    test.send(order_with_key(&asha, 10, &"k".repeat(64))).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_concurrent_orders_with_one_key_create_one_order() {
    let test = Arc::new(TestApp::start().await);
    let asha = test.student("asha@example.com").await;
    let answers = test.send_together(vec![order_with_key(&asha, 10, "k-1"); 10]).await;
    let first = answers[0].body.clone();
    let mut replayed = 0;
    for answer in answers {
        replayed += usize::from(answer.header("idempotent-replay") == "true");
        assert_eq!(answer.expect(201).body, first);
    }
    assert_eq!(replayed, 9, "all but the first");
    let list = test.list(&asha, HISTORY, 100).await;
    assert_eq!((list.len(), &list[0]["order_id"]), (1, &first["order_id"]));
}
