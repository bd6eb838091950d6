//! Notifications of owners: each change is notified once, despite repeated messages and crashes.

use jiff::SignedDuration;
use serde_json::{Value, json};
use thali_domain::accounts::identity::{AccountStatus, Role};
use thali_domain::days::MealDate;
use thali_domain::ids::NotificationId;
use thali_domain::mess::Meal;
use thali_functions::workers::notifier::CONSUMER;
use thali_platform::queue::QueueName;
use thali_platform::worker::BatchResponse;

use super::{consume_at, failed};
use crate::support::menu::{change_stock, dish};
use crate::support::mess::sitting;
use crate::support::people::Student;
use crate::support::{Call, Death, TestApp};

impl TestApp {
    /// The notifications of the demo mess's owners, newest first, without ids and times.
    async fn told(&self, owner: &Student) -> Vec<Value> {
        let mut list = self.list(owner, "/owner/notifications", 100).await;
        for item in &mut list {
            let item = item.as_object_mut().expect("an object");
            assert!(item.remove("notification_id").is_some() && item.remove("at").is_some());
        }
        list
    }

    /// Relays the new changes; returns the notifier's messages, not yet consumed.
    async fn notices(&self) -> Vec<String> {
        let changes = self.dynamo.new_changes().await;
        assert_eq!(self.relay(&changes).await, BatchResponse::default());
        self.app.queues().take(QueueName::Notices)
    }

