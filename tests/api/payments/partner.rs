//! The payment partner fails, is slow or closes the connection. Nothing is lost, and nothing
//! is stored that did not happen.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{HISTORY, order};
use crate::support::{Answer, TestApp};

/// A function must respond within ten seconds; a call to the partner times out after four.
const ANSWERED_WITHIN: Duration = Duration::from_secs(8);

fn ways_to_fail() -> [Value; 5] {
    [
        json!({ "status": 500 }),
        json!({ "status": 503 }),
        json!({ "status": 429 }),
        json!({ "drop": true }),
        json!({ "drop": true, "applied": true }),
    ]
}

#[track_caller]
fn assert_partner_unavailable(answer: &Answer, fault: &Value) {
    assert_eq!(answer.problem(503), "partner_unavailable", "{fault}");
    let seconds: u64 = answer.header("retry-after").parse().expect("a number of seconds");
    assert!(seconds > 0, "{fault}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_fails_at_the_partner_is_not_stored_but_retryable() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let call = order(&asha, 10).header("idempotency-key", "k-1");
    for fault in ways_to_fail() {
        test.partner_fails(fault.clone()).await;
        assert_partner_unavailable(&test.send(call.clone()).await, &fault);
        assert_eq!(test.list(&asha, HISTORY, 100).await.len(), 0, "{fault}");
    }
    test.partner_recovers().await;
    let answer = test.send(call).await.expect(201);
    assert_eq!(answer.header("idempotent-replay"), "", "a failure is not replayed");
    assert_eq!(test.list(&asha, HISTORY, 100).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_times_out_when_the_partner_hangs() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let fault = json!({ "delay_ms": 30_000, "applied": true });
    test.partner_fails(fault.clone()).await;
    let started = Instant::now();
    assert_partner_unavailable(&test.send(order(&asha, 10)).await, &fault);
    assert!(started.elapsed() < ANSWERED_WITHIN, "{:?}", started.elapsed());
    assert_eq!(test.list(&asha, HISTORY, 100).await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_partner_credentials_are_an_internal_error_without_details() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let app = test.another_process(&[("RAZORPAY_KEY_SECRET", "wrong-secret")]);
    let answer = test.send_to(&app, order(&asha, 10)).await;
    assert_eq!(answer.problem(500), "internal");
    let told = answer.body.to_string();
    for internal in ["wrong-secret", "401", "azorpay"] {
        assert!(!told.contains(internal), "{told}");
    }
    assert_eq!(test.list(&asha, HISTORY, 100).await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_credits_a_payment_after_the_partner_failed() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let order_id = test.order_tokens(&asha, 10).await;
    let checkout = test.pay(&order_id, json!({ "outcome": "captured" })).await;
    for fault in ways_to_fail() {
        test.partner_fails(fault.clone()).await;
        let answer = test.send(checkout.verify(&asha.token)).await;
        assert_partner_unavailable(&answer, &fault);
        assert_eq!(test.token_count(&asha).await, 0, "{fault}");
    }
    test.partner_recovers().await;
    let verified = test.send(checkout.verify(&asha.token)).await.expect(200);
    assert_eq!(verified.body["tokens_issued"], 10);
    assert_eq!(test.token_count(&asha).await, 10);

    test.partner_fails(json!({ "status": 503 })).await;
    let again = test.send(checkout.verify(&asha.token)).await.expect(200);
    assert_eq!(again.body, verified.body, "a credited payment needs no partner");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_payment_lookup_times_out_and_a_timely_one_credits() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let order_id = test.order_tokens(&asha, 10).await;
    let checkout = test.pay(&order_id, json!({ "outcome": "captured" })).await;

    let fault = json!({ "delay_ms": 30_000, "for_requests": 1 });
    test.partner_fails(fault.clone()).await;
    let started = Instant::now();
    assert_partner_unavailable(&test.send(checkout.verify(&asha.token)).await, &fault);
    assert!(started.elapsed() < ANSWERED_WITHIN, "{:?}", started.elapsed());
    assert_eq!(test.token_count(&asha).await, 0);

    test.partner_fails(json!({ "delay_ms": 300 })).await;
    test.send(checkout.verify(&asha.token)).await.expect(200);
    assert_eq!(test.token_count(&asha).await, 10);
}
