//! Concurrent changes of one item: a portion is taken once, and the total over the shards stays
//! exact.

use std::collections::BTreeSet;
use std::sync::Arc;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use thali_domain::orders::menu::{Item, ItemName, PriceTokens, Sku, StockShards};
use thali_domain::orders::stock::{ItemPut, StockDelta, change};
use thali_platform::store::{StockCondition, keys};

use crate::support::menu::{change_stock, dish, put_item};
use crate::support::people::Student;
use crate::support::{Answer, Call, TestApp};

async fn with_dal(stock: u32, shards: u8) -> (Arc<TestApp>, Student) {
    let test = Arc::new(TestApp::start().await);
    let owner = test.owner("owner@example.com").await;
    test.put_item(&owner, "dal", &dish("Dal", 1, stock, shards)).await.expect(201);
    (test, owner)
}

/// How many of these answers are 200. Asserts that the others are refusals with this code and
/// stock.
#[track_caller]
fn passed(answers: &[Answer], refusal: &str, stock: u32) -> usize {
    let (passed, refused): (Vec<_>, Vec<_>) =
        answers.iter().partition(|answer| answer.status == 200);
    for answer in refused {
        assert_eq!((answer.problem(409), &answer.body["stock"]), (refusal, &json!(stock)));
    }
    passed.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_of_fifty_concurrent_withdrawals_take_the_thirty_portions() {
    for shards in [1, 8] {
        let (test, owner) = with_dal(30, shards).await;
        let answers = test.send_together(vec![change_stock(&owner, "dal", -1); 50]).await;
        assert_eq!(passed(&answers, "stock_negative", 0), 30, "{shards} shards");
        assert_eq!(test.stock_of(&owner, "dal").await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_of_thirty_concurrent_deliveries_fill_the_remaining_room() {
    for shards in [1, 8] {
        let (test, owner) = with_dal(999_990, shards).await;
        let answers = test.send_together(vec![change_stock(&owner, "dal", 1); 30]).await;
        assert_eq!(passed(&answers, "stock_limit", 1_000_000), 10, "{shards} shards");
        assert_eq!(test.stock_of(&owner, "dal").await, 1_000_000);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_concurrent_stock_changes_each_return_their_own_result() {
    for shards in [1, 4] {
        let (test, owner) = with_dal(100, shards).await;
        for round in 0..5 {
            let calls = vec![change_stock(&owner, "dal", -3), change_stock(&owner, "dal", -3)];
            let answers = test.send_together(calls).await;
            let left = answers.iter().map(|answer| answer.body["stock"].as_u64().expect("200"));
            let before = 100 - 6 * round;
            assert_eq!(left.collect::<BTreeSet<_>>(), BTreeSet::from([before - 3, before - 6]));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_concurrent_deliveries_with_one_key_add_stock_once() {
    for shards in [1, 8] {
        let (test, owner) = with_dal(10, shards).await;
        let call = change_stock(&owner, "dal", 24).header("idempotency-key", "k-1");
        let answers = test.send_together(vec![call; 10]).await;
        let replayed = |answer: &&Answer| answer.header("idempotent-replay") == "true";
        assert_eq!(answers.iter().filter(replayed).count(), 9);
        for answer in answers {
            assert_eq!(answer.expect(200).body, json!({ "stock": 34 }));
        }
        assert_eq!(test.stock_of(&owner, "dal").await, 34);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_price_changes_and_withdrawals_all_succeed() {
    let (test, owner) = with_dal(60, 2).await;
    for round in 1..=3 {
        let mut calls = vec![change_stock(&owner, "dal", -2); 10];
        for price in 1..=5 {
            let body =
                json!({ "name": format!("Dal {price}"), "price_tokens": price, "available": true });
            calls.push(put_item(&owner, "dal", &body));
        }
        for answer in test.send_together(calls).await {
            answer.expect(200);
        }
        let item = test.item_of(&owner, "dal").await;
        assert_eq!(item["stock"], 60 - 20 * round);
        let name = format!("Dal {}", item["price_tokens"]);
        assert_eq!(item["name"], json!(name), "name and price are of one request");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_puts_of_an_item_never_mix_their_fields() {
    let test = Arc::new(TestApp::start().await);
    let owner = test.owner("owner@example.com").await;
    let wishes = [
        dish("Dal", 1, 10, 1),
        dish("Dal Fry", 2, 20, 4),
        json!({ "name": "Dal Makhani", "price_tokens": 3, "available": false, "stock_shards": 2 }),
    ];
    for round in 0..10 {
        let sku = format!("dal-{}", round / 2);
        let calls = wishes.iter().map(|wish| put_item(&owner, &sku, wish)).collect();
        let answers = test.send_together(calls).await;
        let made = answers.iter().filter(|answer| answer.status == 201).count();
        assert_eq!(made, usize::from(round % 2 == 0), "an item is created once");
        for (wish, answer) in wishes.iter().zip(&answers) {
            assert!([200, 201].contains(&answer.status), "{}", answer.body);
            for (member, value) in wish.as_object().expect("an object") {
                assert_eq!(&answer.body[member], value, "each answer matches its request");
            }
        }
        let item = test.item_of(&owner, &sku).await;
        let last = wishes.iter().find(|wish| wish["name"] == item["name"]).expect("one of them");
        for (member, value) in last.as_object().expect("an object") {
            assert_eq!(&item[member], value, "{item}");
        }
        assert!([0, 10, 20].contains(&item["stock"].as_u64().expect("a number")), "{item}");
    }
}

fn spread_over(owner: &Student, shards: u8) -> Call {
    let body =
        json!({ "name": "Dal", "price_tokens": 1, "available": true, "stock_shards": shards });
    put_item(owner, "dal", &body)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_total_is_exact_while_shards_and_stock_change_concurrently() {
    let (test, owner) = with_dal(200, 1).await;
    let mut stock = 200;
    for shards in [8, 2, 16, 1, 5, 3] {
        let mut calls = vec![spread_over(&owner, shards)];
        for _ in 0..6 {
            calls.push(change_stock(&owner, "dal", 7));
            calls.push(change_stock(&owner, "dal", -5));
        }
        for answer in test.send_together(calls).await {
            answer.expect(200);
        }
        stock += 6 * 7 - 6 * 5;
        let item = test.item_of(&owner, "dal").await;
        assert_eq!((&item["stock"], &item["stock_shards"]), (&json!(stock), &json!(shards)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_never_sees_a_half_finished_shard_move() {
    let (test, owner) = with_dal(1_000, 1).await;
    for round in 0..4 {
        let mut calls = vec![Call::get("/api/items").bearer(&owner.token); 30];
        for shards in [16, 1, 7, 3] {
            calls.insert(calls.len() * usize::from(shards) / 17, spread_over(&owner, shards));
        }
        for answer in test.send_together(calls).await {
            let body = answer.expect(200).body;
            let item = if body["items"].is_array() { &body["items"][0] } else { &body };
            assert_eq!(item["stock"], 1_000, "round {round}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_of_inconsistent_shards_is_refused_as_busy() {
    let (test, owner) = with_dal(30, 3).await;
    let shard = keys::stock(&test.mess_id, &Sku::parse("dal").expect("a sku"), 2);
    let of_layout = |layout: u32| AttributeValue::N(layout.to_string());
    // As if the item had been read before a move, and the shard after it.
    test.dynamo.set("orders", &shard, "layout", of_layout(2)).await;
    let menu = || Call::get("/api/items").bearer(&owner.token);
    assert_eq!(test.send(menu()).await.problem(503), "busy");
    test.dynamo.set("orders", &shard, "layout", of_layout(1)).await;
    assert_eq!(test.stock_of(&owner, "dal").await, 30);
    let taken = test.dynamo.take("orders", &shard).await;
    assert_eq!(test.send(menu()).await.problem(503), "busy");
    test.dynamo.put("orders", taken).await;
    assert_eq!(test.stock_of(&owner, "dal").await, 30);
}

/// The item `dal`, as it is stored now.
async fn read(test: &TestApp) -> Item {
    let sku = Sku::parse("dal").expect("a sku");
    let item = test.app.store.item_get(&test.mess_id, &sku).await.expect("read");
    item.expect("it is on the menu")
}

/// Whether a change that was decided on the outdated or current `item` is carried out.
async fn carried_out(test: &TestApp, item: &Item, delta: i64, condition: StockCondition) -> bool {
    let delta = StockDelta::try_from(delta).expect("in range");
    let change = change(item, delta, 0).expect("no refusal");
    let (store, mess) = (&test.app.store, &test.mess_id);
    store.stock_change(mess, item, &change, condition, None, &test.stamp()).await.expect("decided")
}

/// Whether a new number of shards that was decided on the outdated or current `item` is carried
/// out.
async fn spread(test: &TestApp, item: &Item, shards: i64) -> bool {
    let put = ItemPut {
        name: ItemName::parse("Dal").expect("a name"),
        price: PriceTokens::try_from(1).expect("a price"),
        available: None,
        stock: None,
        stock_shards: Some(StockShards::try_from(shards).expect("few")),
    };
    let (store, mess) = (&test.app.store, &test.mess_id);
    let put = store.item_put(mess, &item.sku, Some(item), &put, &test.stamp()).await;
    put.expect("decided").is_some()
}

#[tokio::test(flavor = "multi_thread")]
async fn stock_changes_by_an_owner_succeed_despite_continuous_sales() {
    for shards in [1, 4] {
        let (test, owner) = with_dal(100, shards).await;
        let sell = async || {
            test.send(change_stock(&owner, "dal", -1)).await.expect(200);
        };
        let before_a_sale = read(&test).await;
        sell().await;
        for delta in [10, -10] {
            let exact = carried_out(&test, &before_a_sale, delta, StockCondition::AsRead).await;
            assert!(!exact, "the stock has changed since the read");
        }
        assert!(carried_out(&test, &before_a_sale, -10, StockCondition::Sufficient).await);
        assert!(carried_out(&test, &before_a_sale, 10, StockCondition::Sufficient).await);
        assert_eq!(test.stock_of(&owner, "dal").await, 99);

        let before_a_delivery = read(&test).await;
        test.send(change_stock(&owner, "dal", 1)).await.expect(200);
        let late = carried_out(&test, &before_a_delivery, 10, StockCondition::Sufficient).await;
        assert!(!late, "there may be too much now");

        let before_a_sale = read(&test).await;
        sell().await;
        assert!(spread(&test, &before_a_sale, 8).await, "adding shards needs no pause");
        assert!(!spread(&test, &before_a_sale, 16).await, "the layout has changed");
        assert_eq!(test.stock_of(&owner, "dal").await, 99);
        assert!(!carried_out(&test, &before_a_sale, 10, StockCondition::Sufficient).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_that_sold_since_the_read_is_not_removed() {
    let (test, owner) = with_dal(20, 2).await;
    let before_a_sale = read(&test).await;
    let mut sold = 0;
    while read(&test).await.shards[1] == before_a_sale.shards[1] {
        test.send(change_stock(&owner, "dal", -1)).await.expect(200);
        sold += 1;
    }
    assert!(!spread(&test, &before_a_sale, 1).await);
    assert!(spread(&test, &read(&test).await, 1).await);
    assert_eq!(read(&test).await.shards, [20 - sold]);
    let menu: Vec<Value> = test.menu(&owner).await;
    assert_eq!((menu.len(), &menu[0]["stock"]), (1, &json!(20 - sold)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_cannot_move_portions_that_were_sold_since_the_read() {
    let (test, owner) = with_dal(100, 1).await;
    let before_the_sales = read(&test).await;
    test.send(change_stock(&owner, "dal", -90)).await.expect(200);
    assert!(!spread(&test, &before_the_sales, 4).await, "the 75 portions to move are not there");
    assert_eq!(read(&test).await.shards, [10]);
    assert!(spread(&test, &read(&test).await, 4).await);
    assert_eq!(read(&test).await.shards, [3, 3, 2, 2]);
}
