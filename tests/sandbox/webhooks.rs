//! Webhooks of the sandbox: their signature, order, retries and repeats.

use axum::http::StatusCode;
use serde_json::json;

use super::{Fixture, WEBHOOK_SECRET, statuses};

#[tokio::test]
async fn a_captured_payment_sends_three_signed_events_in_order() {
    let fixture = Fixture::start().await;
    let order_id = fixture.order().await;
    let checkout = fixture.pay(&order_id, json!({ "outcome": "captured", "webhook": true })).await;
    let received = fixture.receiver.wait_for(3).await;

    assert_eq!(fixture.receiver.events(), ["payment.authorized", "payment.captured", "order.paid"]);
    assert!(received.iter().all(|webhook| webhook.is_signed_with(WEBHOOK_SECRET)));

    let authorized = &received[0].json()["payload"]["payment"]["entity"];
    assert_eq!(authorized["status"], "authorized", "an event is a snapshot");
    let paid = received[2].json();
    assert_eq!(paid["entity"], "event");
    assert_eq!(paid["contains"], json!(["payment", "order"]));
    assert_eq!(paid["payload"]["payment"]["entity"]["id"], checkout["payment_id"]);
    assert_eq!(paid["payload"]["order"]["entity"]["id"], order_id);
    assert_eq!(paid["payload"]["order"]["entity"]["amount_due"], 0);
}

#[tokio::test]
async fn events_can_be_delivered_in_another_order() {
    let fixture = Fixture::start().await;
    let order_id = fixture.order().await;
    let events = ["order.paid", "payment.captured", "payment.authorized"];
    let how = json!({ "outcome": "captured", "webhook": true, "events": events, "wait": true });
    let checkout = fixture.pay(&order_id, how).await;

    assert_eq!(statuses(&checkout), [200, 200, 200]);
    assert_eq!(fixture.receiver.events(), events);
}

#[tokio::test]
async fn a_payment_without_webhooks_delivers_an_event_only_on_request() {
    let fixture = Fixture::start().await;
    let order_id = fixture.order().await;
    let checkout = fixture.pay(&order_id, json!({ "outcome": "captured" })).await;
    let asked = json!({ "event": "payment.captured", "payment_id": checkout["payment_id"] });
    let answer = fixture.control("/webhooks", asked).await;

    assert_eq!(statuses(&answer), [200]);
    assert_eq!(fixture.receiver.events(), ["payment.captured"]);
}

#[tokio::test]
async fn a_webhook_that_was_answered_500_is_delivered_again() {
    let fixture = Fixture::start().await;
    let order_id = fixture.order().await;
    fixture.receiver.answer_next([StatusCode::INTERNAL_SERVER_ERROR]);
    let how = json!({ "outcome": "failed", "webhook": true, "wait": true });
    let checkout = fixture.pay(&order_id, how).await;
    assert_eq!(statuses(&checkout), [500]);

    let received = fixture.receiver.wait_for(2).await;
    assert_eq!(received[0].event(), "payment.failed");
    assert_eq!(received[0].event_id, received[1].event_id);
    assert_eq!(received[0].body, received[1].body);
}

#[tokio::test]
async fn a_webhook_is_given_up_after_three_failed_attempts() {
    let fixture = Fixture::start().await;
    let order_id = fixture.order().await;
    fixture.receiver.answer_next([StatusCode::SERVICE_UNAVAILABLE; 3]);
    fixture.pay(&order_id, json!({ "outcome": "failed", "webhook": true })).await;
    fixture.receiver.wait_for(3).await;

    // A fourth attempt would come 40 ms after the third. Two more payments end later than that,
    // because the three attempts of each take 30 ms.
    for arrived in [6, 9] {
        fixture.receiver.answer_next([StatusCode::SERVICE_UNAVAILABLE; 3]);
        fixture.pay(&order_id, json!({ "outcome": "failed", "webhook": true })).await;
        fixture.receiver.wait_for(arrived).await;
    }
    let received = fixture.receiver.received();
    let first = received.iter().filter(|webhook| webhook.event_id == received[0].event_id);
    assert_eq!(first.count(), 3);
}

#[tokio::test]
async fn a_repeated_event_keeps_its_id_and_its_body() {
    let fixture = Fixture::start().await;
    let order_id = fixture.order().await;
    let how = json!({ "outcome": "captured", "webhook": true, "wait": true });
    let checkout = fixture.pay(&order_id, how).await;
    let asked = json!({ "event": "order.paid", "payment_id": checkout["payment_id"], "times": 5 });
    let answer = fixture.control("/webhooks", asked).await;

    assert_eq!(statuses(&answer), [200; 5]);
    let received = fixture.receiver.received();
    let repeats: Vec<_> =
        received.iter().filter(|webhook| webhook.event() == "order.paid").collect();
    assert_eq!(repeats.len(), 6);
    assert!(repeats.iter().all(|webhook| webhook.event_id == repeats[0].event_id));
    assert!(repeats.iter().all(|webhook| webhook.body == repeats[0].body));
    assert!(repeats.iter().all(|webhook| webhook.signature == repeats[0].signature));
}

#[tokio::test]
async fn a_delayed_event_is_delivered_after_the_response() {
    let fixture = Fixture::start().await;
    let order_id = fixture.order().await;
    let checkout = fixture.pay(&order_id, json!({ "outcome": "captured" })).await;
    let asked = json!({
        "event": "payment.captured", "payment_id": checkout["payment_id"], "delay_ms": 20,
    });
    let answer = fixture.control("/webhooks", asked).await;

    assert_eq!(answer["scheduled"], 1);
    let received = fixture.receiver.wait_for(1).await;
    assert_eq!(answer["event_id"], received[0].event_id);
}

#[tokio::test]
async fn an_event_can_be_signed_with_another_secret() {
    let fixture = Fixture::start().await;
    let order_id = fixture.order().await;
    let checkout = fixture.pay(&order_id, json!({ "outcome": "captured" })).await;
    let asked = json!({
        "event": "payment.captured", "payment_id": checkout["payment_id"], "secret": "old-secret",
    });
    fixture.control("/webhooks", asked).await;

    let received = fixture.receiver.received();
    assert!(received[0].is_signed_with("old-secret"));
    assert!(!received[0].is_signed_with(WEBHOOK_SECRET));
}

#[tokio::test]
async fn an_event_that_has_not_happened_cannot_be_delivered() {
    let fixture = Fixture::start().await;
    let order_id = fixture.order().await;
    let checkout = fixture.pay(&order_id, json!({ "outcome": "authorized" })).await;
    let asked = json!({ "event": "payment.captured", "payment_id": checkout["payment_id"] });
    let response = fixture.control_send("POST", "/webhooks", &asked).await;

    assert_eq!(response.status(), 409);
    assert!(fixture.receiver.received().is_empty());
}
