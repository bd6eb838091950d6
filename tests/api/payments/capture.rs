//! Authorized payments: Razorpay captures them because the order asks for it, and otherwise the job
//! captures one of them, of the stored amount alone.

use jiff::SignedDuration;
use serde_json::{Value, json};
use thali_domain::ids::RazorpayOrderId;
use thali_platform::store::Stamp;

use super::told;
use crate::support::TestApp;
use crate::support::people::Student;

/// A student with an order of ten tokens.
async fn ordered(test: &TestApp) -> (Student, String) {
    let asha = test.student("asha@example.com").await;
    let order_id = test.order_tokens(&asha, 10).await;
    (asha, order_id)
}

/// The statuses of an order's payments at the partner, oldest first.
async fn statuses(test: &TestApp, order_id: &str) -> Vec<Value> {
    let found = test.at_partner(&format!("/orders/{order_id}/payments")).await;
    let items = found["items"].as_array().expect("a list").iter().rev();
    items.map(|payment| payment["status"].clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_order_asks_the_partner_to_capture_its_payments() {
    let test = TestApp::start().await;
    let (asha, order_id) = ordered(&test).await;
    // The account captures by hand, so only an order that asks for it is captured at once.
    let checkout = test.pay(&order_id, json!({ "outcome": "captured" })).await;
    assert_eq!(test.payment(&checkout.payment_id).await["status"], "captured");
    test.send(checkout.verify(&asha.token)).await.expect(200);
    assert_eq!(test.token_count(&asha).await, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_job_captures_an_authorized_payment_and_credits_it_once() {
    let test = TestApp::start().await;
    let (asha, order_id) = ordered(&test).await;
    let checkout = test.pay(&order_id, json!({ "outcome": "authorized" })).await;
    let refused = test.send(checkout.verify(&asha.token)).await;
    assert_eq!(refused.problem(409), "payment_not_captured");
    let counts = test.reconcile().await;
    assert_eq!(counts, json!({ "asked": 1, "captured": 1, "credited": 1 }));
    assert_eq!(test.reconcile().await, json!({}));
    let payment = test.payment(&checkout.payment_id).await;
    assert_eq!((&payment["status"], &payment["amount"]), (&json!("captured"), &json!(50_000)));
    test.send(checkout.verify(&asha.token)).await.expect(200);
    assert_eq!(test.token_count(&asha).await, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_one_of_two_authorized_payments_is_captured_by_concurrent_runs() {
    let test = TestApp::start().await;
    let (asha, order_id) = ordered(&test).await;
    for _ in 0..2 {
        test.pay(&order_id, json!({ "outcome": "authorized" })).await;
    }
    let runs = tokio::join!(test.reconcile(), test.reconcile(), test.reconcile());
    for run in [runs.0, runs.1, runs.2] {
        assert_eq!(run.get("errors"), None, "{run}");
    }
    test.reconcile().await;
    let mut statuses = statuses(&test, &order_id).await;
    statuses.sort_by_key(Value::to_string);
    assert_eq!(statuses, [json!("authorized"), json!("captured")]);
    assert_eq!(test.token_count(&asha).await, 10);
    assert_eq!(test.single_purchase(&asha).await.get("mismatches"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_lost_the_answer_of_a_capture_completes_later() {
    let test = TestApp::start().await;
    let (asha, order_id) = ordered(&test).await;
    let first = test.pay(&order_id, json!({ "outcome": "authorized" })).await;
    // The list is answered, then the capture is carried out and its answer lost.
    let list_first = json!({ "drop": true, "applied": true, "path": "/capture" });
    test.partner_fails(list_first).await;
    let counts = test.reconcile().await;
    assert_eq!(counts["errors"], 1, "{counts}");
    test.partner_recovers().await;
    assert_eq!(test.payment(&first.payment_id).await["status"], "captured");
    assert_eq!(test.token_count(&asha).await, 0);
    assert_eq!(test.reconcile().await, json!({ "asked": 1, "credited": 1 }));
    assert_eq!(test.token_count(&asha).await, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authorized_payment_of_another_amount_or_currency_is_never_captured() {
    let test = TestApp::start().await;
    let (asha, order_id) = ordered(&test).await;
    for change in [
        json!({ "amount_paise": 49_999 }),
        json!({ "amount_paise": 50_001 }),
        json!({ "currency": "USD" }),
        json!({ "customer_fee_paise": 1_180 }),
    ] {
        let mut control = json!({ "outcome": "authorized" });
        let members = control.as_object_mut().expect("an object");
        members.extend(change.as_object().expect("an object").clone());
        test.pay(&order_id, control).await;
    }
    assert_eq!(test.reconcile().await, json!({ "asked": 1, "waiting": 1 }));
    assert_eq!(statuses(&test, &order_id).await, vec![json!("authorized"); 4]);
    assert_eq!(test.token_count(&asha).await, 0);
    assert_eq!(test.status_of_purchase(&asha).await, "created");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paid_order_gets_no_second_payment_captured() {
    let test = TestApp::start().await;
    let (asha, order_id) = ordered(&test).await;
    test.pay(&order_id, json!({ "outcome": "authorized" })).await;
    let paid = test.pay(&order_id, json!({ "outcome": "captured" })).await;
    let counts = test.reconcile().await;
    assert_eq!(counts, json!({ "asked": 1, "credited": 1 }), "the captured payment pays");
    test.reconcile().await;
    assert_eq!(statuses(&test, &order_id).await, [json!("authorized"), json!("captured")]);
    assert_eq!(test.single_purchase(&asha).await["payment_id"], paid.payment_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_authorized_after_its_order_was_given_up_is_captured() {
    let test = TestApp::start().await;
    let (asha, order_id) = ordered(&test).await;
    test.advance(SignedDuration::from_hours(8 * 24));
    assert_eq!(test.reconcile().await, json!({ "asked": 1, "closed": 1 }));
    let checkout = test.pay(&order_id, json!({ "outcome": "authorized" })).await;
    assert_eq!(test.reconcile().await, json!({}), "nobody asks any more");
    let payment = test.payment(&checkout.payment_id).await;
    test.send(told("payment.authorized", &payment)).await.expect(200);
    assert_eq!(test.reconcile().await, json!({ "asked": 1, "captured": 1, "credited": 1 }));
    let asha = test.log_in_again(&asha).await;
    assert_eq!(test.token_count(&asha).await, 10);
    test.send(told("payment.authorized", &payment)).await.expect(200);
    assert_eq!(test.reconcile().await, json!({}), "a late event changes nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn news_of_an_authorized_payment_lets_the_next_run_ask_at_once() {
    let test = TestApp::start().await;
    let (asha, order_id) = ordered(&test).await;
    let scheduled = async || by_schedule(&test).await;
    test.advance(SignedDuration::from_hours(2));
    assert_eq!(scheduled().await["asked"], 1);
    test.advance(SignedDuration::from_mins(5));
    assert_eq!(scheduled().await["asked"], 0, "not before its age has doubled");
    let checkout = test.pay(&order_id, json!({ "outcome": "authorized" })).await;
    let payment = test.payment(&checkout.payment_id).await;
    for _ in 0..2 {
        test.send(told("payment.authorized", &payment)).await.expect(200);
    }
    let counts = scheduled().await;
    assert_eq!((&counts["captured"], &counts["credited"]), (&json!(1), &json!(1)));
    let asha = test.log_in_again(&asha).await;
    assert_eq!(test.token_count(&asha).await, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_sees_an_authorized_payment_is_news_too() {
    let test = TestApp::start().await;
    let (asha, order_id) = ordered(&test).await;
    test.advance(SignedDuration::from_hours(2));
    by_schedule(&test).await;
    let asha = test.log_in_again(&asha).await;
    let checkout = test.pay(&order_id, json!({ "outcome": "authorized" })).await;
    let answer = test.send(checkout.verify(&asha.token)).await;
    assert_eq!(answer.problem(409), "payment_not_captured");
    assert_eq!(by_schedule(&test).await["captured"], 1);
    assert_eq!(test.token_count(&asha).await, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_answer_of_the_partner_does_not_hide_news() {
    let test = TestApp::start().await;
    let (_, order_id) = ordered(&test).await;
    test.advance(SignedDuration::from_hours(2));
    by_schedule(&test).await;
    let store = &test.app.store;
    let order = RazorpayOrderId::parse(&order_id).expect("an id");
    let read = store.purchase_find(&order).await.expect("read").expect("it is there");
    let at = test.app.clock.now();
    let stamp = Stamp { actor: "test".to_owned(), request_id: "request".to_owned(), at };
    store.purchase_ask_again(&read, &stamp).await.expect("written");
    store.purchase_queried(&read, true, &stamp).await.expect("no failure");
    store.purchase_close(&read, &stamp).await.expect("no failure");
    test.pay(&order_id, json!({ "outcome": "authorized" })).await;
    assert_eq!(by_schedule(&test).await["captured"], 1);
}

/// Runs the job as its schedule does.
async fn by_schedule(test: &TestApp) -> Value {
    let ran = thali_functions::jobs::reconcile_payments::JOB.run;
    ran(&test.app, &json!({ "source": "aws.scheduler" })).await.expect("it runs")
}
