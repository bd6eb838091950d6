//! Cancelling an order.

use jiff::SignedDuration;
use serde_json::json;
use thali_domain::mess::Approval;
use thali_domain::orders::order::{FailureReason, Order, OrderStatus};
use thali_functions::orders::cached;

use super::{cancel, collect, everything};
use crate::support::people::Student;
use crate::support::{Call, TestApp};

/// A student's orders that are pending no longer, each with its status; none was cancelled.
async fn no_longer_pending(test: &TestApp, student: &Student) -> Vec<(Order, &'static str)> {
    let processed = test.processed(student, "rice").await;
    let collected = test.processed(student, "rice").await;
    let failed = test.place(student, &[("rice", 1)]).await;
    test.fail(&failed, FailureReason::ItemUnavailable).await;
    let staff = test.staff("staff@example.com").await;
    test.send(collect(&staff, &collected)).await.expect(200);
    vec![(processed, "Processed"), (collected, "Collected"), (failed, "Failed")]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_pending_order_returns_its_portions_to_stock() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    test.seed_item("rice", 2, &[50]).await;
    test.seed_item("dal", 1, &[5, 5, 5]).await;
    let order = test.place(&asha, &[("rice", 3), ("dal", 4)]).await;
    assert_eq!((test.stock("rice").await, test.stock("dal").await), (47, 11));
    assert_eq!(test.dynamo.index_items("orders", "pending").await.len(), 1);

    test.advance(SignedDuration::from_secs(30));
    let answer = test.send(cancel(&asha, &order)).await.expect(200);
    assert_eq!(answer.body["status"], "Cancelled");
    assert_eq!(answer.body["order_id"], order.order_id.to_string());
    assert_eq!(answer.body["updated_at"], test.now().to_string());
    assert_eq!(answer.body["created_at"], order.created_at.to_string());
    assert_eq!((test.stock("rice").await, test.stock("dal").await), (50, 15));
    let stored = test.stored(&order).await;
    assert_eq!((stored.status, stored.version), (OrderStatus::Cancelled, 2));
    assert_eq!(test.dynamo.index_items("orders", "pending").await.len(), 0, "no order is pending");
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_again_returns_the_same_order_and_changes_nothing() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    test.seed_item("rice", 2, &[50]).await;
    let order = test.place(&asha, &[("rice", 3)]).await;
    let first = test.send(cancel(&asha, &order)).await.expect(200);
    let before = everything(&test).await;
    test.advance(SignedDuration::from_mins(5));
    let again = test.send(cancel(&asha, &order)).await.expect(200);
    assert_eq!(again.body, first.body);
    assert_eq!(everything(&test).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_no_longer_pending_cannot_be_cancelled() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    test.buy_tokens(&asha, 10).await;
    test.seed_item("rice", 2, &[50]).await;
    let orders = no_longer_pending(&test, &asha).await;
    let before = everything(&test).await;
    for (order, status) in orders {
        let refused = test.send(cancel(&asha, &order)).await;
        assert_eq!(refused.problem(409), "order_not_pending", "{status}");
        assert_eq!(refused.body["order_status"], status);
    }
    assert_eq!(everything(&test).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_can_cancel_another_students_order() {
    let test = TestApp::start().await;
    test.create_mess("mess_other", Approval::Automatic).await;
    let asha = test.student("asha@example.com").await;
    let ravi = test.student("ravi@example.com").await;
    let staff = test.staff("staff@example.com").await;
    let owner = test.owner("owner@example.com").await;
    test.seed_item("rice", 2, &[50]).await;
    let order = test.place(&asha, &[("rice", 3)]).await;
    let before = everything(&test).await;
    assert_eq!(test.send(cancel(&ravi, &order)).await.problem(404), "order_not_found");
    for person in [&staff, &owner] {
        assert_eq!(test.send(cancel(person, &order)).await.problem(403), "wrong_role");
    }
    let nobody = Call::new("POST", &format!("/api/orders/{}/cancel", order.order_id));
    assert_eq!(test.send(nobody).await.problem(401), "unauthenticated");
    assert_eq!(everything(&test).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn returned_portions_go_only_to_shards_that_still_exist() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    test.seed_item("rice", 1, &[2; 16]).await;
    let orders = [("rice", 20), ("rice", 3), ("rice", 9)];
    let mut placed = Vec::new();
    for entry in orders {
        placed.push(test.place(&asha, &[entry]).await);
    }
    assert_eq!(test.stock("rice").await, 0);
    // The owner spreads the empty stock over two shards.
    test.seed_item("rice", 1, &[0, 0]).await;
    for order in &placed {
        test.send(cancel(&asha, order)).await.expect(200);
    }
    assert_eq!(test.shards("rice").await.len(), 2);
    assert_eq!(test.stock("rice").await, 32);
}

#[tokio::test(flavor = "multi_thread")]
async fn returned_portions_are_spread_over_all_shards() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    test.seed_item("rice", 1, &[60, 0, 0, 0]).await;
    for _ in 0..60 {
        let order = test.place(&asha, &[("rice", 1)]).await;
        test.send(cancel(&asha, &order)).await.expect(200);
    }
    let shards = test.shards("rice").await;
    assert_eq!(shards.iter().sum::<u32>(), 60);
    assert!(shards[1..].iter().all(|stock| *stock > 0), "{shards:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_order_is_never_read_as_pending_from_the_cache() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    test.seed_item("rice", 1, &[10]).await;
    let order = test.place(&asha, &[("rice", 1)]).await;
    let read = async || {
        let (found, hit) =
            cached::read(&test.app, &test.mess_id, order.order_id).await.expect("read");
        (found.expect("it is there").status, hit)
    };
    cached::remember(&test.app, &order).await;
    assert_eq!(read().await, (OrderStatus::Pending, true));
    test.send(cancel(&asha, &order)).await.expect(200);
    // A reader who read the order before the cancellation is late.
    cached::remember(&test.app, &order).await;
    assert_eq!(read().await, (OrderStatus::Cancelled, false));
    assert_eq!(read().await, (OrderStatus::Cancelled, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_database_answer_restores_the_stock_only_once() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    test.seed_item("rice", 1, &[10, 10]).await;
    // The SDK sends three requests at most. The database carries out the first `lost` ones, and
    // their answers are lost.
    for (lost, status) in [(1, 200), (2, 200), (3, 503)] {
        let order = test.place(&asha, &[("rice", 4)]).await;
        let app = test.losing_answers("TransactWriteItems", lost);
        let answer = test.send_to(&app, cancel(&asha, &order)).await.expect(status);
        assert_eq!(test.stock("rice").await, 20, "{lost} answers lost");
        assert_eq!(test.stored(&order).await.version, 2, "{lost} answers lost");
        if status == 503 {
            assert_eq!(answer.problem(503), "database_unavailable");
        }
        let again = test.send(cancel(&asha, &order)).await.expect(200);
        assert_eq!(again.body["status"], json!("Cancelled"));
        assert_eq!(test.stock("rice").await, 20, "{lost} answers lost");
    }
}
