//! `cache-evictor`: after each change in the stream, evicts the outdated entry from Redis, in case
//! the writer could not. The change is retried for as long as Redis does not answer.

use serde_json::{Value, json};
use thali_functions::orders::cached;
use thali_platform::store::{Attempt, keys};
use thali_platform::worker::BatchResponse;

use super::{
    assert_hit, counted, failed_sequence_numbers, placed, process, processed, seen,
    sequence_number, write,
};
use crate::support::{Call, TestApp};

/// The changes of orders and purchases; the stream's filters pass only these.
async fn filtered(test: &TestApp) -> Vec<Value> {
    let mut changes = test.dynamo.new_changes().await;
    changes.retain(|change| {
        let sk = change["dynamodb"]["Keys"]["sk"]["S"].as_str().expect("a key");
        sk.starts_with("ord_") || sk.starts_with("purchase#")
    });
    changes
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stream_evicts_changes_that_an_unreachable_redis_missed() {
    let mut test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    test.buy_tokens(&asha, 5).await;
    let order = process(&test, &test.app, &placed(&test, &asha).await).await;
    test.settle().await;
    let status = async || seen(&test, &test.app, &asha, &order).await;
    assert_hit("Processed".to_owned(), status).await;
    assert_hit(5, async || counted(&test, &test.app, &asha).await).await;

    test.redis.save();
    test.redis.stop();
    let collected = order.collected(test.now()).expect("processed");
    cached::forget(&test.app, &collected).await;
    let store = &test.app.store;
    let written = store.order_collect(&order, &collected, &test.stamp()).await;
    assert_eq!(written.expect("written or overtaken"), Attempt::Done(()), "collected");
    test.send(TestApp::submit(&asha, 2)).await.expect(201);
    let changes = filtered(&test).await;
    assert_eq!(changes.len(), 2, "an order and a purchase");
    let first = sequence_number(&changes[0]);
    for _ in 0..2 {
        assert_eq!(
            failed_sequence_numbers(&test.evict(&changes).await),
            [first],
            "while Redis is down"
        );
    }
    // Reads in the meantime are correct. Redis comes back with outdated values.
    assert_eq!(counted(&test, &test.app, &asha).await, (3, false));
    test.redis.restart();
    let fresh = test.another_process(&[]);
    fresh.cache.connect().await;
    assert_hit("Processed".to_owned(), async || seen(&test, &fresh, &asha, &order).await).await;
    assert_hit(5, async || counted(&test, &fresh, &asha).await).await;

    assert_eq!(test.evict(&changes).await, BatchResponse::default());
    assert_eq!(seen(&test, &fresh, &asha, &order).await, ("Collected".to_owned(), false));
    assert_eq!(counted(&test, &fresh, &asha).await, (3, false));
    // A repeated eviction costs a count one more read, and an order none.
    assert_hit("Collected".to_owned(), async || seen(&test, &fresh, &asha, &order).await).await;
    assert_eq!(test.evict(&changes).await, BatchResponse::default());
    assert_hit("Collected".to_owned(), async || seen(&test, &fresh, &asha, &order).await).await;
    assert_eq!(counted(&test, &fresh, &asha).await, (3, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stream_evicts_what_a_writer_without_redis_changed() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let outside = test.another_process(&[("REDIS_URL", "")]);
    let order = placed(&test, &asha).await;
    cached::remember(&test.app, &order).await;
    assert_hit(0, async || counted(&test, &test.app, &asha).await).await;
    process(&test, &outside, &order).await;
    let order_id = test.order_tokens(&asha, 4).await;
    let checkout = test.pay(&order_id, json!({ "outcome": "captured" })).await;
    test.send_to(&outside, checkout.verify(&asha.token)).await.expect(200);
    assert_hit(0, async || counted(&test, &test.app, &asha).await).await;
    test.settle().await;
    let status = async || seen(&test, &test.app, &asha, &order).await;
    assert_eq!(status().await, ("Processed".to_owned(), false));
    assert_eq!(counted(&test, &test.app, &asha).await, (4, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_a_batch_is_retried_from_its_first_order_or_purchase() {
    let mut test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    test.settle().await;
    test.order_tokens(&asha, 1).await;
    let order = placed(&test, &asha).await;
    write(&test, &order, &processed(&test, &order)).await;
    // The evictor ignores changes of other items, whether Redis answers or not.
    let changes = test.dynamo.new_changes().await;
    let concerned = |change: &&Value| {
        let kind = change["dynamodb"]["NewImage"]["kind"]["S"].as_str();
        ["order", "purchase"].map(Some).contains(&kind)
    };
    let first = changes.iter().find(concerned).expect("there is one");
    test.redis.stop();
    assert_eq!(failed_sequence_numbers(&test.evict(&changes).await), [sequence_number(first)]);
    let others: Vec<Value> = changes.iter().filter(|change| !concerned(change)).cloned().collect();
    assert_eq!(test.evict(&others).await, BatchResponse::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_deleted_from_the_table_leaves_the_cache() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let order = placed(&test, &asha).await;
    let status = async || seen(&test, &test.app, &asha, &order).await;
    assert_hit("Pending".to_owned(), status).await;
    test.dynamo.take("orders", &keys::order(&order.mess_id, order.order_id)).await;
    assert_eq!(test.evict(&filtered(&test).await).await, BatchResponse::default());
    let path = format!("/api/orders/{}", order.order_id);
    let answer = test.send(Call::get(&path).bearer(&asha.token)).await;
    assert_eq!(answer.problem(404), "order_not_found");
    cached::remember(&test.app, &order).await;
    let answer = test.send(Call::get(&path).bearer(&asha.token)).await;
    assert_eq!(answer.problem(404), "order_not_found", "an earlier reader caches nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_change_does_not_block_the_changes_after_it() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    test.settle().await;
    let order = placed(&test, &asha).await;
    let status = async || seen(&test, &test.app, &asha, &order).await;
    assert_hit("Pending".to_owned(), status).await;
    write(&test, &order, &processed(&test, &order)).await;
    let mut changes = filtered(&test).await;
    assert_eq!(changes.len(), 2, "the order is placed and processed");
    changes[0]["dynamodb"]["NewImage"]["version"] = json!({ "S": "two" });
    assert_eq!(test.evict(&changes).await, BatchResponse::default());
    assert_eq!(status().await, ("Processed".to_owned(), false));
}
