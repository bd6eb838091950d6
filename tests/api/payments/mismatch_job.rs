//! Mismatches that the job `reconcile-payments` finds, also those of the past.

use jiff::SignedDuration;
use serde_json::json;

use super::{HISTORY, event, signed};
use crate::support::{RAZORPAY_WEBHOOK_SECRET, TestApp};

const DAY: SignedDuration = SignedDuration::from_hours(24);

#[tokio::test(flavor = "multi_thread")]
async fn the_job_finds_a_mismatch_that_nobody_reported() {
    for (change, reason) in
        [(json!({ "amount_paise": 49_999 }), "amount"), (json!({ "currency": "USD" }), "currency")]
    {
        let test = TestApp::start().await;
        let (asha, checkout) = test.paid_with(&change).await;
        let counts = test.reconcile().await;
        assert_eq!(counts, json!({ "asked": 1, "mismatches": 1, "waiting": 1 }), "{change}");
        assert_eq!(test.reconcile().await, json!({ "asked": 1, "waiting": 1 }), "once");
        let found = test.mismatches(&asha).await;
        let open = (checkout.payment_id, reason.to_owned(), "open".to_owned());
        assert_eq!(found, [open], "{change}");
        assert_eq!(test.status_of_purchase(&asha).await, "mismatch");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mismatch_of_months_ago_is_found_and_can_be_paid_right() {
    let test = TestApp::start().await;
    let (asha, checkout) = test.paid_with(&json!({ "amount_paise": 50_001 })).await;
    test.advance(90 * DAY);
    let event = json!({ "source": "aws.scheduler" });
    let ran = (thali_functions::jobs::reconcile_payments::JOB.run)(&test.app, &event).await;
    assert_eq!(ran.expect("it runs")["mismatches"], 1);
    test.advance(DAY);
    let ran = (thali_functions::jobs::reconcile_payments::JOB.run)(&test.app, &event).await;
    assert_eq!(ran.expect("it runs")["asked"], 0, "an open mismatch is rarely asked about");
    let asha = test.log_in_again(&asha).await;
    assert_eq!(test.status_of_purchase(&asha).await, "mismatch");
    assert_eq!(test.send(checkout.verify(&asha.token)).await.problem(409), "amount_mismatch");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_credits_a_payment_records_the_other_captured_ones() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let order_id = test.order_tokens(&asha, 10).await;
    let mut payments = Vec::new();
    for _ in 0..2 {
        payments.push(test.pay(&order_id, json!({ "outcome": "authorized" })).await);
    }
    for payment in &payments {
        test.capture_late(&payment.payment_id).await;
    }
    let counts = test.reconcile().await;
    assert_eq!(counts, json!({ "asked": 1, "credited": 1, "mismatches": 1 }));
    let purchase = test.single_purchase(&asha).await;
    assert_eq!(purchase["status"], "captured");
    let found = test.mismatches(&asha).await;
    assert_eq!((found.len(), found[0].1.as_str()), (1, "second_payment"));
    assert_ne!(purchase["payment_id"], found[0].0);
    assert_eq!(test.token_count(&asha).await, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_in_the_dashboard_ends_the_wait_for_a_decision() {
    for by_job in [false, true] {
        let test = TestApp::start().await;
        let owner = test.owner("o@example.com").await;
        let (asha, checkout) = test.mismatched(51_180).await;
        let refund = test.refund_in_dashboard(&checkout.payment_id, 51_180).await;
        if by_job {
            test.reconcile().await;
        } else {
            let payment = test.payment(&checkout.payment_id).await;
            let mut told = event("refund.processed", &payment);
            told["payload"]["refund"] = json!({ "entity": refund });
            test.send(signed(RAZORPAY_WEBHOOK_SECRET, &told.to_string())).await.expect(200);
        }
        assert_eq!(test.mismatches(&asha).await[0].2, "refunded");
        assert_eq!(test.status_of_purchase(&asha).await, "refunded");
        let refused = test.send(super::refund(&owner, &checkout.order_id, &json!({}))).await;
        assert_eq!(refused.problem(409), "not_refundable");
        test.advance(8 * DAY);
        assert_eq!(test.reconcile().await["closed"], 1);
        let asha = test.log_in_again(&asha).await;
        assert_eq!(test.list(&asha, HISTORY, 1).await[0]["status"], "refunded");
    }
}
