//! The metric of `reconcile-payments`: purchases that Razorpay has the money for, and that are not
//! credited after ten minutes.

use jiff::SignedDuration;
use serde_json::{Value, json};
use thali_functions::jobs::reconcile_payments::JOB;
use thali_platform::app::App;

use crate::support::{TestApp, closed_port};

const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// What a run reports; null if it does not know.
async fn reported(app: &App) -> Value {
    let done = (JOB.run)(app, &json!({ "older_than_s": 0 })).await.expect("it runs");
    let [metric] = JOB.metrics else { panic!("it has one metric") };
    done[metric.counted_as].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paid_purchase_is_reported_while_its_credit_cannot_be_written() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    assert_eq!(reported(&test.app).await, 0, "without purchases, too");
    for _ in 0..2 {
        let order_id = test.order_tokens(&asha, 10).await;
        test.pay(&order_id, json!({ "outcome": "captured" })).await;
    }
    test.order_tokens(&asha, 10).await;
    let broken = test.without_updates();
    test.advance(9 * MINUTE);
    assert_eq!(reported(&broken).await, 0, "there are ten minutes for it");
    test.advance(MINUTE);
    for _ in 0..2 {
        assert_eq!(reported(&broken).await, 2, "until it is credited");
    }
    assert_eq!(reported(&test.app).await, 0);
    assert_eq!(test.token_count(&asha).await, 20);
    assert_eq!(reported(&broken).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authorized_payment_that_cannot_be_captured_is_reported() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let order_id = test.order_tokens(&asha, 10).await;
    test.pay(&order_id, json!({ "outcome": "authorized" })).await;
    test.advance(10 * MINUTE);
    test.partner_fails(json!({ "status": 503, "path": "/capture" })).await;
    assert_eq!(reported(&test.app).await, 1);
    test.partner_recovers().await;
    assert_eq!(reported(&test.app).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_payments_and_mismatches_are_not_reported_as_paid() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    for outcome in [
        json!({ "outcome": "failed" }),
        json!({ "outcome": "captured", "amount_paise": 100 }),
        json!({ "outcome": "authorized", "amount_paise": 100 }),
    ] {
        let order_id = test.order_tokens(&asha, 10).await;
        test.pay(&order_id, outcome).await;
    }
    test.advance(10 * MINUTE);
    assert_eq!(reported(&test.app).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_cannot_ask_about_every_purchase_reports_nothing() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let order_id = test.order_tokens(&asha, 10).await;
    test.pay(&order_id, json!({ "outcome": "captured" })).await;
    let unreachable = test.another_process(&[("RAZORPAY_URL", &closed_port())]);
    assert_eq!(reported(&unreachable).await, Value::Null);
    assert_eq!(reported(&test.without_database()).await, Value::Null);
    assert_eq!(reported(&test.app).await, 0);
}
