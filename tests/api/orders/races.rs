//! Concurrent changes of one order: exactly one takes effect, and the stock and the tokens agree
//! with it.

use std::sync::Arc;

use serde_json::{Value, json};
use thali_domain::orders::order::{Order, OrderStatus};
use thali_functions::workers::order_processor::CONSUMER as PROCESSOR;
use thali_platform::store::Attempt;
use thali_platform::worker::BatchResponse;

use super::{cancel, collect};
use crate::support::people::Student;
use crate::support::{Call, TestApp};

/// Asserts how an order of two portions at three tokens each has ended, processed or cancelled: its
/// status, the stock and the balance. Both were ten before the order.
async fn assert_ended(test: &TestApp, order: &Order, student: &Student, processed: bool) {
    let expected =
        if processed { (OrderStatus::Processed, 8, 4) } else { (OrderStatus::Cancelled, 10, 10) };
    let status = test.stored(order).await.status;
    let left = (test.stock("rice").await, test.tokens_left(student).await);
    assert_eq!((status, left.0, left.1), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_processed_or_cancelled_and_never_both() {
    let test = Arc::new(TestApp::start().await);
    let mut called_off = 0;
    for (round, asha) in test.crowd(16, 10).await.iter().enumerate() {
        test.seed_item("rice", 3, &[10]).await;
        let order = test.place(asha, &[("rice", 2)]).await;
        let message = json!({ "mess_id": order.mess_id, "order_id": order.order_id });
        let processor = Arc::clone(&test);
        let processing = tokio::spawn(async move {
            // In some rounds the processor is a few requests late.
            for _ in 0..round % 4 {
                processor.stock("rice").await;
            }
            processor.consume(&PROCESSOR, &[message.to_string()]).await
        });
        let answer = test.send(cancel(asha, &order)).await;
        assert_eq!(processing.await.expect("it ends"), BatchResponse::default());
        if answer.status == 200 {
            assert_eq!(answer.body["status"], "Cancelled");
            called_off += 1;
        } else {
            assert_eq!(answer.problem(409), "order_not_pending");
            assert_eq!(answer.body["order_status"], "Processed");
        }
        assert_ended(&test, &order, asha, answer.status != 200).await;
    }
    println!("{called_off} of 16 orders were called off");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_on_an_outdated_order_is_not_carried_out() {
    let test = TestApp::start().await;
    let students = test.crowd(2, 10).await;
    test.seed_item("rice", 3, &[10]).await;
    let pending = test.place(&students[0], &[("rice", 2)]).await;
    test.process(&pending).await.expect("it is the first");
    let cancelled = pending.cancelled(test.now()).expect("pending").expect("a change");
    let late = test.app.store.order_release(&pending, &cancelled, &[0], &test.stamp()).await;
    assert!(matches!(late, Ok(Attempt::Overtaken)), "{late:?}");
    assert_ended(&test, &pending, &students[0], true).await;

    test.seed_item("rice", 3, &[10]).await;
    let pending = test.place(&students[1], &[("rice", 2)]).await;
    test.send(cancel(&students[1], &pending)).await.expect(200);
    assert_eq!(test.process(&pending).await, None);
    assert_ended(&test, &pending, &students[1], false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_concurrent_cancellations_restore_stock_once_and_return_the_same_order() {
    let test = Arc::new(TestApp::start().await);
    let asha = test.student("asha@example.com").await;
    test.seed_item("rice", 3, &[10]).await;
    test.seed_item("dal", 1, &[5, 5, 5, 5]).await;
    let order = test.place(&asha, &[("rice", 2), ("dal", 5)]).await;
    let answers = test.send_together(vec![cancel(&asha, &order); 10]).await;
    let mut bodies: Vec<Value> =
        answers.into_iter().map(|answer| answer.expect(200).body).collect();
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    assert_eq!(bodies[0]["status"], "Cancelled");
    assert_eq!((test.stock("rice").await, test.stock("dal").await), (10, 20));
    assert_eq!(test.stored(&order).await.version, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_cancellations_of_many_orders_return_all_portions() {
    let test = Arc::new(TestApp::start().await);
    let asha = test.student("asha@example.com").await;
    test.seed_item("rice", 1, &[30]).await;
    let mut calls: Vec<Call> = Vec::new();
    for _ in 0..15 {
        let order = test.place(&asha, &[("rice", 2)]).await;
        calls.push(cancel(&asha, &order));
    }
    assert_eq!(test.stock("rice").await, 0);
    for answer in test.send_together(calls).await {
        assert_eq!(answer.expect(200).body["status"], "Cancelled");
    }
    assert_eq!(test.stock("rice").await, 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_one_of_ten_concurrent_hand_overs_succeeds() {
    let test = Arc::new(TestApp::start().await);
    let asha = test.student("asha@example.com").await;
    let (one, other) = (test.staff("one@example.com").await, test.staff("other@example.com").await);
    test.buy_tokens(&asha, 5).await;
    test.seed_item("rice", 1, &[10]).await;
    for _ in 0..5 {
        let order = test.processed(&asha, "rice").await;
        let calls = [collect(&one, &order), collect(&other, &order)];
        let calls = calls.into_iter().cycle().take(10).collect();
        let answers = test.send_together(calls).await;
        let done = answers.iter().filter(|answer| answer.status == 200).count();
        assert_eq!(done, 1);
        for refused in answers.iter().filter(|answer| answer.status != 200) {
            assert_eq!(refused.problem(409), "already_collected");
            assert_eq!(refused.body["collected_at"], test.now().to_string());
        }
        assert_eq!(test.stored(&order).await.version, 3);
    }
}
