//! The list of a student's orders: its order, and its pages while orders change.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::SignedDuration;
use serde_json::{Value, json};
use thali_domain::ids::{AccountId, OrderId};
use thali_domain::mess::Approval;
use thali_domain::orders::order::{FailureReason, Order};

use super::{ORDERS, cancel, collect};
use crate::support::people::Student;
use crate::support::{Call, TestApp};

fn ids(list: &[Value]) -> Vec<&str> {
    list.iter().map(|order| order["order_id"].as_str().expect("an id")).collect()
}

/// The ids of orders, the last one first.
fn newest_first(orders: &[Order]) -> Vec<String> {
    orders.iter().rev().map(|order| order.order_id.to_string()).collect()
}

/// Places `count` orders of one portion each.
async fn orders(test: &TestApp, student: &Student, count: usize) -> Vec<Order> {
    let mut orders = Vec::new();
    for _ in 0..count {
        orders.push(test.place(student, &[("rice", 1)]).await);
    }
    orders
}

#[tokio::test(flavor = "multi_thread")]
async fn a_student_lists_only_their_own_orders_newest_first() {
    let test = TestApp::start().await;
    let (asha, ravi) =
        (test.student("asha@example.com").await, test.student("r@example.com").await);
    assert_eq!(test.list(&asha, ORDERS, 10).await, [] as [Value; 0]);
    test.seed_item("rice", 1, &[100]).await;
    let (ours, theirs) = (orders(&test, &asha, 5).await, orders(&test, &ravi, 3).await);
    for limit in [1, 2, 4, 5, 6, 100] {
        let list = test.list(&asha, ORDERS, limit).await;
        assert_eq!(ids(&list), newest_first(&ours), "{limit}");
        assert_eq!(ids(&test.list(&ravi, ORDERS, limit).await), newest_first(&theirs), "{limit}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_listed_with_its_current_status_and_failure_reason() {
    let test = TestApp::start().await;
    let (asha, staff) = (test.student("asha@example.com").await, test.staff("s@example.com").await);
    test.buy_tokens(&asha, 9).await;
    test.seed_item("rice", 2, &[50]).await;
    test.seed_item("dal", 3, &[50]).await;
    let failed = test.place(&asha, &[("rice", 1)]).await;
    let cancelled = test.place(&asha, &[("rice", 1)]).await;
    let collected = test.place(&asha, &[("rice", 1)]).await;
    let processed = test.place(&asha, &[("rice", 2), ("dal", 1)]).await;
    let pending = test.place(&asha, &[("dal", 1)]).await;
    test.advance(SignedDuration::from_secs(1));
    test.fail(&failed, FailureReason::ItemUnavailable).await;
    test.send(cancel(&asha, &cancelled)).await.expect(200);
    for order in [&collected, &processed] {
        test.process(order).await.expect("nobody else processes it");
    }
    test.send(collect(&staff, &collected)).await.expect(200);

    let list = test.list(&asha, ORDERS, 10).await;
    let statuses: Vec<&Value> = list.iter().map(|order| &order["status"]).collect();
    assert_eq!(statuses, ["Pending", "Processed", "Collected", "Cancelled", "Failed"]);
    let expected = json!({
        "order_id": processed.order_id,
        "user_id": asha.account_id,
        "items": [
            { "sku": "rice", "name": "rice", "quantity": 2, "price_tokens": 2 },
            { "sku": "dal", "name": "dal", "quantity": 1, "price_tokens": 3 },
        ],
        "total_amount": 7,
        "currency": "token",
        "status": "Processed",
        "created_at": "2026-01-15T06:30:00.004Z",
        "updated_at": "2026-01-15T06:30:01.005Z",
    });
    assert_eq!(list[1], expected);
    assert_eq!(list[4]["failure_reason"], "item_unavailable");
    let without_reason = list.iter().filter(|order| order.get("failure_reason").is_none());
    assert_eq!(without_reason.count(), 4);
    assert_eq!(ids(&list)[0], pending.order_id.to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_neither_repeat_nor_skip_orders_while_orders_change() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    test.seed_item("rice", 1, &[100]).await;
    let before = orders(&test, &asha, 23).await;
    let (mut met, mut cursor) = (Vec::new(), None);
    loop {
        let (items, next) = test.page(&asha, ORDERS, 5, cursor.as_deref()).await;
        met.extend(ids(&items).into_iter().map(str::to_owned));
        // A new order comes in front. The last order of the page and the next one change.
        orders(&test, &asha, 1).await;
        for order in before.iter().rev().skip(met.len() - 1).take(2) {
            test.send(cancel(&asha, order)).await.expect(200);
        }
        match next {
            Some(next) => cursor = Some(next),
            None => break,
        }
    }
    assert_eq!(met, newest_first(&before));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_that_the_list_did_not_return_is_refused() {
    let test = TestApp::start().await;
    let (asha, ravi) =
        (test.student("asha@example.com").await, test.student("r@example.com").await);
    test.seed_item("rice", 1, &[100]).await;
    let ours = orders(&test, &asha, 3).await;
    let theirs = orders(&test, &ravi, 3).await;
    let account = AccountId::parse(&ravi.account_id).expect("an id");
    let made_up = OrderId::of(account, test.now()).to_string();
    let get = |cursor: &str| Call::get(&format!("{ORDERS}?cursor={cursor}")).bearer(&asha.token);
    for (what, cursor) in [
        ("another student's order", theirs[1].order_id.to_string()),
        ("an order that another student could have", made_up),
        ("an account", asha.account_id.clone()),
        ("a key", format!("order#{}", ours[1].order_id)),
        ("something else", "0".to_owned()),
        ("nothing", String::new()),
    ] {
        let answer = test.send(get(&URL_SAFE_NO_PAD.encode(cursor))).await;
        assert_eq!(answer.wrong_fields(), ["cursor"], "{what}");
    }
    for malformed in ["%21", "not-base64", &ours[1].order_id.to_string(), &"A".repeat(300)] {
        assert_eq!(test.send(get(malformed)).await.wrong_fields(), ["cursor"], "{malformed}");
    }
    for (query, field) in
        [("limit=0", "limit"), ("limit=101", "limit"), ("status=Pending", "status")]
    {
        let call = Call::get(&format!("{ORDERS}?{query}")).bearer(&asha.token);
        assert_eq!(test.send(call).await.wrong_fields(), [field], "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_costs_the_same_however_many_orders_exist() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    test.seed_item("rice", 1, &[1_000]).await;
    orders(&test, &asha, 60).await;
    let call = Call::get(&format!("{ORDERS}?limit=5")).bearer(&asha.token);
    test.send(call.clone()).await.expect(200);
    let meter = test.meter();
    test.send(call).await.expect(200);
    let cost = meter.take();
    // Six orders of less than half a kilobyte each.
    assert_eq!((cost.requests, cost.reads.total()), (1, crate::support::Units::of(1.0)), "{cost}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_student_of_two_messes_has_two_order_lists() {
    let test = TestApp::start().await;
    test.create_mess("mess_other", Approval::Automatic).await;
    let asha = test.student("asha@example.com").await;
    test.seed_item("rice", 1, &[10]).await;
    orders(&test, &asha, 2).await;
    let body = json!({
        "mess_id": "mess_other", "email": "asha@example.com",
        "password": crate::support::people::PASSWORD,
    });
    test.send(Call::post("/sign-up", &body)).await.expect(202);
    let mails = test.settle().await;
    let mail = mails.iter().find(|mail| mail.subject.contains("code")).expect("a code is mailed");
    let code = crate::support::people::code_in(mail);
    let verify = json!({ "mess_id": "mess_other", "email": "asha@example.com", "otp": code });
    test.send(Call::post("/sign-up/otp-verify", &verify)).await.expect(201);
    let other = Student::of(&test.send(Call::post("/login", &body)).await);
    assert_eq!(test.list(&other, ORDERS, 10).await, [] as [Value; 0]);
    assert_eq!(test.list(&asha, ORDERS, 10).await.len(), 2);
}
