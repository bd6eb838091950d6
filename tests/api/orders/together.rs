//! Concurrent orders: each portion is sold once, and nobody pays twice.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use thali_domain::orders::order::OrderStatus;

use super::ordering;
use crate::support::TestApp;

/// Lets 200 students order one of 50 portions each, concurrently, from shards of these stocks.
async fn two_hundred_for_fifty(shards: &[u32]) {
    assert_eq!(shards.iter().sum::<u32>(), 50);
    let test = Arc::new(TestApp::start().await);
    let crowd = test.crowd(200, 2).await;
    test.seed_item("thali", 2, shards).await;
    let began = Instant::now();
    let calls = crowd.iter().map(|student| ordering(student, &[("thali", 1)])).collect();
    let answers = test.send_together(calls).await;
    let took = began.elapsed();

    let (accepted, refused): (Vec<_>, Vec<_>) =
        answers.into_iter().zip(&crowd).partition(|(answer, _)| answer.status == 202);
    for (answer, _) in &refused {
        assert_eq!(answer.problem(409), "out_of_stock");
        let short = json!([{ "sku": "thali", "requested": 1, "available": 0 }]);
        assert_eq!(answer.body["items"], short);
    }
    assert_eq!((accepted.len(), refused.len()), (50, 150));
    assert_eq!(test.stock("thali").await, 0);
    println!(
        "200 orders at once for 50 portions in {} shards: {} accepted, {} refused, {took:.1?}",
        shards.len(),
        accepted.len(),
        refused.len(),
    );

    test.settle().await;
    for (answer, student) in &accepted {
        assert_eq!(test.order_of(answer).await.status, OrderStatus::Processed);
        assert_eq!(test.token_count(student).await, 0);
    }
    for (_, student) in &refused {
        assert_eq!(test.token_count(student).await, 2, "nothing is charged");
    }
    let owed = test.ledger().await;
    assert_eq!((owed.tokens_redeemed, owed.portions_sold), (100, 50));
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_of_two_hundred_concurrent_orders_get_the_fifty_portions() {
    two_hundred_for_fifty(&[50]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_of_two_hundred_orders_get_portions_from_eight_shards() {
    two_hundred_for_fifty(&[7, 7, 6, 6, 6, 6, 6, 6]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_of_two_hundred_orders_succeed_when_transactions_are_serialised() {
    let test = Arc::new(TestApp::start().await);
    let crowd = test.crowd(200, 2).await;
    test.seed_item("thali", 2, &[50]).await;
    // DynamoDB may hold an item for 15 ms in a transaction, which allows about sixty transactions
    // in a second.
    let app = Arc::new(test.contended(Duration::from_millis(15)).await);
    let began = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for student in crowd {
        let (test, app) = (Arc::clone(&test), Arc::clone(&app));
        tasks.spawn(async move { test.send_to(&app, ordering(&student, &[("thali", 1)])).await });
    }
    let answers = tasks.join_all().await;
    let accepted = answers.iter().filter(|answer| answer.status == 202).count();
    let refused = answers.iter().filter(|answer| answer.status == 409).count();
    println!("the same, each transaction 15 ms: {accepted}, {refused}, {:.1?}", began.elapsed());
    assert_eq!((accepted, refused), (50, 150));
    assert_eq!(test.stock("thali").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_concurrent_requests_with_one_key_place_one_order() {
    let test = Arc::new(TestApp::start().await);
    let asha = test.crowd(1, 9).await.remove(0);
    test.seed_item("thali", 1, &[9]).await;
    let call = ordering(&asha, &[("thali", 2)]).header("idempotency-key", "once");
    let answers = test.send_together(vec![call; 10]).await;
    let ids: BTreeSet<String> =
        answers.into_iter().map(|answer| answer.expect(202).text("order_id").to_owned()).collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(test.stock("thali").await, 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_orders_of_one_student_in_one_millisecond_are_distinct() {
    let test = Arc::new(TestApp::start().await);
    let asha = test.crowd(1, 50).await.remove(0);
    test.seed_item("thali", 1, &[50]).await;
    let answers = test.send_together(vec![ordering(&asha, &[("thali", 1)]); 20]).await;
    let ids: BTreeSet<String> =
        answers.into_iter().map(|answer| answer.expect(202).text("order_id").to_owned()).collect();
    assert_eq!(ids.len(), 20);
    test.settle().await;
    assert_eq!((test.stock("thali").await, test.token_count(&asha).await), (30, 30));
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_orders_and_submissions_never_redeem_a_token_twice() {
    let test = Arc::new(TestApp::start().await);
    let asha = test.student("asha@example.com").await;
    test.grant_tokens(&asha, 10).await;
    test.seed_item("thali", 1, &[50]).await;
    for _ in 0..8 {
        test.send(ordering(&asha, &[("thali", 1)])).await.expect(202);
    }
    let settling = {
        let test = Arc::clone(&test);
        tokio::spawn(async move { test.settle().await })
    };
    let answers = test.send_together(vec![TestApp::submit(&asha, 1); 8]).await;
    settling.await.expect("no message fails");
    test.settle().await;
    let submitted = answers.iter().filter(|answer| answer.status == 201).count() as u64;
    let owed = test.ledger().await;
    assert_eq!(owed.tokens_redeemed, 10, "all of them, by one or the other");
    assert_eq!(owed.tokens_of_orders + submitted, 10);
    assert_eq!(test.token_count(&asha).await, 0);
}
