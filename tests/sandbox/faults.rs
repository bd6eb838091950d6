//! Faults on demand, and invalid control calls.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Fixture, body, text};

#[tokio::test]
async fn a_fault_with_a_status_fails_the_given_number_of_requests() {
    let fixture = Fixture::start().await;
    let order_id = fixture.order().await;
    fixture.fault(json!({ "status": 503, "for_requests": 2 })).await;
    let path = format!("/orders/{order_id}");

    for _ in 0..2 {
        let response = fixture.api_send("GET", &path, &Value::Null, &[]).await;
        let response = response.expect("the sandbox answers");
        assert_eq!(response.status(), 503);
        assert_eq!(body(response).await["error"]["code"], "SERVER_ERROR");
    }
    assert_eq!(fixture.api_get(&path).await["id"], order_id);
}

#[tokio::test]
async fn a_fault_without_a_count_lasts_until_deleted_and_spares_control_calls() {
    let fixture = Fixture::start().await;
    let order_id = fixture.order().await;
    fixture.fault(json!({ "status": 502 })).await;
    let path = format!("/orders/{order_id}");
    let failing = fixture.api_send("GET", &path, &Value::Null, &[]).await;
    assert_eq!(failing.expect("the sandbox answers").status(), 502);
    fixture.pay(&order_id, json!({ "outcome": "captured" })).await;

    let ended = fixture.control_send("DELETE", "/faults", &Value::Null).await;
    assert_eq!(ended.status(), 204);
    assert_eq!(fixture.api_get(&path).await["status"], "paid");
}

#[tokio::test]
async fn a_fault_with_a_delay_delays_the_response() {
    let fixture = Fixture::start().await;
    let order_id = fixture.order().await;
    fixture.fault(json!({ "delay_ms": 150, "for_requests": 1 })).await;
    let asked_at = Instant::now();

    assert_eq!(fixture.api_get(&format!("/orders/{order_id}")).await["id"], order_id);
    assert!(asked_at.elapsed() >= Duration::from_millis(150));
}

#[tokio::test]
async fn a_dropped_request_gets_no_response_and_has_no_effect() {
    let fixture = Fixture::start().await;
    let order_id = fixture.order().await;
    let checkout = fixture.pay(&order_id, json!({ "outcome": "captured" })).await;
    let payment = format!("/payments/{}", text(&checkout, "payment_id"));
    fixture.fault(json!({ "drop": true, "for_requests": 1 })).await;
    let refund = format!("{payment}/refund");

    let dropped = fixture.api_send("POST", &refund, &json!({ "amount": 100 }), &[]).await;
    let error = dropped.expect_err("there is no answer");
    assert!(!error.is_connect() && !error.is_timeout(), "{error:?}");
    assert_eq!(fixture.api_get(&payment).await["amount_refunded"], 0);
}

#[tokio::test]
async fn a_retry_after_a_dropped_response_finds_the_first_effect() {
    let fixture = Fixture::start().await;
    let order_id = fixture.order().await;
    let checkout = fixture.pay(&order_id, json!({ "outcome": "captured" })).await;
    let payment = format!("/payments/{}", text(&checkout, "payment_id"));
    fixture.fault(json!({ "drop": true, "applied": true, "for_requests": 1 })).await;
    let (refund, sent) = (format!("{payment}/refund"), json!({ "amount": 100 }));
    let key = [("x-refund-idempotency", "refund-key-2")];

    let lost = fixture.api_send("POST", &refund, &sent, &key).await;
    lost.expect_err("there is no answer");
    let again = fixture.api_send("POST", &refund, &sent, &key).await;
    assert_eq!(again.expect("the sandbox answers").status(), 200);
    assert_eq!(fixture.api_get(&payment).await["amount_refunded"], 100);
}

#[tokio::test]
async fn invalid_faults_and_control_calls_are_refused() {
    let fixture = Fixture::start().await;
    let order_id = fixture.order().await;
    let pay = format!("/orders/{order_id}/pay");
    let cases = [
        ("PUT", "/faults", json!({}), 422),
        ("PUT", "/faults", json!({ "status": 200 }), 422),
        ("PUT", "/faults", json!({ "status": 503, "for_requests": 0 }), 422),
        ("PUT", "/faults", json!({ "delay": 5 }), 422),
        ("POST", pay.as_str(), json!({ "outcome": "perhaps" }), 422),
        ("POST", pay.as_str(), json!({ "outcome": "captured", "amount_paise": 0 }), 422),
        ("POST", "/orders/order_none/pay", json!({ "outcome": "captured" }), 404),
        ("POST", "/payments/pay_none/capture", json!({}), 404),
        (
            "POST",
            "/webhooks",
            json!({ "event": "payment.captured", "payment_id": "pay_none" }),
            404,
        ),
    ];
    for (method, path, sent, status) in cases {
        let response = fixture.control_send(method, path, &sent).await;
        assert_eq!(response.status(), status, "{method} {path} {sent}");
    }
    let telegram = format!("{}/telegram/sandbox/faults", fixture.sandbox.url());
    let response = fixture.client.put(telegram).json(&json!({ "drop": true })).send().await;
    assert_eq!(response.expect("the sandbox answers").status(), 404);
}
