//! What brings a refund to its end: the worker, the partner's webhook, and the job, each
//! twice, late, or dead in between.

use serde_json::{Value, json};
use thali_functions::jobs::reconcile_payments;
use thali_functions::workers::mailer::CONSUMER as MAILER;
use thali_functions::workers::refunder::CONSUMER as REFUNDER;
use thali_platform::app::App;
use thali_platform::queue::QueueName;
use thali_platform::worker::BatchResponse;

use super::{REFUSAL_DOUBTED_FOR, event, refund, signed};
use crate::support::people::{Checkout, Student};
use crate::support::{RAZORPAY_WEBHOOK_SECRET, TestApp};

/// A student with ten tokens, four of which an owner gives back.
struct Refunding {
    test: TestApp,
    asha: Student,
    owner: Student,
    checkout: Checkout,
    /// What the relay told the worker.
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

    /// Hands the messages to the worker; answers how many are to come again.
    async fn work(&self) -> usize {
        self.test.consume(&REFUNDER, &self.messages).await.batch_item_failures.len()
    }

    /// The partner's refunds of the payment.
    async fn at_partner(&self) -> Vec<Value> {
        let path = format!("/payments/{}/refunds", self.checkout.payment_id);
        self.test.at_partner(&path).await["items"].as_array().expect("a list").clone()
    }

    /// The webhook that tells of the partner's only refund.
    async fn tell(&self, name: &str) {
        let refunds = self.at_partner().await;
        assert_eq!(refunds.len(), 1, "{refunds:?}");
        self.test.tell_refund(name, &refunds[0]).await;
    }

    /// What the owner is answered now: everything else is given back, so that the latest
    /// refund's status is seen by its key.
    async fn assert_ended(&self, given_back: u64) {
        let mails = self.test.settle().await;
        let back = |mail: &&thali_platform::mail::Mail| mail.subject.contains("back");
        assert_eq!(mails.iter().filter(back).count(), usize::from(given_back > 0), "{mails:?}");
        let payment = self.test.payment(&self.checkout.payment_id).await;
        assert_eq!(payment["amount_refunded"], given_back * 5_000);
        assert_eq!(self.test.token_count(&self.asha).await, 10 - given_back);
        let status = if given_back > 0 { "partially_refunded" } else { "captured" };
        assert_eq!(self.test.status_of_purchase(&self.asha).await, status);
        // Nothing is in hand any more: there can be another refund.
        let body = json!({ "token_count": 1 });
        let another = refund(&self.owner, &self.checkout.order_id, &body);
        self.test.send(another).await.expect(202);
        assert_eq!(self.test.settle().await.len(), 1, "that of the other refund");
        assert_eq!(self.test.token_count(&self.asha).await, 10 - given_back - 1);
    }
}

impl TestApp {
    /// Relays what was written; answers the refunder's messages, the others are dropped.
    pub async fn refund_messages(&self) -> Vec<String> {
        let changes = self.dynamo.new_changes().await;
        assert_eq!(self.relay(&changes).await, BatchResponse::default());
        self.app.queues().take(QueueName::Refunds)
    }

    /// The webhook that tells of a refund.
    async fn tell_refund(&self, name: &str, refund: &Value) {
        let mut body = event(name, &Value::Null);
        body["payload"] = json!({ "refund": { "entity": refund } });
        let call = signed(RAZORPAY_WEBHOOK_SECRET, &body.to_string());
        self.send(call).await.expect(200);
    }

    /// Lets refunds begin as pending at the partner.
    async fn refunds_pend(&self) {
        let url = format!("{}/sandbox/refunds", self.sandbox.razorpay_url());
        let begin = json!({ "begin": "pending" });
        let answer = reqwest::Client::new().put(url).json(&begin).send().await;
        assert_eq!(answer.expect("the sandbox answers").status(), 204);
    }

    /// Ends a pending refund at the partner.
    async fn refund_ends(&self, refund: &Value, outcome: &str) {
        let id = refund["id"].as_str().expect("an id");
        let url = format!("{}/sandbox/refunds/{id}/end", self.sandbox.razorpay_url());
        let end = json!({ "outcome": outcome });
        let answer = reqwest::Client::new().post(url).json(&end).send().await;
        assert_eq!(answer.expect("the sandbox answers").status(), 200);
    }
}

