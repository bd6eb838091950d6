//! The orders that wait to be handed over, as the counter lists them.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::SignedDuration;
use serde_json::{Value, json};
use thali_domain::ids::MessId;
use thali_domain::mess::Approval;
use thali_domain::orders::order::{FailureReason, Order};
use thali_platform::store::keys;

use super::{ORDERS, cancel, collect};
use crate::support::people::Student;
use crate::support::{Call, TestApp};

const READY: &str = "/api/orders/ready";

/// The ids of all orders that staff find, in pages of `limit`.
async fn ready(test: &TestApp, staff: &Student, limit: usize) -> Vec<String> {
    listed(&test.list(staff, READY, limit).await)
}

/// The ids of listed orders.
fn listed(list: &[Value]) -> Vec<String> {
    list.iter().map(|order| order["order_id"].as_str().expect("an id").to_owned()).collect()
}

fn ids<'a>(orders: impl IntoIterator<Item = &'a Order>) -> Vec<String> {
    orders.into_iter().map(|order| order.order_id.to_string()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_processed_orders_wait_to_be_handed_over() {
    let test = TestApp::start().await;
    let (asha, staff) = (test.student("asha@example.com").await, test.staff("s@example.com").await);
    test.buy_tokens(&asha, 9).await;
    test.seed_item("rice", 1, &[50]).await;
    assert_eq!(ready(&test, &staff, 25).await, [] as [String; 0]);
    let failed = test.place(&asha, &[("rice", 1)]).await;
    let cancelled = test.place(&asha, &[("rice", 1)]).await;
    let (collected, waiting) =
        (test.processed(&asha, "rice").await, test.processed(&asha, "rice").await);
    let pending = test.place(&asha, &[("rice", 1)]).await;
    test.fail(&failed, FailureReason::ItemUnavailable).await;
    test.send(cancel(&asha, &cancelled)).await.expect(200);
    assert_eq!(ready(&test, &staff, 25).await, ids([&collected, &waiting]));
    test.send(collect(&staff, &collected)).await.expect(200);
    assert_eq!(ready(&test, &staff, 25).await, ids([&waiting]));
    // The sweep still finds the pending order, and only that one.
    test.advance(SignedDuration::from_secs(61));
    assert_eq!(test.sweep().await, (1, 1));
    let pending = test.process(&test.stored(&pending).await).await.expect("nobody else does");
    assert_eq!(ready(&test, &staff, 25).await, ids([&waiting, &pending]));
    assert_eq!(test.sweep().await, (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_order_names_its_student_and_how_long_it_waits() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    test.send(Call::patch("/student/profile", &json!({ "room_no": "B-204" })).bearer(&asha.token))
        .await
        .expect(200);
    test.buy_tokens(&asha, 9).await;
    test.seed_item("rice", 2, &[50]).await;
    let order = test.place(&asha, &[("rice", 2)]).await;
    test.advance(SignedDuration::from_secs(2));
    let processed = test.process(&order).await.expect("nobody else processes it");
    let device = test.device("Gate 1").await;
    let answer = test.send(Call::get(READY).bearer(&device.token)).await.expect(200);
    let expected = json!({ "items": [{
        "order_id": order.order_id,
        "user_id": asha.account_id,
        "items": [{ "sku": "rice", "name": "rice", "quantity": 2, "price_tokens": 2 }],
        "total_amount": 4,
        "currency": "token",
        "status": "Processed",
        "created_at": order.created_at.to_string(),
        "updated_at": processed.updated_at.to_string(),
        "processed_at": processed.updated_at.to_string(),
        "student": answer.body["items"][0]["student"],
    }]});
    assert_eq!(answer.body, expected);
    let student = &answer.body["items"][0]["student"];
    assert!(student["name"].is_string() && student["room_no"] == "B-204", "{student}");
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_orders_of_all_students_are_paged_oldest_first() {
    let test = TestApp::start().await;
    let staff = test.staff("s@example.com").await;
    let crowd = test.crowd(3, 9).await;
    test.seed_item("rice", 1, &[50]).await;
    let mut orders = Vec::new();
    for number in 0..8 {
        orders.push(test.processed(&crowd[number % 3], "rice").await);
    }
    for limit in [1, 3, 8, 100] {
        assert_eq!(ready(&test, &staff, limit).await, ids(&orders), "{limit}");
    }
    // What was handed over between two pages neither hides nor repeats another order.
    let (first, next) = test.page(&staff, READY, 3, None).await;
    assert_eq!(first.len(), 3);
    test.send(collect(&staff, &orders[2])).await.expect(200);
    test.send(collect(&staff, &orders[4])).await.expect(200);
    let (second, _) = test.page(&staff, READY, 3, next.as_deref()).await;
    assert_eq!(listed(&second), ids([&orders[3], &orders[5], &orders[6]]));
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_of_earlier_days_can_be_left_out() {
    let test = TestApp::start().await;
    let staff = test.staff("s@example.com").await;
    let crowd = test.crowd(1, 9).await;
    test.seed_item("rice", 1, &[50]).await;
    let old = test.processed(&crowd[0], "rice").await;
    // It is 12:00 in Kolkata: the next day begins there after twelve hours.
    test.advance(SignedDuration::from_hours(13));
    let staff_later = test.log_in_again(&staff).await;
    let new = test.processed(&crowd[0], "rice").await;
    let from = |day: &str| Call::get(&format!("{READY}?from={day}")).bearer(&staff_later.token);
    for (day, expected) in
        [("2026-01-15", ids([&old, &new])), ("2026-01-16", ids([&new])), ("2026-01-17", Vec::new())]
    {
        let answer = test.send(from(day)).await.expect(200);
        let items = answer.body["items"].as_array().expect("a list");
        assert_eq!(listed(items), expected, "{day}");
    }
    // A cursor from before that day goes on with that day.
    let (_, next) = test.page(&staff_later, READY, 1, None).await;
    let next = next.expect("there is more");
    let path = format!("{READY}?from=2026-01-16&cursor={next}");
    let answer = test.send(Call::get(&path).bearer(&staff_later.token)).await.expect(200);
    assert_eq!(answer.body["items"][0]["order_id"], new.order_id.to_string());
    for query in ["from=today", "cursor=x", "since=2026-01-16"] {
        let call = Call::get(&format!("{READY}?{query}")).bearer(&staff_later.token);
        assert_eq!(test.send(call).await.problem(422), "invalid_fields", "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_from_before_the_list_is_handed_over_by_its_id() {
    let test = TestApp::start().await;
    let (asha, staff) = (test.student("asha@example.com").await, test.staff("s@example.com").await);
    test.buy_tokens(&asha, 9).await;
    test.seed_item("rice", 1, &[50]).await;
    let order = test.processed(&asha, "rice").await;
    let key = keys::order(&order.mess_id, order.order_id);
    // An earlier version removed the attribute when it processed the order.
    let mut stored = test.dynamo.take("orders", &key).await;
    stored.remove("pending").expect("it is listed");
    test.dynamo.put("orders", stored).await;
    assert_eq!(ready(&test, &staff, 25).await, [] as [String; 0]);
    let by_id = Call::get(&format!("{ORDERS}/{}", order.order_id)).bearer(&staff.token);
    assert_eq!(test.send(by_id).await.expect(200).body["status"], "Processed");
    test.send(collect(&staff, &order)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_the_index_still_has_is_not_listed() {
    let test = TestApp::start().await;
    let (asha, staff) = (test.student("asha@example.com").await, test.staff("s@example.com").await);
    test.buy_tokens(&asha, 9).await;
    test.seed_item("rice", 1, &[50]).await;
    let order = test.processed(&asha, "rice").await;
    test.send(collect(&staff, &order)).await.expect(200);
    let entry = AttributeValue::S(keys::ready_partition(&order.mess_id));
    let key = keys::order(&order.mess_id, order.order_id);
    test.dynamo.set("orders", &key, "pending", entry).await;
    assert_eq!(ready(&test, &staff, 25).await, [] as [String; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_staff_of_the_mess_see_its_waiting_orders() {
    let test = TestApp::start().await;
    test.create_mess("mess_other", Approval::Automatic).await;
    let elsewhere = MessId::parse("mess_other").expect("an id");
    let (asha, stranger) =
        (test.student("asha@example.com").await, test.staff_of(&elsewhere, "s@example.com").await);
    test.buy_tokens(&asha, 9).await;
    test.seed_item("rice", 1, &[50]).await;
    test.processed(&asha, "rice").await;
    assert_eq!(ready(&test, &stranger, 25).await, [] as [String; 0]);
    let refused = test.send(Call::get(READY).bearer(&asha.token)).await;
    assert_eq!(refused.problem(403), "wrong_role");
}
