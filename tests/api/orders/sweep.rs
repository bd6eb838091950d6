//! Orders whose stream record or message was lost.

use jiff::SignedDuration;
use serde_json::{Value, json};
use thali_domain::orders::order::OrderStatus;
use thali_functions::jobs::sweep_orders::JOB;
use thali_platform::queue::QueueName;
use thali_platform::worker::BatchResponse;

use super::ordering;
use crate::support::TestApp;

impl TestApp {
    /// Runs the job; returns how many orders waited, and how many were swept.
    pub(super) async fn sweep(&self) -> (u64, u64) {
        let did: Value = (JOB.run)(&self.app, &json!({})).await.expect("it runs");
        let count = |name: &str| did[name].as_u64().expect("a number");
        assert_eq!(count("errors"), 0);
        (count("waiting"), count("swept"))
    }
}

const SECOND: SignedDuration = SignedDuration::from_secs(1);

#[tokio::test(flavor = "multi_thread")]
async fn an_order_with_a_lost_stream_record_is_swept_after_a_minute() {
    let test = TestApp::start().await;
    let asha = &test.crowd(1, 5).await[0];
    test.seed_item("thali", 1, &[9]).await;
    test.settle().await;
    let answer = test.send(ordering(asha, &[("thali", 2)])).await.expect(202);
    assert!(!test.dynamo.new_changes().await.is_empty(), "the change is lost here");
    test.settle().await;
    assert_eq!(test.order_of(&answer).await.status, OrderStatus::Pending);
    test.advance(60 * SECOND);
    assert_eq!(test.sweep().await, (0, 0), "not before a minute is over");
    test.advance(SECOND);
    assert_eq!(test.sweep().await, (1, 1));
    test.settle().await;
    assert_eq!(test.order_of(&answer).await.status, OrderStatus::Processed);
    assert_eq!((test.stock("thali").await, test.tokens_left(asha).await), (7, 3));
    test.advance(3_600 * SECOND);
    assert_eq!(test.sweep().await, (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_with_lost_messages_is_swept_again_at_doubling_intervals() {
    let test = TestApp::start().await;
    let asha = &test.crowd(1, 5).await[0];
    test.seed_item("thali", 1, &[9]).await;
    test.settle().await;
    let answer = test.send(ordering(asha, &[("thali", 2)])).await.expect(202);
    let lose_messages = async || {
        let changes = test.dynamo.new_changes().await;
        assert_eq!(test.relay(&changes).await, BatchResponse::default());
        test.app.queues().take(QueueName::Orders).len()
    };
    assert_eq!(lose_messages().await, 1);
    // The order is swept after one minute, two, four, and so on. Its message is lost each time.
    let mut swept_at = Vec::new();
    for minute in 1..=20 {
        test.advance(60 * SECOND + SignedDuration::from_millis(1));
        if test.sweep().await == (1, 1) {
            swept_at.push(minute);
            assert_eq!(lose_messages().await, 1);
        }
    }
    assert_eq!(swept_at, [1, 2, 4, 8, 16]);
    test.advance(3_600 * SECOND);
    assert_eq!(test.sweep().await, (1, 1));
    test.settle().await;
    assert_eq!(test.order_of(&answer).await.status, OrderStatus::Processed);
    assert_eq!((test.stock("thali").await, test.tokens_left(asha).await), (7, 3));
    assert_eq!(test.entries_of("pending#").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_concurrent_sweeps_queue_each_order_once() {
    let test = TestApp::start().await;
    let asha = &test.crowd(1, 5).await[0];
    test.seed_item("thali", 1, &[9]).await;
    for _ in 0..3 {
        test.send(ordering(asha, &[("thali", 1)])).await.expect(202);
    }
    test.dynamo.new_changes().await;
    test.advance(61 * SECOND);
    let ((_, one), (_, other)) = tokio::join!(test.sweep(), test.sweep());
    assert_eq!(one + other, 3);
}
