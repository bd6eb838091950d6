//! The end of a refund: by the worker, the partner's webhook, or the job. Each of them may run
//! twice, run late, or die halfway.

use serde_json::{Value, json};
use thali_functions::jobs::reconcile_payments;
use thali_functions::workers::mailer::CONSUMER as MAILER;
use thali_functions::workers::refunder::CONSUMER as REFUNDER;
use thali_platform::app::App;
use thali_platform::queue::QueueName;
use thali_platform::worker::BatchResponse;

use super::{REFUSAL_FINAL_AFTER, event, refund, signed};
use crate::support::people::{Checkout, Student};
use crate::support::{RAZORPAY_WEBHOOK_SECRET, TestApp};

/// A student with ten tokens. An owner has requested a refund of four of them.
struct Refunding {
    test: TestApp,
    asha: Student,
    owner: Student,
    checkout: Checkout,
    /// The messages of the relay for the worker.
    messages: Vec<String>,
}

impl Refunding {
    async fn start() -> Self {
        let test = TestApp::start().await;
        let asha = test.student("asha@example.com").await;
        let owner = test.owner("o@example.com").await;
        let checkout = test.buy_tokens(&asha, 10).await;
        test.settle().await;
        let body = json!({ "token_count": 4 });
        test.send(refund(&owner, &checkout.order_id, &body)).await.expect(202);
        let messages = test.refund_messages().await;
        assert_eq!(messages.len(), 1, "one request, one message");
        Self { test, asha, owner, checkout, messages }
    }

    /// Hands the messages to the worker; returns how many are to be retried.
    async fn work(&self) -> usize {
        self.test.consume(&REFUNDER, &self.messages).await.batch_item_failures.len()
    }

    /// The partner's refunds of the payment.
    async fn at_partner(&self) -> Vec<Value> {
        let path = format!("/payments/{}/refunds", self.checkout.payment_id);
        self.test.at_partner(&path).await["items"].as_array().expect("a list").clone()
    }

    /// Sends the webhook event `name` about the partner's only refund.
    async fn tell(&self, name: &str) {
        let refunds = self.at_partner().await;
        assert_eq!(refunds.len(), 1, "{refunds:?}");
        self.test.send_refund_event(name, &refunds[0]).await;
    }

    /// Asserts that the refund has ended with `given_back` tokens refunded, and that another
    /// refund is possible.
    async fn assert_ended(&self, given_back: u64) {
        let mails = self.test.settle().await;
        let back = |mail: &&thali_platform::mail::Mail| mail.subject.contains("back");
        assert_eq!(mails.iter().filter(back).count(), usize::from(given_back > 0), "{mails:?}");
        let payment = self.test.payment(&self.checkout.payment_id).await;
        assert_eq!(payment["amount_refunded"], given_back * 5_000);
        assert_eq!(self.test.token_count(&self.asha).await, 10 - given_back);
        let status = if given_back > 0 { "partially_refunded" } else { "captured" };
        assert_eq!(self.test.status_of_purchase(&self.asha).await, status);
        // No refund is pending any more, so another one is accepted.
        let body = json!({ "token_count": 1 });
        let another = refund(&self.owner, &self.checkout.order_id, &body);
        self.test.send(another).await.expect(202);
        assert_eq!(self.test.settle().await.len(), 1, "the other refund's mail");
        assert_eq!(self.test.token_count(&self.asha).await, 10 - given_back - 1);
    }
}

impl TestApp {
    /// Relays the new changes; returns the refunder's messages.
    pub async fn refund_messages(&self) -> Vec<String> {
        let changes = self.dynamo.new_changes().await;
        assert_eq!(self.relay(&changes).await, BatchResponse::default());
        self.app.queues().take(QueueName::Refunds)
    }

    /// Sends the webhook event `name` about a refund.
    async fn send_refund_event(&self, name: &str, refund: &Value) {
        let mut body = event(name, &Value::Null);
        body["payload"] = json!({ "refund": { "entity": refund } });
        let call = signed(RAZORPAY_WEBHOOK_SECRET, &body.to_string());
        self.send(call).await.expect(200);
    }