    /// Moves the clock forward a little, so that later notifications have a later time.
    fn later(&self) {
        self.advance(SignedDuration::from_millis(1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn owners_are_notified_of_sales_submissions_orders_students_and_payments() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let asha = test.student("asha@example.com").await;
    let checkout = test.buy_tokens(&asha, 10).await;
    test.later();
    let submitted = test.send(TestApp::submit(&asha, 3)).await.expect(201);
    test.seed_item("rice", 2, &[50]).await;
    let order = test.processed(&asha, "rice").await;
    test.later();
    let mess = test.mess_id.clone();
    let pending = AccountStatus::PendingApproval;
    let ravi = test.account(&mess, Role::Student, pending, "ravi@example.com").await;
    test.later();
    let meera = test.diner("meera").await;
    let cycle = test.give_pending_payment(&meera).await;
    test.settle().await;

    let expected = json!([
        {
            "kind": "payment_uploaded", "payment_id": cycle, "account_id": meera.account_id,
            "name": "meera", "from": "2026-02-01", "to": "2026-02-28", "amount_paise": 300_000,
        },
        { "kind": "student_waiting", "account_id": ravi.account_id, "name": "ravi" },
        {
            "kind": "order_processed", "order_id": order.order_id, "account_id": asha.account_id,
            "name": "asha", "count": 2,
        },
        {
            "kind": "tokens_submitted", "submission_id": submitted.body["submission_id"],
            "account_id": asha.account_id, "name": "asha", "count": 3,
        },
        {
            "kind": "token_bought", "order_id": checkout.order_id, "account_id": asha.account_id,
            "name": "asha", "count": 10, "amount_paise": 50_000,
        },
    ]);
    let told = test.told(&owner).await;
    assert_eq!(json!(told), expected);
    assert!(!json!(told).to_string().contains('@'), "nobody's address");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_change_of_an_item_causes_no_second_notification() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let asha = test.student("asha@example.com").await;
    test.buy_tokens(&asha, 10).await;
    let mess = test.mess_id.clone();
    let pending = AccountStatus::PendingApproval;
    let ravi = test.account(&mess, Role::Student, pending, "ravi@example.com").await;
    test.seed_item("rice", 1, &[50]).await;
    test.settle().await;
    assert_eq!(test.told(&owner).await.len(), 2);
    // A refund changes the purchase, an approval changes the account, and an order is cancelled.
    let refund = format!("/payments/{}/refund", test.purchase_of(&asha).await);
    test.send(Call::post(&refund, &json!({ "token_count": 1 })).bearer(&owner.token))
        .await
        .expect(202);
    let approve = format!("/api/v1/students/{}/approve", ravi.account_id);
    test.send(Call::new("POST", &approve).bearer(&owner.token)).await.expect(200);
    let order = test.place(&asha, &[("rice", 1)]).await;
    let cancel = format!("/api/orders/{}/cancel", order.order_id);
    test.send(Call::new("POST", &cancel).bearer(&asha.token)).await.expect(200);
    test.settle().await;
    assert_eq!(test.told(&owner).await.len(), 2);
}

impl TestApp {
    /// The partner's order id of a student's only purchase.
    async fn purchase_of(&self, student: &Student) -> String {
        let payments = self.list(student, "/payment-history", 100).await;
        payments[0]["order_id"].as_str().expect("an id").to_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_conflict_of_two_devices_causes_one_notification() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let asha = test.diner("asha").await;
    let lunch = sitting("2026-01-15", Meal::Lunch);
    let first = test.scan(lunch, Some(&asha), "2026-01-15T07:10:00Z");
    test.give_plates(&[test.plate(lunch, Some(&asha), std::slice::from_ref(&first))]).await;
    test.settle().await;
    assert_eq!(test.told(&owner).await, [Value::Null; 0]);

    let mut late = test.scan(lunch, Some(&asha), "2026-01-15T07:05:00Z");
    late.device_id = "stk_side".to_owned();
    late.device = "Side gate".to_owned();
    late.offline = true;
    let both = [first.clone(), late.clone()];
    test.give_plates(&[test.plate(lunch, Some(&asha), &both)]).await;
    test.settle().await;
    let third = test.scan(lunch, Some(&asha), "2026-01-15T07:15:00Z");
    let all = [first.clone(), late.clone(), third];
    test.give_plates(&[test.plate(lunch, Some(&asha), &all)]).await;
    test.settle().await;
    let scan = |scan: &thali_domain::staff::plates::Scan| {
        let at = scan.scanned_at;
        json!({ "scan_id": scan.scan_id, "device": scan.device, "scanned_at": at })
    };
    let expected = json!([{
        "kind": "scan_conflict", "reason": "already_admitted", "account_id": asha.account_id, "name": "asha",
        "date": MealDate::parse("2026-01-15").expect("a date"), "meal": "LUNCH",
        "scan": scan(&late), "previous": scan(&first),
    }]);
    assert_eq!(json!(test.told(&owner).await), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn owners_are_notified_each_time_a_stock_becomes_low() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    test.put_item(&owner, "rice", &dish("Rice", 1, 11, 1)).await.expect(201);
    test.settle().await;
    let mut told = 0;
    for (delta, stock, tells) in
        [(-1, 10, false), (-1, 9, true), (-5, 4, false), (7, 11, false), (-2, 9, true)]
    {
        test.later();
        test.send(change_stock(&owner, "rice", delta)).await.expect(200);
        test.settle().await;
        let list = test.told(&owner).await;
        told += usize::from(tells);
        assert_eq!(list.len(), told, "{stock}");
        if tells {
            let low = json!({ "kind": "stock_low", "sku": "rice", "name": "Rice", "stock": stock });
            assert_eq!(list[0], low);
        }
    }
    let dearer = json!({ "name": "Rice", "price_tokens": 2, "available": true });
    let spread = json!({ "name": "Dal", "price_tokens": 1, "available": true, "stock_shards": 2 });
    // A new price and a new distribution over shards cause no notification.
    test.put_item(&owner, "rice", &dearer).await.expect(200);
    test.put_item(&owner, "dal", &dish("Dal", 1, 12, 1)).await.expect(201);
    test.put_item(&owner, "dal", &spread).await.expect(200);
    test.settle().await;
    assert_eq!(test.told(&owner).await.len(), told);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_low_shard_causes_a_notification_with_the_total_stock() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    // The stock becomes low in the first shard of rice, and in the second shard of dal.
    test.seed_item("rice", 1, &[10, 30]).await;
    test.seed_item("dal", 1, &[0, 10]).await;
    let asha = test.newcomer(99).await;
    test.settle().await;
    test.place(&asha, &[("rice", 1)]).await;
    test.place(&asha, &[("dal", 1)]).await;
    let notices = test.notices().await;
    assert_eq!(notices.len(), 2);
    assert_eq!(test.consume(&CONSUMER, &notices).await, BatchResponse::default());
    let low = |sku, stock| json!({ "kind": "stock_low", "sku": sku, "name": sku, "stock": stock });
    assert_eq!(test.told(&owner).await[..2], [low("dal", 9), low("rice", 39)]);

    // A deleted item causes no notification.
    let gone = notices[0].replace("\"rice\"", "\"gone\"");
    let gone = gone.replace("\"event_id\":\"", "\"event_id\":\"other");
    let before = test.told(&owner).await;
    assert_eq!(test.consume(&CONSUMER, &[gone]).await, BatchResponse::default());
    assert_eq!(test.told(&owner).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_changes_and_messages_cause_one_notification_that_stays_read() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let asha = test.student("asha@example.com").await;
    test.settle().await;
    test.buy_tokens(&asha, 10).await;
    let changes = test.dynamo.new_changes().await;
    let mut messages = Vec::new();
    for _ in 0..2 {
        assert_eq!(test.relay(&changes).await, BatchResponse::default());
        messages.push(test.app.queues().take(QueueName::Notices));
    }
    assert_eq!(messages[0], messages[1]);
    assert_eq!(messages[0].len(), 1);
    let message = &messages[0];
    assert_eq!(test.consume(&CONSUMER, message).await, BatchResponse::default());
    let list = test.list(&owner, "/owner/notifications", 100).await;
    let id = list[0]["notification_id"].as_str().expect("an id");
    NotificationId::parse(id).expect("one of ours");
    let mark = Call::new("POST", &format!("/owner/notifications/{id}/read")).bearer(&owner.token);
    let read = test.send(mark).await.expect(200).body;
    // The repeated messages come days later.
    test.advance(SignedDuration::from_hours(24 * 13));
    for message in messages {
        assert_eq!(test.consume(&CONSUMER, &message).await, BatchResponse::default());
    }
    let owner = test.log_in_again(&owner).await;
    assert_eq!(test.list(&owner, "/owner/notifications", 100).await, [read]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notifier_that_crashes_at_any_request_still_notifies_once() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let asha = test.student("asha@example.com").await;
    test.settle().await;
    let (mut deaths, mut told) = (0, 0);
    for request in 0.. {
        let mut dead = 0;
        for death in [Death::Before(request), Death::After(request)] {
            test.later();
            test.buy_tokens(&asha, 1).await;
            let message = test.notices().await;
            let dying_process = test.dying_process(death);
            let response = consume_at(&dying_process.app, &CONSUMER, &message).await;
            if dying_process.is_dead() {
                dead += 1;
                assert_eq!(failed(&response), ["0"], "{death:?}: to be retried");
            }
            for _ in 0..2 {
                assert_eq!(test.consume(&CONSUMER, &message).await, BatchResponse::default());
            }
            told += 1;
            assert_eq!(test.told(&owner).await.len(), told, "{death:?}");
        }
        if dead == 0 {
            break;
        }
        deaths += dead;
    }
    assert!(deaths >= 4, "{deaths}: a read and a write");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_message_is_retried_and_does_not_block_others() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let asha = test.student("asha@example.com").await;
    test.settle().await;
    test.buy_tokens(&asha, 1).await;
    let mut messages = test.notices().await;
    messages.insert(0, "{}".to_owned());
    let response = test.consume(&CONSUMER, &messages).await;
    assert_eq!(failed(&response), ["0"]);
    assert_eq!(test.told(&owner).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn notifications_cause_no_further_messages_and_are_not_audited() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let asha = test.student("asha@example.com").await;
    test.buy_tokens(&asha, 1).await;
    test.settle().await;
    let list = test.list(&owner, "/owner/notifications", 100).await;
    let id = list[0]["notification_id"].as_str().expect("an id");
    let mark = Call::new("POST", &format!("/owner/notifications/{id}/read")).bearer(&owner.token);
    test.send(mark).await.expect(200);
    assert_eq!(test.notices().await, [""; 0]);
    test.settle().await;
    let kinds = test.dynamo.items("audit").await.into_iter();
    let kinds: Vec<_> = kinds.filter_map(|item| item.get("kind")?.as_s().ok().cloned()).collect();
    assert!(!kinds.is_empty() && !kinds.contains(&"notification".to_owned()), "{kinds:?}");
}
