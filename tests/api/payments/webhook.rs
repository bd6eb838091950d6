//! `POST /webhooks/razorpay`: events arrive repeatedly and in any order, and credit once.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::json;
use thali_domain::ids::{AccountId, RazorpayOrderId};
use thali_platform::store::keys::{self, Key};

use super::{HISTORY, event, signed, told};
use crate::support::people::{Checkout, Student};
use crate::support::{Call, RAZORPAY_WEBHOOK_SECRET, TestApp};

/// A student, and the checkout of a payment for ten tokens with the given outcome.
async fn paid(test: &TestApp, outcome: &str) -> (Student, Checkout) {
    let asha = test.student("asha@example.com").await;
    let order_id = test.order_tokens(&asha, 10).await;
    let checkout = test.pay(&order_id, json!({ "outcome": outcome })).await;
    (asha, checkout)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_captured_event_credits_once_and_without_the_browser() {
    let test = TestApp::start().await;
    let (asha, checkout) = paid(&test, "captured").await;
    let call = told("payment.captured", &test.payment(&checkout.payment_id).await);
    let answer = test.send(call.clone()).await.expect(200);
    assert_eq!(answer.body, json!({ "status": "ok" }));
    assert_eq!(test.token_count(&asha).await, 10);
    let list = test.list(&asha, HISTORY, 100).await;
    assert_eq!(list[0]["payment_id"], checkout.payment_id);

    test.advance(jiff::SignedDuration::from_mins(5));
    for _ in 0..5 {
        test.send(call.clone()).await.expect(200);
    }
    assert_eq!(test.token_count(&asha).await, 10);
    assert_eq!(test.list(&asha, HISTORY, 100).await, list, "a repeat changes nothing");
    let verified = test.send(checkout.verify(&asha.token)).await.expect(200);
    assert_eq!(verified.body["payment"], list[0], "a later browser changes nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_delivered_by_the_partner_sandbox_credit_tokens() {
    let test = std::sync::Arc::new(TestApp::start().await);
    let asha = test.student("asha@example.com").await;
    let order_id = test.order_tokens(&asha, 10).await;
    let receiver = {
        let test = std::sync::Arc::clone(&test);
        let receive = move |headers: http::HeaderMap, body: String| async move {
            let signature = headers["x-razorpay-signature"].to_str().expect("hexadecimal");
            let call = Call::post_raw("/webhooks/razorpay", "application/json", &body)
                .header("x-razorpay-signature", signature);
            let status = test.send(call).await.status;
            http::StatusCode::from_u16(status).expect("a status")
        };
        axum::Router::new().route("/", axum::routing::post(receive))
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    test.sandbox.webhook_url_set(&format!("http://{}", listener.local_addr().expect("bound")));
    let server = tokio::spawn(axum::serve(listener, receiver).into_future());

    let control = json!({
        "outcome": "captured",
        "webhook": true,
        "events": ["order.paid", "payment.authorized", "payment.captured"],
        "wait": true,
    });
    test.pay(&order_id, control).await;
    let statuses: Vec<_> = test.sandbox.deliveries().iter().map(|d| d.status).collect();
    assert_eq!(statuses, [Some(200); 3]);
    assert_eq!(test.token_count(&asha).await, 10);
    server.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn order_paid_may_come_first_and_later_events_change_nothing() {
    let test = TestApp::start().await;
    let (asha, checkout) = paid(&test, "captured").await;
    let captured = test.payment(&checkout.payment_id).await;
    test.send(told("order.paid", &captured)).await.expect(200);
    assert_eq!(test.token_count(&asha).await, 10);
    let list = test.list(&asha, HISTORY, 100).await;

    test.advance(jiff::SignedDuration::from_mins(1));
    let with_status = |status: &str| {
        let mut payment = captured.clone();
        payment["status"] = json!(status);
        payment
    };
    for (name, status) in [
        ("payment.captured", "captured"),
        ("payment.authorized", "authorized"),
        ("payment.failed", "failed"),
        ("order.paid", "captured"),
    ] {
        test.send(told(name, &with_status(status))).await.expect(200);
        assert_eq!(test.list(&asha, HISTORY, 100).await, list, "{name}");
    }
    assert_eq!(test.token_count(&asha).await, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_event_before_the_capture_does_not_prevent_the_credit() {
    let test = TestApp::start().await;
    let (asha, checkout) = paid(&test, "failed").await;
    let failed = test.payment(&checkout.payment_id).await;
    for _ in 0..2 {
        test.send(told("payment.failed", &failed)).await.expect(200);
        assert_eq!(test.status_of_purchase(&asha).await, "failed");
    }
    test.capture_late(&checkout.payment_id).await;
    let captured = test.payment(&checkout.payment_id).await;
    test.send(told("payment.captured", &captured)).await.expect(200);
    assert_eq!(test.token_count(&asha).await, 10);
    test.send(told("payment.failed", &failed)).await.expect(200);
    assert_eq!(test.status_of_purchase(&asha).await, "captured");
    assert_eq!(test.token_count(&asha).await, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authorized_payment_credits_nothing_under_any_event_name() {
    let test = TestApp::start().await;
    let (asha, checkout) = paid(&test, "authorized").await;
    let authorized = test.payment(&checkout.payment_id).await;
    for name in ["payment.authorized", "payment.captured", "order.paid"] {
        test.send(told(name, &authorized)).await.expect(200);
        assert_eq!(test.token_count(&asha).await, 0, "{name}");
    }
    assert_eq!(test.status_of_purchase(&asha).await, "created");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_signed_with_the_previous_secret_are_still_accepted() {
    let test = TestApp::start().await;
    let (asha, checkout) = paid(&test, "captured").await;
    let body = event("payment.captured", &test.payment(&checkout.payment_id).await).to_string();
    test.send(signed("test-webhook-old", &body)).await.expect(200);
    assert_eq!(test.token_count(&asha).await, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_ahead_of_the_indexes_is_credited_by_order_paid() {
    let test = TestApp::start().await;
    let (asha, checkout) = paid(&test, "captured").await;
    // Taking the item away simulates indexes that do not have the purchase yet.
    let purchase = test.dynamo.take("tokens", &key_of(&asha, &checkout)).await;
    let payment = test.payment(&checkout.payment_id).await;
    test.send(told("payment.captured", &payment)).await.expect(200);
    test.dynamo.put("tokens", purchase).await;
    assert_eq!(test.token_count(&asha).await, 0);

    let mut paid = event("order.paid", &payment);
    let order = test.at_partner(&format!("/orders/{}", checkout.order_id)).await;
    paid["payload"]["order"] = json!({ "entity": order });
    for _ in 0..2 {
        test.send(signed(RAZORPAY_WEBHOOK_SECRET, &paid.to_string())).await.expect(200);
        assert_eq!(test.token_count(&asha).await, 10);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_missing_from_the_unpaid_index_is_found_by_its_order() {
    let test = TestApp::start().await;
    let (asha, checkout) = paid(&test, "captured").await;
    let elsewhere = AttributeValue::S("open#elsewhere".to_owned());
    test.dynamo.set("tokens", &key_of(&asha, &checkout), "open", elsewhere).await;
    let payment = test.payment(&checkout.payment_id).await;
    for _ in 0..2 {
        test.send(told("payment.captured", &payment)).await.expect(200);
        assert_eq!(test.token_count(&asha).await, 10);
    }
}

fn key_of(student: &Student, checkout: &Checkout) -> Key {
    let account = AccountId::parse(&student.account_id).expect("an id");
    keys::purchase(account, &RazorpayOrderId::parse(&checkout.order_id).expect("an id"))
}
