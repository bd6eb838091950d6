//! `reconcile-payments`: unreported payments are looked up at the partner and credited once.

use jiff::SignedDuration;
use serde_json::{Value, json};
use thali_functions::jobs::reconcile_payments::JOB;
use thali_platform::app::App;

use super::{HISTORY, told};
use crate::support::{TestApp, closed_port};

const MINUTE: SignedDuration = SignedDuration::from_mins(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Runs the job with the event of a schedule.
async fn scheduled(app: &App) -> Value {
    let event = json!({
        "version": "0",
        "id": "c1b6f0f4-1c0a-4f52-9c0e-5a2f4b1f3a01",
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": "000000000000",
        "time": "2026-01-15T06:30:00Z",
        "region": "ap-south-1",
        "resources": ["arn:aws:scheduler:ap-south-1:000000000000:schedule/default/it"],
        "detail": "{}",
    });
    (JOB.run)(app, &event).await.expect("it runs")
}

/// Runs the job by hand.
async fn by_hand(app: &App, older_than_s: u64) -> Value {
    (JOB.run)(app, &json!({ "older_than_s": older_than_s })).await.expect("it runs")
}

fn did(counts: &Value) -> Vec<(&str, u64)> {
    let counts = counts.as_object().expect("counts").iter();
    counts
        .filter_map(|(name, count)| Some((name.as_str(), count.as_u64().filter(|n| *n > 0)?)))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_job_credits_a_payment_without_browser_or_webhook() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let order_id = test.order_tokens(&asha, 10).await;
    let checkout = test.pay(&order_id, json!({ "outcome": "captured" })).await;
    assert_eq!(did(&scheduled(&test.app).await), [], "the browser has its chance first");
    test.advance(5 * MINUTE);
    let counts = scheduled(&test.app).await;
    assert_eq!(did(&counts), [("asked", 1), ("credited", 1)]);
    assert_eq!(test.token_count(&asha).await, 10);
    let list = test.list(&asha, HISTORY, 100).await;
    assert_eq!(
        (&list[0]["status"], &list[0]["payment_id"]),
        (&json!("captured"), &json!(checkout.payment_id))
    );
    let mails = test.settle().await;
    assert_eq!(mails.last().expect("a receipt").subject, "10 meal tokens for Demo Mess");

    assert_eq!(did(&by_hand(&test.app, 0).await), [], "a paid purchase is not checked");
    test.send(told("payment.captured", &test.payment(&checkout.payment_id).await))
        .await
        .expect(200);
    test.send(checkout.verify(&asha.token)).await.expect(200);
    assert_eq!(test.list(&asha, HISTORY, 100).await, list);
    assert!(test.settle().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_runs_webhook_and_browser_credit_each_payment_once() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let mut orders = Vec::new();
    for _ in 0..6 {
        let order_id = test.order_tokens(&asha, 10).await;
        orders.push(test.pay(&order_id, json!({ "outcome": "captured" })).await);
    }
    test.settle().await;
    let payment = test.payment(&orders[0].payment_id).await;
    let (one, two, told, verified) = tokio::join!(
        by_hand(&test.app, 0),
        by_hand(&test.app, 0),
        test.send(told("payment.captured", &payment)),
        test.send(orders[1].verify(&asha.token)),
    );
    assert_eq!((&one["errors"], &two["errors"]), (&json!(0), &json!(0)));
    told.expect(200);
    verified.expect(200);
    assert_eq!(test.token_count(&asha).await, 60);
    assert_eq!(test.settle().await.len(), 6, "one credit makes one receipt");
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_payments_are_marked_once_and_undecided_ones_keep_waiting() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let failed = test.order_tokens(&asha, 1).await;
    for _ in 0..2 {
        test.pay(&failed, json!({ "outcome": "failed" })).await;
    }
    let undecided = test.order_tokens(&asha, 2).await;
    test.pay(&undecided, json!({ "outcome": "failed" })).await;
    let held = json!({ "outcome": "authorized", "amount_paise": 9_999 });
    test.pay(&undecided, held).await;
    let abandoned = test.order_tokens(&asha, 3).await;
    let wrong = test.order_tokens(&asha, 4).await;
    test.pay(&wrong, json!({ "outcome": "captured", "amount_paise": 100 })).await;

    let counts = by_hand(&test.app, 0).await;
    assert_eq!(did(&counts), [("asked", 4), ("failed", 1), ("mismatches", 1), ("waiting", 3)]);
    let status = async |order_id: &str| {
        let list = test.list(&asha, HISTORY, 100).await;
        let purchase = list.iter().find(|purchase| purchase["order_id"] == *order_id);
        purchase.expect("it is listed")["status"].clone()
    };
    assert_eq!(status(&failed).await, "failed");
    for order_id in [&undecided, &abandoned] {
        assert_eq!(status(order_id).await, "created");
    }
    assert_eq!(status(&wrong).await, "mismatch");
    let late = test.pay(&undecided, json!({ "outcome": "failed" })).await;
    test.capture_late(&late.payment_id).await;
    let counts = by_hand(&test.app, 0).await;
    assert_eq!(did(&counts), [("asked", 4), ("credited", 1), ("waiting", 3)], "marked once");
    assert_eq!(status(&undecided).await, "captured");
    assert_eq!(test.token_count(&asha).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn abandoned_orders_are_checked_at_doubling_ages_and_closed_after_a_week() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let order_id = test.order_tokens(&asha, 10).await;
    let mut asked_after = Vec::new();
    for minute in (5..=45).step_by(5) {
        test.advance(5 * MINUTE);
        if did(&scheduled(&test.app).await) == [("asked", 1), ("waiting", 1)] {
            asked_after.push(minute);
        }
    }
    assert_eq!(asked_after, [5, 10, 20, 40]);
    assert_eq!(did(&by_hand(&test.app, 0).await), [("asked", 1), ("waiting", 1)]);
    assert_eq!(did(&by_hand(&test.app, 3_600).await), [], "not an hour old");
    test.advance(35 * MINUTE);
    let counts = scheduled(&test.app).await;
    assert_eq!(did(&counts), [("asked", 1), ("waiting", 1)], "a run by hand postpones nothing");

    test.advance(7 * DAY);
    assert_eq!(did(&scheduled(&test.app).await), [("asked", 1), ("closed", 1)]);
    let asha = test.log_in_again(&asha).await;
    assert_eq!(test.status_of_purchase(&asha).await, "failed");
    assert_eq!(did(&by_hand(&test.app, 0).await), [], "a closed order is not checked");

    // The bank captures a payment even later, and it is still credited.
    let checkout = test.pay(&order_id, json!({ "outcome": "captured" })).await;
    let payment = test.payment(&checkout.payment_id).await;
    for _ in 0..2 {
        test.send(told("payment.captured", &payment)).await.expect(200);
        assert_eq!(test.token_count(&asha).await, 10);
    }
    assert_eq!(test.status_of_purchase(&asha).await, "captured");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_verified_after_its_order_was_closed_is_credited() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let order_id = test.order_tokens(&asha, 10).await;
    test.advance(8 * DAY);
    assert_eq!(did(&scheduled(&test.app).await), [("asked", 1), ("closed", 1)]);
    let asha = test.log_in_again(&asha).await;
    let checkout = test.pay(&order_id, json!({ "outcome": "captured" })).await;
    test.send(checkout.verify(&asha.token)).await.expect(200);
    assert_eq!(test.token_count(&asha).await, 10);
    assert_eq!(test.status_of_purchase(&asha).await, "captured");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_stops_after_some_partner_failures_and_the_next_one_resumes() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    for _ in 0..20 {
        let order_id = test.order_tokens(&asha, 1).await;
        test.pay(&order_id, json!({ "outcome": "captured" })).await;
    }
    test.partner_fails(json!({ "status": 503 })).await;
    let counts = by_hand(&test.app, 0).await;
    let errors = counts["errors"].as_u64().expect("a number");
    assert!((5..=8).contains(&errors), "those in flight end: {counts}");
    assert_eq!(counts["asked"], counts["errors"]);
    assert_eq!(test.token_count(&asha).await, 0);

    let unreachable = test.another_process(&[("RAZORPAY_URL", &closed_port())]);
    assert!(by_hand(&unreachable, 0).await["errors"].as_u64() >= Some(5));

    test.partner_recovers().await;
    assert_eq!(did(&by_hand(&test.app, 0).await), [("asked", 20), ("credited", 20)]);
    assert_eq!(test.token_count(&asha).await, 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_unknown_to_the_partner_does_not_block_others() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    for _ in 0..8 {
        test.order_tokens(&asha, 1).await;
    }
    test.partner_fails(json!({ "status": 400 })).await;
    assert_eq!(did(&by_hand(&test.app, 0).await), [("asked", 8), ("waiting", 8)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_beyond_the_first_page_are_all_checked() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let order_id = test.order_tokens(&asha, 1).await;
    let checkout = test.pay(&order_id, json!({ "outcome": "captured" })).await;
    // All copies are in one partition, before and after the paid order.
    let paid = test.dynamo.items("tokens").await;
    let paid = paid.iter().find(|item| item["kind"].as_s().is_ok_and(|kind| kind == "purchase"));
    let paid = paid.expect("it is stored");
    for number in 0..220 {
        let mut copy = paid.clone();
        let as_text = aws_sdk_dynamodb::types::AttributeValue::S;
        copy.insert("order_id".into(), as_text(format!("order_{number:03}")));
        copy.insert("sk".into(), as_text(format!("purchase#order_{number:03}")));
        test.dynamo.put("tokens", copy).await;
    }
    let counts = by_hand(&test.app, 0).await;
    assert_eq!(did(&counts), [("asked", 221), ("credited", 1), ("waiting", 220)]);
    assert_eq!(test.payment(&checkout.payment_id).await["status"], "captured");
    assert_eq!(test.token_count(&asha).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_or_malformed_option_is_refused() {
    let test = TestApp::start().await;
    for wrong in [json!(-1), json!("0"), json!(1.5), json!(u64::MAX)] {
        let ran = (JOB.run)(&test.app, &json!({ "older_than_s": wrong })).await;
        assert_eq!(
            ran.expect_err("refused").to_string(),
            "older_than_s must be a number of seconds"
        );
    }
    for wrong in [json!({ "older_than": 0 }), json!({ "older_than_s": 0, "dry_run": true })] {
        let ran = (JOB.run)(&test.app, &wrong).await;
        assert_eq!(ran.expect_err("refused").to_string(), "the only option is older_than_s");
    }
}
