//! Deliveries and withdrawals: the stock afterwards, what is refused, and that a retry changes
//! nothing.

use serde_json::{Value, json};

use crate::support::menu::{change_stock, dish};
use crate::support::people::Student;
use crate::support::{Answer, Call, TestApp};

/// An app with an owner, and an item `dal` of `stock` portions in `shards` shards.
async fn with_dal(stock: u32, shards: u8) -> (TestApp, Student) {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    test.put_item(&owner, "dal", &dish("Dal", 1, stock, shards)).await.expect(201);
    (test, owner)
}

async fn change(test: &TestApp, owner: &Student, delta: i64) -> Answer {
    test.send(change_stock(owner, "dal", delta)).await
}

fn with_key(owner: &Student, delta: i64, key: &str) -> Call {
    change_stock(owner, "dal", delta).header("idempotency-key", key)
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_and_withdrawals_return_the_new_stock() {
    for shards in [1, 3, 16] {
        let (test, owner) = with_dal(10, shards).await;
        let mut stock = 10;
        for delta in [5, -1, -14, 1, 20, -7, -14, 999_999, -999_999, 1_000_000, -1_000_000] {
            stock += delta;
            let answer = change(&test, &owner, delta).await.expect(200);
            assert_eq!(answer.body, json!({ "stock": stock }), "{delta} over {shards}");
            assert_eq!(json!(test.stock_of(&owner, "dal").await), json!(stock));
        }
        let item = test.item_of(&owner, "dal").await;
        assert_eq!(item["stock_shards"], shards);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stock_never_falls_below_zero_or_exceeds_a_million() {
    for shards in [1, 4] {
        let (test, owner) = with_dal(999_990, shards).await;
        let full = change(&test, &owner, 11).await;
        assert_eq!((full.problem(409), &full.body["stock"]), ("stock_limit", &json!(999_990)));
        change(&test, &owner, 10).await.expect(200);
        change(&test, &owner, -999_997).await.expect(200);
        let empty = change(&test, &owner, -4).await;
        assert_eq!((empty.problem(409), &empty.body["stock"]), ("stock_negative", &json!(3)));
        assert_eq!(test.stock_of(&owner, "dal").await, 3, "nothing was taken");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_deltas_and_keys_name_the_wrong_field() {
    let (test, owner) = with_dal(10, 1).await;
    for wrong in [
        json!(0),
        json!(1.5),
        json!(1_000_001),
        json!(-1_000_001),
        json!(10_000_000_000_i64),
        json!("5"),
        Value::Null,
    ] {
        let call = Call::post("/api/items/dal/stock", &json!({ "delta": wrong }));
        let refused = test.send(call.bearer(&owner.token)).await;
        assert_eq!(refused.wrong_fields(), ["delta"], "{wrong}");
    }
    let call = Call::post("/api/items/dal/stock", &json!({ "delta": 1, "stock": 5 }));
    assert_eq!(test.send(call.bearer(&owner.token)).await.wrong_fields(), ["stock"]);
    for key in ["", "two words", &"k".repeat(65)] {
        let refused = test.send(with_key(&owner, 1, key)).await;
        assert_eq!(refused.wrong_fields(), ["Idempotency-Key"], "{key}");
    }
    assert_eq!(test.stock_of(&owner, "dal").await, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stock_of_an_unknown_item_cannot_be_changed() {
    let (test, owner) = with_dal(10, 1).await;
    for sku in ["rice", "DAL", "-dal", "dal%20"] {
        let refused = test.send(change_stock(&owner, sku, 1)).await;
        assert_eq!(refused.problem(404), "item_not_found", "{sku}");
    }
    assert_eq!(test.menu(&owner).await.len(), 1, "no item was created");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_delivery_adds_nothing_and_returns_the_first_result() {
    let (test, owner) = with_dal(10, 3).await;
    let first = test.send(with_key(&owner, 24, "k-1")).await.expect(200);
    assert_eq!(
        (first.body.clone(), first.header("idempotent-replay")),
        (json!({ "stock": 34 }), "")
    );
    change(&test, &owner, -30).await.expect(200);
    for _ in 0..3 {
        let again = test.send(with_key(&owner, 24, "k-1")).await.expect(200);
        assert_eq!(
            (again.body.clone(), again.header("idempotent-replay")),
            (first.body.clone(), "true")
        );
    }
    assert_eq!(test.stock_of(&owner, "dal").await, 4);
    test.send(with_key(&owner, 24, "k-2")).await.expect(200);
    for _ in 0..2 {
        change(&test, &owner, 1).await.expect(200);
    }
    assert_eq!(test.stock_of(&owner, "dal").await, 30, "without a key each delivery counts");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_bound_to_its_delta_item_and_owner() {
    let (test, owner) = with_dal(10, 1).await;
    test.put_item(&owner, "rice", &dish("Rice", 1, 10, 1)).await.expect(201);
    let colleague = test.owner("colleague@example.com").await;
    test.send(with_key(&owner, 5, "k-1")).await.expect(200);
    let other_delta = test.send(with_key(&owner, 6, "k-1")).await;
    assert_eq!(other_delta.problem(409), "idempotency_key_reused");
    let other_item = change_stock(&owner, "rice", 5).header("idempotency-key", "k-1");
    assert_eq!(test.send(other_item).await.problem(409), "idempotency_key_reused");
    let theirs = test.send(with_key(&colleague, 5, "k-1")).await.expect(200);
    assert_eq!((&theirs.body["stock"], theirs.header("idempotent-replay")), (&json!(20), ""));
    assert_eq!(test.stock_of(&owner, "rice").await, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_change_does_not_use_up_its_key() {
    let (test, owner) = with_dal(10, 2).await;
    assert_eq!(test.send(with_key(&owner, -11, "k-1")).await.problem(409), "stock_negative");
    change(&test, &owner, 1).await.expect(200);
    let taken = test.send(with_key(&owner, -11, "k-1")).await.expect(200);
    assert_eq!(taken.body["stock"], 0);
}
