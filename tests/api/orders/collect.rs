//! Collecting an order: staff hand it over.

use jiff::SignedDuration;
use thali_domain::ids::MessId;
use thali_domain::mess::Approval;
use thali_domain::orders::order::{FailureReason, OrderStatus};
use thali_functions::orders::cached;

use super::{cancel, collect, everything};
use crate::support::{Call, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn a_processed_order_is_collected_only_once() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let (one, other) = (test.staff("one@example.com").await, test.staff("other@example.com").await);
    test.buy_tokens(&asha, 3).await;
    test.seed_item("rice", 3, &[10]).await;
    let order = test.processed(&asha, "rice").await;
    test.advance(SignedDuration::from_mins(10));
    let answer = test.send(collect(&one, &order)).await.expect(200);
    assert_eq!(answer.body["status"], "Collected");
    assert_eq!(answer.body["user_id"], asha.account_id.as_str());
    let collected_at = test.now().to_string();
    assert_eq!(answer.body["updated_at"], collected_at.as_str());
    let stored = test.stored(&order).await;
    assert_eq!((stored.status, stored.version), (OrderStatus::Collected, 3));
    assert_eq!((stored.tokens, stored.processed_at), (order.tokens.clone(), order.processed_at));

    let before = everything(&test).await;
    test.advance(SignedDuration::from_mins(1));
    for staff in [&one, &other] {
        let refused = test.send(collect(staff, &order)).await;
        assert_eq!(refused.problem(409), "already_collected");
        assert_eq!(refused.body["collected_at"], collected_at.as_str());
    }
    assert_eq!(everything(&test).await, before);
    assert_eq!((test.stock("rice").await, test.token_count(&asha).await), (9, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_not_processed_cannot_be_collected() {
    let test = TestApp::start().await;
    let (asha, staff) = (test.student("asha@example.com").await, test.staff("s@example.com").await);
    test.seed_item("rice", 3, &[10]).await;
    let pending = test.place(&asha, &[("rice", 1)]).await;
    let failed = test.place(&asha, &[("rice", 1)]).await;
    test.fail(&failed, FailureReason::InsufficientTokens).await;
    let cancelled = test.place(&asha, &[("rice", 1)]).await;
    test.send(cancel(&asha, &cancelled)).await.expect(200);
    let before = everything(&test).await;
    for (order, status) in [(pending, "Pending"), (failed, "Failed"), (cancelled, "Cancelled")] {
        let refused = test.send(collect(&staff, &order)).await;
        assert_eq!(refused.problem(409), "order_not_processed", "{status}");
        assert_eq!(refused.body["order_status"], status);
    }
    assert_eq!(everything(&test).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_staff_of_the_mess_can_hand_an_order_over() {
    let test = TestApp::start().await;
    test.create_mess("mess_other", Approval::Automatic).await;
    let elsewhere = MessId::parse("mess_other").expect("an id");
    let (asha, owner) = (test.student("asha@example.com").await, test.owner("o@example.com").await);
    let stranger = test.staff_of(&elsewhere, "stranger@example.com").await;
    test.buy_tokens(&asha, 1).await;
    test.seed_item("rice", 1, &[10]).await;
    let order = test.processed(&asha, "rice").await;
    let before = everything(&test).await;
    assert_eq!(test.send(collect(&stranger, &order)).await.problem(404), "order_not_found");
    for person in [&asha, &owner] {
        assert_eq!(test.send(collect(person, &order)).await.problem(403), "wrong_role");
    }
    let nobody = Call::new("POST", &format!("/api/orders/{}/collect", order.order_id));
    assert_eq!(test.send(nobody).await.problem(401), "unauthenticated");
    assert_eq!(everything(&test).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collected_order_is_never_read_as_processed_from_the_cache() {
    let test = TestApp::start().await;
    let (asha, staff) = (test.student("asha@example.com").await, test.staff("s@example.com").await);
    test.buy_tokens(&asha, 1).await;
    test.seed_item("rice", 1, &[10]).await;
    let order = test.processed(&asha, "rice").await;
    cached::remember(&test.app, &order).await;
    test.send(collect(&staff, &order)).await.expect(200);
    cached::remember(&test.app, &order).await;
    let read = cached::read(&test.app, &test.mess_id, order.order_id).await.expect("read");
    assert_eq!((read.0.expect("it is there").status, read.1), (OrderStatus::Collected, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hand_over_succeeds_despite_lost_database_answers() {
    let test = TestApp::start().await;
    let (asha, staff) = (test.student("asha@example.com").await, test.staff("s@example.com").await);
    test.buy_tokens(&asha, 3).await;
    test.seed_item("rice", 1, &[10]).await;
    for lost in [1, 2] {
        let order = test.processed(&asha, "rice").await;
        let app = test.losing_answers("UpdateItem", lost);
        let answer = test.send_to(&app, collect(&staff, &order)).await.expect(200);
        assert_eq!(answer.body["status"], "Collected", "{lost} answers lost");
        assert_eq!(test.stored(&order).await.version, 3, "{lost} answers lost");
    }
    // If no answer comes at all, the outcome is unknown. A retry is told when the order was
    // collected.
    let order = test.processed(&asha, "rice").await;
    let app = test.losing_answers("UpdateItem", 3);
    let refused = test.send_to(&app, collect(&staff, &order)).await;
    assert_eq!(refused.problem(503), "database_unavailable");
    let again = test.send(collect(&staff, &order)).await;
    assert_eq!(again.problem(409), "already_collected");
    assert_eq!(again.body["collected_at"], test.now().to_string());
}