/// A run of the job by hand.
async fn reconcile(app: &App) -> Value {
    let ran = (reconcile_payments::JOB.run)(app, &json!({ "older_than_s": 0 })).await;
    ran.expect("it runs")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_comes_three_times_gives_the_money_back_once() {
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
async fn three_messages_at_once_give_the_money_back_once() {
    let it = Refunding::start().await;
    let works = (0..3).map(|_| it.work());
    let failed: usize = futures_util::future::join_all(works).await.into_iter().sum();
    if failed > 0 {
        // Those that met in the same transaction come again.
        assert_eq!(it.work().await, 0);
    }
    assert_eq!(it.at_partner().await.len(), 1);
    it.assert_ended(4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_that_does_not_answer_is_asked_again_and_gives_the_money_back_once() {
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
        assert_eq!(it.work().await, 1, "{fault}: it comes again");
        assert_eq!(it.test.token_count(&it.asha).await, 6, "{fault}: they stay reserved");
    }
    it.test.partner_recovers().await;
    assert_eq!(it.at_partner().await.len(), 1, "the answer was lost, not the refund");
    assert_eq!(it.work().await, 0);
    assert_eq!(it.at_partner().await.len(), 1);
    it.assert_ended(4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_between_the_partner_and_the_write_is_made_up_for() {
    for by_job in [false, true] {
        let it = Refunding::start().await;
        // What the partner did and nobody wrote down.
        it.test.partner_fails(json!({ "drop": true, "applied": true, "for_requests": 1 })).await;
        assert_eq!(it.work().await, 1);
        if by_job {
            // So late that the partner may have forgotten the key.
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
async fn a_refund_that_the_partner_goes_on_refusing_fails_and_the_tokens_are_available_again() {
    let it = Refunding::start().await;
    it.test.partner_fails(json!({ "status": 400 })).await;
    assert_eq!(it.work().await, 1, "it comes again");
    it.test.advance(REFUSAL_DOUBTED_FOR);
    assert_eq!(it.work().await, 0, "it would be refused again");
    it.test.partner_recovers().await;
    assert_eq!(it.at_partner().await.len(), 0);
    assert_eq!(it.work().await, 0, "and a message that comes again changes nothing");
    assert_eq!(it.at_partner().await.len(), 0);
    it.assert_ended(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_not_believed_where_the_money_has_gone_back() {
    let it = Refunding::start().await;
    it.test.partner_fails(json!({ "drop": true, "applied": true, "for_requests": 1 })).await;
    assert_eq!(it.work().await, 1);
    it.test.advance(REFUSAL_DOUBTED_FOR);
    // The partner has forgotten the key and refuses what it has done.
    it.test.partner_fails(json!({ "status": 400, "for_requests": 1 })).await;
    assert_eq!(it.work().await, 0);
    it.assert_ended(4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_passes_while_an_earlier_try_is_on_its_way_fails_no_refund() {
    let it = Refunding::start().await;
    it.test.partner_fails(json!({ "drop": true, "for_requests": 1 })).await;
    assert_eq!(it.work().await, 1, "whose answer was lost");
    it.test.partner_fails(json!({ "status": 400 })).await;
    for _ in 0..2 {
        assert_eq!(it.work().await, 1, "the partner is busy, and its list does not show it yet");
        let did = reconcile(&it.test.app).await;
        assert_eq!((&did["asked"], &did["errors"]), (&json!(1), &json!(1)));
        assert_eq!(it.test.token_count(&it.asha).await, 6, "they stay reserved");
        it.test.advance(jiff::SignedDuration::from_mins(3));
    }
    it.test.partner_recovers().await;
    assert_eq!(it.work().await, 0);
    assert_eq!(it.at_partner().await.len(), 1);
    it.tell("refund.processed").await;
    it.assert_ended(4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn news_that_a_refund_ended_the_other_way_are_taken_and_change_nothing() {
    // Failed here, and the money has gone back.
    let it = Refunding::start().await;
    it.test.partner_fails(json!({ "drop": true, "applied": true, "for_requests": 1 })).await;
    assert_eq!(it.work().await, 1);
    let real = it.at_partner().await.remove(0);
    it.test.advance(REFUSAL_DOUBTED_FOR);
    it.test.partner_fails(json!({ "status": 400 })).await;
    assert_eq!(it.work().await, 0, "even the list is refused");
    it.test.partner_recovers().await;
    assert_eq!(it.test.token_count(&it.asha).await, 10);
    it.test.tell_refund("refund.processed", &real).await;
    assert_eq!(it.test.token_count(&it.asha).await, 10);

    // Processed here, and yet it failed.
    let it = Refunding::start().await;
    assert_eq!(it.work().await, 0);
    let mut failed = it.at_partner().await.remove(0);
    failed["status"] = json!("failed");
    it.test.tell_refund("refund.failed", &failed).await;
    it.assert_ended(4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_who_asked_is_mailed_once_that_a_refund_failed() {
    let it = Refunding::start().await;
    it.test.owner("colleague@example.com").await;
    it.test.settle().await;
    it.test.advance(REFUSAL_DOUBTED_FOR);
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
async fn refunds_that_the_partner_does_not_show_any_more_keep_no_other_waiting() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let owner = test.owner("o@example.com").await;
    test.refunds_pend().await;
    for _ in 0..8 {
        let checkout = test.buy_tokens(&asha, 2).await;
        test.send(refund(&owner, &checkout.order_id, &json!({}))).await.expect(202);
    }
    test.settle().await;
    test.partner_fails(json!({ "status": 400 })).await;
    let did = reconcile(&test.app).await;
    assert_eq!((&did["asked"], &did["errors"]), (&json!(8), &json!(8)), "{did}");
    assert_eq!(test.token_count(&asha).await, 0, "they stay reserved");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_webhook_ends_a_refund_before_after_and_instead_of_the_worker() {
    // Before and instead: the worker's answer was lost.
    let it = Refunding::start().await;
    it.test.partner_fails(json!({ "drop": true, "applied": true, "for_requests": 1 })).await;
    assert_eq!(it.work().await, 1);
    for _ in 0..2 {
        it.tell("refund.processed").await;
    }
    assert_eq!(it.work().await, 0, "the message that comes again finds it ended");
    it.assert_ended(4).await;

    let it = Refunding::start().await;
    assert_eq!(it.work().await, 0);
    for name in ["refund.processed", "refund.created", "refund.failed"] {
        it.tell(name).await;
    }
    it.assert_ended(4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_pends_at_the_partner_is_ended_by_the_webhook_or_the_job() {
    for (outcome, given_back) in [("processed", 4), ("failed", 0)] {
        for by_job in [false, true] {
            let it = Refunding::start().await;
            it.test.refunds_pend().await;
            assert_eq!(it.work().await, 0, "the partner is at it");
            assert_eq!(it.test.token_count(&it.asha).await, 6, "they stay reserved");
            let did = reconcile(&it.test.app).await;
            assert_eq!((&did["waiting"], &did["refunds_finished"]), (&json!(1), &json!(0)));
            let refund = it.at_partner().await.remove(0);
            it.test.refund_ends(&refund, outcome).await;
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
async fn news_that_are_not_of_this_refund_change_nothing() {
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
        it.test.tell_refund("refund.processed", &foreign).await;
        it.test.tell_refund("refund.failed", &foreign).await;
        assert_eq!(it.test.token_count(&it.asha).await, 6, "{foreign}");
        let body = json!({ "token_count": 1 });
        let another = it.test.send(refund(&it.owner, &it.checkout.order_id, &body)).await;
        assert_eq!(another.problem(409), "refund_in_progress", "{foreign}");
    }
    it.tell("refund.processed").await;
    it.assert_ended(4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_whose_message_was_lost_is_asked_for_by_the_job() {
    let it = Refunding::start().await;
    let scheduled = (reconcile_payments::JOB.run)(&it.test.app, &json!({})).await;
    assert_eq!(scheduled.expect("it runs")["asked"], 0, "the worker has its chance first");
    it.test.advance(jiff::SignedDuration::from_mins(5));
    let scheduled = (reconcile_payments::JOB.run)(&it.test.app, &json!({})).await;
    assert_eq!(scheduled.expect("it runs")["refunds_finished"], 1);
    assert_eq!(it.at_partner().await.len(), 1);
    it.assert_ended(4).await;
}