    /// Makes new refunds start as pending at the partner.
    async fn make_refunds_pending(&self) {
        let url = format!("{}/sandbox/refunds", self.sandbox.razorpay_url());
        let begin = json!({ "begin": "pending" });
        let answer = reqwest::Client::new().put(url).json(&begin).send().await;
        assert_eq!(answer.expect("the sandbox answers").status(), 204);
    }

    /// Ends a pending refund at the partner.
    async fn end_refund(&self, refund: &Value, outcome: &str) {
        let id = refund["id"].as_str().expect("an id");
        let url = format!("{}/sandbox/refunds/{id}/end", self.sandbox.razorpay_url());
        let end = json!({ "outcome": outcome });
        let answer = reqwest::Client::new().post(url).json(&end).send().await;
        assert_eq!(answer.expect("the sandbox answers").status(), 200);
    }
}

/// Runs the job by hand.
async fn reconcile(app: &App) -> Value {
    let ran = (reconcile_payments::JOB.run)(app, &json!({ "older_than_s": 0 })).await;
    ran.expect("it runs")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_delivered_three_times_refunds_the_money_once() {
    let it = Refunding::start().await;
    for _ in 0..3 {
        assert_eq!(it.work().await, 0);
    }
    let refunds = it.at_partner().await;
    assert_eq!((refunds.len(), &refunds[0]["amount"]), (1, &json!(20_000)));
    assert_eq!(refunds[0]["notes"]["order_id"], json!(it.checkout.order_id));
    it.assert_ended(4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn three_concurrent_messages_refund_the_money_once() {
    let it = Refunding::start().await;
    let works = (0..3).map(|_| it.work());
    let failed: usize = futures_util::future::join_all(works).await.into_iter().sum();
    if failed > 0 {
        // Messages whose transactions conflicted are retried.
        assert_eq!(it.work().await, 0);
    }
    assert_eq!(it.at_partner().await.len(), 1);
    it.assert_ended(4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_partner_is_retried_and_refunds_the_money_once() {
    let it = Refunding::start().await;
    for fault in [
        json!({ "status": 500 }),
        json!({ "status": 503 }),
        json!({ "status": 429 }),
        json!({ "status": 409 }),
        json!({ "status": 401 }),
        json!({ "drop": true }),
        json!({ "drop": true, "applied": true }),
        json!({ "status": 409, "applied": true }),
    ] {
        it.test.partner_fails(fault.clone()).await;
        assert_eq!(it.work().await, 1, "{fault}: to be retried");
        assert_eq!(it.test.token_count(&it.asha).await, 6, "{fault}: still reserved");
    }
    it.test.partner_recovers().await;
    assert_eq!(it.at_partner().await.len(), 1, "the answer was lost, not the refund");
    assert_eq!(it.work().await, 0);
    assert_eq!(it.at_partner().await.len(), 1);
    it.assert_ended(4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_or_the_job_completes_a_refund_after_a_crash() {
    for by_job in [false, true] {
        let it = Refunding::start().await;
        // The partner refunds the money, but the worker does not store it.
        it.test.partner_fails(json!({ "drop": true, "applied": true, "for_requests": 1 })).await;
        assert_eq!(it.work().await, 1);
        if by_job {
            // So late that the partner may have forgotten the idempotency key.
            it.test.advance(jiff::SignedDuration::from_hours(2));
            let did = reconcile(&it.test.app).await;
            assert_eq!((&did["refunds_finished"], &did["errors"]), (&json!(1), &json!(0)));
        } else {
            assert_eq!(it.work().await, 0);
        }
        assert_eq!(it.at_partner().await.len(), 1);
        let refund = &it.at_partner().await[0];
        assert_eq!(refund["amount"], 20_000);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_the_partner_keeps_refusing_fails_and_releases_its_tokens() {
    let it = Refunding::start().await;
    it.test.partner_fails(json!({ "status": 400 })).await;
    assert_eq!(it.work().await, 1, "to be retried");
    it.test.advance(REFUSAL_FINAL_AFTER);
    assert_eq!(it.work().await, 0, "the refusal is final");
    it.test.partner_recovers().await;
    assert_eq!(it.at_partner().await.len(), 0);
    assert_eq!(it.work().await, 0, "a repeated message changes nothing");
    assert_eq!(it.at_partner().await.len(), 0);
    it.assert_ended(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_ignored_if_the_partner_has_refunded_the_money() {
    let it = Refunding::start().await;
    it.test.partner_fails(json!({ "drop": true, "applied": true, "for_requests": 1 })).await;
    assert_eq!(it.work().await, 1);
    it.test.advance(REFUSAL_FINAL_AFTER);
    // The partner has forgotten the key and refuses a refund that it already made.
    it.test.partner_fails(json!({ "status": 400, "for_requests": 1 })).await;
    assert_eq!(it.work().await, 0);
    it.assert_ended(4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_temporary_refusal_after_an_unanswered_attempt_does_not_fail_the_refund() {
    let it = Refunding::start().await;
    it.test.partner_fails(json!({ "drop": true, "for_requests": 1 })).await;
    assert_eq!(it.work().await, 1, "the answer was lost");
    it.test.partner_fails(json!({ "status": 400 })).await;
    for _ in 0..2 {
        assert_eq!(it.work().await, 1, "the partner does not list the refund yet");
        let did = reconcile(&it.test.app).await;
        assert_eq!((&did["asked"], &did["errors"]), (&json!(1), &json!(1)));
        assert_eq!(it.test.token_count(&it.asha).await, 6, "still reserved");
        it.test.advance(jiff::SignedDuration::from_mins(3));
    }
    it.test.partner_recovers().await;
    assert_eq!(it.work().await, 0);
    assert_eq!(it.at_partner().await.len(), 1);
    it.tell("refund.processed").await;
    it.assert_ended(4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_contradicts_an_ended_refund_is_accepted_without_effect() {
    // The refund failed here, but the partner has refunded the money.
    let it = Refunding::start().await;
    it.test.partner_fails(json!({ "drop": true, "applied": true, "for_requests": 1 })).await;
    assert_eq!(it.work().await, 1);
    let real = it.at_partner().await.remove(0);
    it.test.advance(REFUSAL_FINAL_AFTER);
    it.test.partner_fails(json!({ "status": 400 })).await;
    assert_eq!(it.work().await, 0, "the partner's list fails, too");
    it.test.partner_recovers().await;
    assert_eq!(it.test.token_count(&it.asha).await, 10);
    it.test.send_refund_event("refund.processed", &real).await;
    assert_eq!(it.test.token_count(&it.asha).await, 10);

    // The refund is processed here, but the partner reports that it failed.
    let it = Refunding::start().await;
    assert_eq!(it.work().await, 0);
    let mut failed = it.at_partner().await.remove(0);
    failed["status"] = json!("failed");
    it.test.send_refund_event("refund.failed", &failed).await;
    it.assert_ended(4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_requesting_owner_is_mailed_once_when_a_refund_fails() {
    let it = Refunding::start().await;
    it.test.owner("colleague@example.com").await;
    it.test.settle().await;
    it.test.advance(REFUSAL_FINAL_AFTER);
    it.test.partner_fails(json!({ "status": 400 })).await;
    assert_eq!(it.work().await, 0);
    let changes = it.test.dynamo.new_changes().await;
    let mut mails = Vec::new();
    for _ in 0..2 {
        assert_eq!(it.test.relay(&changes).await, BatchResponse::default());
        let messages = it.test.app.queues().take(QueueName::Mail);
        assert_eq!(messages.len(), 1, "{messages:?}");
        assert_eq!(it.test.consume(&MAILER, &messages).await, BatchResponse::default());
        mails.extend(it.test.app.mailer().take());
    }
    assert_eq!(mails.len(), 1, "{mails:?}");
    assert_eq!(mails[0].to.as_str(), "o@example.com");
    assert_eq!(mails[0].subject, "A refund of ₹200.00 at Demo Mess has failed");
    for told in ["4 meal tokens", "₹200.00", "the student's", &*it.checkout.order_id] {
        assert!(mails[0].text.contains(told), "{told} in {}", mails[0].text);
        assert!(mails[0].html.contains(told), "{told} in {}", mails[0].html);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refunds_that_the_partner_no_longer_shows_do_not_block_others() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let owner = test.owner("o@example.com").await;
    test.make_refunds_pending().await;
    for _ in 0..8 {
        let checkout = test.buy_tokens(&asha, 2).await;
        test.send(refund(&owner, &checkout.order_id, &json!({}))).await.expect(202);
    }
    test.settle().await;
    test.partner_fails(json!({ "status": 400 })).await;
    let did = reconcile(&test.app).await;
    assert_eq!((&did["asked"], &did["errors"]), (&json!(8), &json!(8)), "{did}");
    assert_eq!(test.token_count(&asha).await, 0, "still reserved");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_webhook_may_end_a_refund_before_or_after_the_worker() {
    // Before the worker: the partner's answer to the worker was lost.
    let it = Refunding::start().await;
    it.test.partner_fails(json!({ "drop": true, "applied": true, "for_requests": 1 })).await;
    assert_eq!(it.work().await, 1);
    for _ in 0..2 {
        it.tell("refund.processed").await;
    }
    assert_eq!(it.work().await, 0, "the retry finds the refund ended");
    it.assert_ended(4).await;

    let it = Refunding::start().await;
    assert_eq!(it.work().await, 0);
    for name in ["refund.processed", "refund.created", "refund.failed"] {
        it.tell(name).await;
    }
    it.assert_ended(4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_webhook_or_the_job_ends_a_refund_pending_at_the_partner() {
    for (outcome, given_back) in [("processed", 4), ("failed", 0)] {
        for by_job in [false, true] {
            let it = Refunding::start().await;
            it.test.make_refunds_pending().await;
            assert_eq!(it.work().await, 0, "pending at the partner");
            assert_eq!(it.test.token_count(&it.asha).await, 6, "still reserved");
            let did = reconcile(&it.test.app).await;
            assert_eq!((&did["waiting"], &did["refunds_finished"]), (&json!(1), &json!(0)));
            let refund = it.at_partner().await.remove(0);
            it.test.end_refund(&refund, outcome).await;
            if by_job {
                assert_eq!(reconcile(&it.test.app).await["refunds_finished"], 1);
            } else {
                it.tell(&format!("refund.{outcome}")).await;
            }
            assert_eq!(it.work().await, 0);
            let url = format!("{}/sandbox/refunds", it.test.sandbox.razorpay_url());
            let begin = json!({ "begin": "processed" });
            reqwest::Client::new().put(url).json(&begin).send().await.expect("it answers");
            it.assert_ended(given_back).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_that_do_not_match_the_refund_change_nothing() {
    let it = Refunding::start().await;
    it.test.partner_fails(json!({ "drop": true, "applied": true, "for_requests": 1 })).await;
    assert_eq!(it.work().await, 1);
    let real = it.at_partner().await.remove(0);
    let with = |change: &dyn Fn(&mut Value)| {
        let mut refund = real.clone();
        change(&mut refund);
        refund
    };
    for foreign in [
        with(&|refund| refund["notes"] = json!([])),
        with(&|refund| refund["notes"] = json!({ "reason": "by hand" })),
        with(&|refund| refund["notes"]["refund_id"] = json!("rfd_01J9Z6V3KQ4N6B7XTA0S2E5GHQ")),
        with(&|refund| refund["amount"] = json!(1)),
        with(&|refund| refund["payment_id"] = json!("pay_AAAAAAAAAAAAAA")),
        with(&|refund| refund["currency"] = json!("USD")),
        with(&|refund| refund["status"] = json!("pending")),
    ] {
        it.test.send_refund_event("refund.processed", &foreign).await;
        it.test.send_refund_event("refund.failed", &foreign).await;
        assert_eq!(it.test.token_count(&it.asha).await, 6, "{foreign}");
        let body = json!({ "token_count": 1 });
        let another = it.test.send(refund(&it.owner, &it.checkout.order_id, &body)).await;
        assert_eq!(another.problem(409), "refund_in_progress", "{foreign}");
    }
    it.tell("refund.processed").await;
    it.assert_ended(4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_job_completes_a_refund_whose_message_was_lost() {
    let it = Refunding::start().await;
    let scheduled = (reconcile_payments::JOB.run)(&it.test.app, &json!({})).await;
    assert_eq!(scheduled.expect("it runs")["asked"], 0, "the worker has its chance first");
    it.test.advance(jiff::SignedDuration::from_mins(5));
    let scheduled = (reconcile_payments::JOB.run)(&it.test.app, &json!({})).await;
    assert_eq!(scheduled.expect("it runs")["refunds_finished"], 1);
    assert_eq!(it.at_partner().await.len(), 1);
    it.assert_ended(4).await;
}
