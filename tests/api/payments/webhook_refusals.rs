//! Webhook events that are refused (missing or wrong signature), and events that are accepted
//! without effect.

use serde_json::{Value, json};

use super::{event, signed, told};
use crate::support::{Call, RAZORPAY_WEBHOOK_SECRET, TestApp};

/// A captured payment as the partner's events contain it.
fn payment(order_id: &Value) -> Value {
    json!({
        "id": "pay_AAAAAAAAAAAAAA",
        "entity": "payment",
        "amount": 50_000,
        "currency": "INR",
        "status": "captured",
        "order_id": order_id,
        "method": "card",
        "captured": true,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_the_partner_did_not_sign_is_refused() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let order_id = test.order_tokens(&asha, 10).await;
    let body = event("payment.captured", &payment(&json!(order_id))).to_string();
    let unsigned = Call::post_raw("/webhooks/razorpay", "application/json", &body);
    let with = |signature: &str| unsigned.clone().header("x-razorpay-signature", signature);
    let of = thali_sandbox::signature::webhook;
    for (why, call) in [
        ("no signature", unsigned.clone()),
        ("an empty one", with("")),
        ("no hexadecimal", with("signature")),
        ("an unknown secret", signed("unknown-secret", &body)),
        ("an empty secret", signed("", &body)),
        ("the key's secret", signed("test-key-secret", &body)),
        ("of another body", with(&of(RAZORPAY_WEBHOOK_SECRET, b"{}"))),
        ("upper case", with(&of(RAZORPAY_WEBHOOK_SECRET, body.as_bytes()).to_uppercase())),
    ] {
        let answer = test.send(call).await;
        assert_eq!(answer.problem(401), "signature_wrong", "{why}");
    }
    let tampered = body.replace("50000", "50001");
    let call = Call::post_raw("/webhooks/razorpay", "application/json", &tampered);
    let signature = of(RAZORPAY_WEBHOOK_SECRET, body.as_bytes());
    let answer = test.send(call.header("x-razorpay-signature", &signature)).await;
    assert_eq!(answer.problem(401), "signature_wrong");
    assert_eq!(test.token_count(&asha).await, 0);

    test.send(signed(RAZORPAY_WEBHOOK_SECRET, &body)).await.expect(200);
    assert_eq!(test.token_count(&asha).await, 10, "the signed body is accepted");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_with_a_wrong_amount_or_currency_credits_nothing() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let order_id = test.order_tokens(&asha, 10).await;
    let good = payment(&json!(order_id));
    for (member, value) in [
        ("amount", json!(49_999)),
        ("amount", json!(50_001)),
        ("amount", json!(1)),
        ("currency", json!("USD")),
    ] {
        let mut other = good.clone();
        other[member] = value;
        test.send(told("payment.captured", &other)).await.expect(200);
        assert_eq!(test.token_count(&asha).await, 0, "{other}");
        assert_eq!(test.status_of_purchase(&asha).await, "mismatch", "{other}");
    }
    test.send(told("payment.captured", &good)).await.expect(200);
    assert_eq!(test.token_count(&asha).await, 10, "the order stayed open");
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_orders_and_events_are_accepted_and_change_nothing() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let order_id = test.order_tokens(&asha, 10).await;
    let unknown = payment(&json!("order_AAAAAAAAAAAAAA"));
    let without_order = payment(&Value::Null);
    let known = payment(&json!(order_id));
    for (name, payment) in [
        ("payment.captured", &unknown),
        ("payment.failed", &unknown),
        ("order.paid", &without_order),
        ("payment.dispute.created", &known),
        ("refund.created", &known),
        ("", &known),
    ] {
        let answer = test.send(told(name, payment)).await.expect(200);
        assert_eq!(answer.body, json!({ "status": "ok" }), "{name}");
    }
    let bare = json!({ "event": "settlement.processed", "payload": {} }).to_string();
    test.send(signed(RAZORPAY_WEBHOOK_SECRET, &bare)).await.expect(200);
    assert_eq!(test.token_count(&asha).await, 0);
    assert_eq!(test.status_of_purchase(&asha).await, "created");
}
