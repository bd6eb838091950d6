//! Placing an order: what is reserved, what is returned, and what is refused.

use jiff::SignedDuration;
use serde_json::{Value, json};
use thali_domain::orders::order::{FailureReason, OrderStatus};

use super::{ORDERS, ordering};
use crate::support::people::Student;
use crate::support::{Call, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn an_order_reserves_portions_at_once_and_redeems_tokens_later() {
    let test = TestApp::start().await;
    let asha = &test.crowd(1, 10).await[0];
    test.seed_item("thali", 2, &[20]).await;
    test.seed_item("lassi", 1, &[5]).await;
    let answer = test.send(ordering(asha, &[("thali", 3), ("lassi", 1)])).await.expect(202);
    let expected = json!({
        "order_id": answer.body["order_id"],
        "user_id": asha.account_id,
        "items": [
            { "sku": "thali", "name": "thali", "quantity": 3, "price_tokens": 2 },
            { "sku": "lassi", "name": "lassi", "quantity": 1, "price_tokens": 1 },
        ],
        "total_amount": 7,
        "currency": "token",
        "status": "Pending",
        "created_at": "2026-01-15T06:30:00Z",
        "updated_at": "2026-01-15T06:30:00Z",
    });
    assert_eq!(answer.body, expected);
    assert!(answer.text("order_id").starts_with("ord_"));
    assert_eq!((test.stock("thali").await, test.stock("lassi").await), (17, 4));
    assert_eq!(test.token_count(asha).await, 10, "nothing is charged yet");

    test.settle().await;
    let order = test.order_of(&answer).await;
    assert_eq!((order.status, order.version), (OrderStatus::Processed, 2));
    assert_eq!(test.token_count(asha).await, 3);
    assert_eq!((test.stock("thali").await, test.stock("lassi").await), (17, 4));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_without_enough_tokens_fails_and_returns_its_portions() {
    let test = TestApp::start().await;
    let asha = &test.crowd(1, 3).await[0];
    test.seed_item("thali", 2, &[4, 4]).await;
    let answer = test.send(ordering(asha, &[("thali", 2)])).await.expect(202);
    assert_eq!(test.stock("thali").await, 6);
    test.settle().await;
    let order = test.order_of(&answer).await;
    let failed = (OrderStatus::Failed, Some(FailureReason::InsufficientTokens));
    assert_eq!((order.status, order.failure), failed);
    assert_eq!((test.stock("thali").await, test.token_count(asha).await), (8, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_create_path_and_the_older_field_name_are_accepted() {
    let test = TestApp::start().await;
    let asha = &test.crowd(1, 1).await[0];
    test.seed_item("thali", 1, &[9]).await;
    let body = json!({ "items": [{ "productId": "thali", "quantity": 1 }] });
    let call = Call::post("/api/orders/create", &body).bearer(&asha.token);
    assert_eq!(test.send(call).await.expect(202).body["items"][0]["sku"], "thali");
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_of_the_same_item_are_merged_into_one_line() {
    let test = TestApp::start().await;
    let asha = &test.crowd(1, 9).await[0];
    test.seed_item("thali", 1, &[9]).await;
    test.seed_item("lassi", 1, &[9]).await;
    let call = ordering(asha, &[("thali", 1), ("lassi", 2), ("thali", 3)]);
    let answer = test.send(call).await.expect(202);
    let lines: Vec<_> = answer.body["items"].as_array().expect("a list").iter().collect();
    assert_eq!(lines.len(), 2);
    assert_eq!((&lines[0]["sku"], &lines[0]["quantity"]), (&json!("thali"), &json!(4)));
    assert_eq!(test.stock("thali").await, 5);
    let many = test.send(ordering(asha, &[("lassi", 600), ("lassi", 600)])).await;
    assert_eq!(many.problem(422), "invalid_fields");
    assert_eq!(many.body["errors"][0]["field"], "items[1].quantity");
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_input_names_the_field_and_reserves_nothing() {
    let test = TestApp::start().await;
    let asha = &test.crowd(1, 9).await[0];
    test.seed_item("thali", 1, &[9]).await;
    let entry = |quantity: Value| json!({ "sku": "thali", "quantity": quantity });
    let with = |name: &str, value: Value| {
        let mut entry = entry(json!(1));
        entry[name] = value;
        entry
    };
    let cases = [
        (json!([]), "items"),
        (json!(vec![entry(json!(1)); 21]), "items"),
        (json!([entry(json!(0))]), "items[0].quantity"),
        (json!([entry(json!(-1))]), "items[0].quantity"),
        (json!([entry(json!(1.5))]), "items[0].quantity"),
        (json!([entry(json!(1_000_000_000))]), "items[0].quantity"),
        (json!([entry(json!("1"))]), "items[0].quantity"),
        (json!([entry(json!(1)), { "sku": "tea", "quantity": 1 }]), "items[1].sku"),
        (json!([{ "sku": "th ali", "quantity": 1 }]), "items[0].sku"),
        (json!([{ "quantity": 1 }]), "items[0].sku"),
        (json!([with("price_tokens", json!(0))]), "items[0].price_tokens"),
        (json!([with("price", json!(0))]), "items[0].price"),
        (json!("thali"), "items"),
    ];
    for (items, field) in cases {
        let call = Call::post(ORDERS, &json!({ "items": items })).bearer(&asha.token);
        let answer = test.send(call).await;
        assert_eq!(answer.problem(422), "invalid_fields", "{items}");
        let errors = answer.body["errors"].as_array().expect("a list");
        let fields: Vec<_> = errors.iter().filter_map(|error| error["field"].as_str()).collect();
        assert_eq!(fields, [field], "{items}: {errors:?}");
    }
    let total = json!({ "items": [entry(json!(1))], "total_amount": 0 });
    let answer = test.send(Call::post(ORDERS, &total).bearer(&asha.token)).await;
    assert_eq!(answer.problem(422), "invalid_fields");
    assert_eq!(answer.body["errors"][0]["field"], "total_amount");
    assert_eq!(test.stock("thali").await, 9);
    assert_eq!(test.dynamo.items("orders").await.len(), 1, "only the item");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_out_of_stock_order_names_the_items_and_reserves_nothing() {
    let test = TestApp::start().await;
    let asha = &test.crowd(1, 50).await[0];
    test.seed_item("thali", 1, &[2, 3]).await;
    test.seed_item("lassi", 1, &[9]).await;
    test.seed_item("idli", 1, &[0]).await;
    let wanted = [("thali", 6), ("lassi", 9), ("idli", 1)];
    let answer = test.send(ordering(asha, &wanted)).await;
    assert_eq!(answer.problem(409), "out_of_stock");
    let short = json!([
        { "sku": "thali", "requested": 6, "available": 5 },
        { "sku": "idli", "requested": 1, "available": 0 },
    ]);
    assert_eq!(answer.body["items"], short);
    assert_eq!((test.stock("thali").await, test.stock("lassi").await), (5, 9));
    test.send(ordering(asha, &[("thali", 5), ("lassi", 9)])).await.expect(202);
    assert_eq!(test.shards("thali").await, [0, 0], "from both shards together");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawn_item_cannot_be_ordered_and_fails_its_pending_orders() {
    let test = TestApp::start().await;
    let asha = &test.crowd(1, 50).await[0];
    test.seed_item("thali", 1, &[9]).await;
    let placed = test.send(ordering(asha, &[("thali", 1)])).await.expect(202);
    test.withdraw("thali").await;
    let answer = test.send(ordering(asha, &[("thali", 1)])).await;
    assert_eq!(answer.problem(409), "out_of_stock");
    assert_eq!(answer.body["items"][0]["available"], 0);
    test.settle().await;
    let order = test.order_of(&placed).await;
    assert_eq!(order.failure, Some(FailureReason::ItemUnavailable));
    assert_eq!((test.stock("thali").await, test.token_count(asha).await), (9, 50));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_above_the_token_limit_is_refused_after_the_stock_check() {
    let test = TestApp::start().await;
    let asha = &test.crowd(1, 200).await[0];
    test.seed_item("feast", 9, &[12]).await;
    let answer = test.send(ordering(asha, &[("feast", 13)])).await;
    assert_eq!(answer.problem(409), "out_of_stock");
    let answer = test.send(ordering(asha, &[("feast", 12)])).await;
    assert_eq!(answer.problem(409), "order_too_large");
    assert_eq!((&answer.body["total"], &answer.body["total_max"]), (&json!(108), &json!(99)));
    test.send(ordering(asha, &[("feast", 11)])).await.expect(202);
    test.settle().await;
    assert_eq!(test.token_count(asha).await, 101);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_can_redeem_each_of_its_tokens_from_another_purchase() {
    let test = TestApp::start().await;
    let asha = &test.crowd(1, 1).await[0];
    for _ in 1..100 {
        test.grant_tokens(asha, 1).await;
    }
    test.seed_item("feast", 9, &[12]).await;
    let answer = test.send(ordering(asha, &[("feast", 11)])).await.expect(202);
    test.settle().await;
    assert_eq!(test.order_of(&answer).await.status, OrderStatus::Processed);
    assert_eq!(test.token_count(asha).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_identifies_one_order_of_one_student() {
    let test = TestApp::start().await;
    let crowd = test.crowd(2, 9).await;
    test.seed_item("thali", 1, &[9]).await;
    let call = |body: &[(&str, u32)]| ordering(&crowd[0], body).header("idempotency-key", "k");
    let first = test.send(call(&[("thali", 2)])).await.expect(202);
    assert!(first.headers.get("idempotent-replay").is_none());
    test.settle().await;
    let again = test.send(call(&[("thali", 2)])).await.expect(202);
    assert_eq!(again.headers["idempotent-replay"], "true");
    assert_eq!(again.body["order_id"], first.body["order_id"]);
    assert_eq!(again.body["status"], "Processed", "as it is now");
    let merged = test.send(call(&[("thali", 1), ("thali", 1)])).await.expect(202);
    assert_eq!(merged.body["order_id"], first.body["order_id"], "the same items");
    let other = test.send(call(&[("thali", 1)])).await;
    assert_eq!(other.problem(409), "idempotency_key_reused");
    let others = ordering(&crowd[1], &[("thali", 2)]).header("idempotency-key", "k");
    assert!(test.send(others).await.expect(202).headers.get("idempotent-replay").is_none());
    assert_eq!(test.stock("thali").await, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_expires_after_a_day_even_if_the_database_keeps_it() {
    let test = TestApp::start().await;
    let asha = test.crowd(1, 9).await.remove(0);
    test.seed_item("thali", 1, &[9]).await;
    let call = |asha: &Student, quantity| {
        ordering(asha, &[("thali", quantity)]).header("idempotency-key", "lunch")
    };
    let monday = test.send(call(&asha, 1)).await.expect(202);
    test.advance(SignedDuration::from_hours(24) - SignedDuration::from_secs(1));
    let asha = test.with_new_session(&asha).await;
    let again = test.send(call(&asha, 1)).await.expect(202);
    assert_eq!(again.body["order_id"], monday.body["order_id"]);
    assert_eq!(test.send(call(&asha, 2)).await.problem(409), "idempotency_key_reused");
    test.advance(SignedDuration::from_secs(2));
    let tuesday = test.send(call(&asha, 2)).await.expect(202);
    assert_ne!(tuesday.body["order_id"], monday.body["order_id"]);
    let again = test.send(call(&asha, 2)).await.expect(202);
    assert_eq!(again.body["order_id"], tuesday.body["order_id"]);
    assert_eq!(test.stock("thali").await, 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_orders_are_placed_and_processed() {
    let mut test = TestApp::start().await;
    let asha = &test.crowd(1, 9).await[0];
    test.seed_item("thali", 1, &[9]).await;
    test.redis.stop();
    let answer = test.send(ordering(asha, &[("thali", 2)])).await.expect(202);
    test.settle().await;
    assert_eq!(test.order_of(&answer).await.status, OrderStatus::Processed);
}
