//! Refunds of payments that paid for no tokens. They use the same worker, job and webhook as refunds
//! of tokens, so each part may run twice, late, or die halfway.

use serde_json::{Value, json};
use thali_functions::workers::refunder::CONSUMER as REFUNDER;

use super::{REFUSAL_FINAL_AFTER, accept, event, refund, signed};
use crate::support::people::{Checkout, Student};
use crate::support::{RAZORPAY_WEBHOOK_SECRET, TestApp};

impl TestApp {
    /// Refunds a payment as somebody does in Razorpay's dashboard: without our notes.
    pub(super) async fn refund_in_dashboard(&self, payment_id: &str, amount: u64) -> Value {
        let url = format!("{}/v1/payments/{payment_id}/refund", self.sandbox.razorpay_url());
        let request = reqwest::Client::new().post(url).json(&json!({ "amount": amount }));
        let answer = request.basic_auth("rzp_test_key", Some("test-key-secret")).send().await;
        let answer = answer.expect("the sandbox answers").error_for_status().expect("it refunds");
        answer.json().await.expect("JSON")
    }

    async fn refunds_at_partner(&self, checkout: &Checkout) -> Vec<Value> {
        let path = format!("/payments/{}/refunds", checkout.payment_id);
        self.at_partner(&path).await["items"].as_array().expect("a list").clone()
    }

    /// Tells of a refund at the partner by a webhook.
    async fn tell_refund(&self, name: &str, refund: &Value) {
        let mut body = event(name, &Value::Null);
        body["payload"] = json!({ "refund": { "entity": refund } });
        self.send(signed(RAZORPAY_WEBHOOK_SECRET, &body.to_string())).await.expect(200);
    }
}

/// A mismatch whose refund was requested, and the messages for the worker.
struct Refunding {
    test: TestApp,
    asha: Student,
    owner: Student,
    checkout: Checkout,
    messages: Vec<String>,
}

impl Refunding {
    async fn start(amount_paise: u64) -> Self {
        let test = TestApp::start().await;
        let owner = test.owner("o@example.com").await;
        let (asha, checkout) = test.mismatched(amount_paise).await;
        test.settle().await;
        test.send(refund(&owner, &checkout.order_id, &json!({}))).await.expect(202);
        let messages = test.refund_messages().await;
        assert_eq!(messages.len(), 1, "one request, one message");
        Self { test, asha, owner, checkout, messages }
    }

    /// Hands the messages to the worker; returns how many are to be retried.
    async fn work(&self) -> usize {
        self.test.consume(&REFUNDER, &self.messages).await.batch_item_failures.len()
    }

    /// The status of the mismatch.
    async fn status(&self) -> String {
        self.test.mismatches(&self.asha).await.remove(0).2
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mismatched_payment_is_refunded_in_full_and_the_student_is_mailed() {
    let test = TestApp::start().await;
    let owner = test.owner("o@example.com").await;
    let (asha, checkout) = test.mismatched(51_180).await;
    test.settle().await;
    let answer = test.send(refund(&owner, &checkout.order_id, &json!({}))).await.expect(202);
    let body = &answer.body["refund"];
    assert_eq!(
        *body,
        json!({
            "refund_id": body["refund_id"],
            "order_id": checkout.order_id,
            "payment_id": checkout.payment_id,
            "token_count": 0,
            "amount_paise": 51_180,
            "currency": "INR",
            "status": "pending",
            "requested_at": "2026-01-15T06:30:00Z",
        })
    );
    assert_eq!(test.status_of_purchase(&asha).await, "refunded", "as reserved tokens are");
    let mails = test.settle().await;
    assert_eq!(mails.len(), 1, "{mails:?}");
    assert_eq!(mails[0].to.as_str(), "asha@example.com");
    assert_eq!(mails[0].subject, "₹511.80 back from Demo Mess");
    for told in ["your payment of", "₹511.80", &*checkout.order_id] {
        assert!(mails[0].text.contains(told) && mails[0].html.contains(told), "{told}");
    }
    assert!(!mails[0].text.contains("0 meal tokens"), "{}", mails[0].text);
    let payment = test.payment(&checkout.payment_id).await;
    assert_eq!(
        (&payment["status"], &payment["amount_refunded"]),
        (&json!("refunded"), &json!(51_180))
    );
    for asked in [json!({}), json!({ "payment_id": checkout.payment_id })] {
        let again = test.send(refund(&owner, &checkout.order_id, &asked)).await.expect(202);
        assert_eq!(again.header("idempotent-replay"), "true");
        assert_eq!(again.body["refund"]["refund_id"], body["refund_id"]);
        assert_eq!(again.body["refund"]["status"], "processed");
    }
    assert!(test.settle().await.is_empty(), "a replay sends no mail");
    assert_eq!(test.status_of_purchase(&asha).await, "refunded");
    assert_eq!(test.token_count(&asha).await, 0);
    let refused = test.send(accept(&owner, &checkout.order_id, &json!({}))).await;
    assert_eq!(refused.problem(409), "nothing_to_accept");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_in_another_currency_is_refunded_in_it() {
    let test = TestApp::start().await;
    let owner = test.owner("o@example.com").await;
    let change = json!({ "currency": "USD", "amount_paise": 60_000 });
    let (asha, checkout) = test.paid_with(&change).await;
    test.reconcile().await;
    test.settle().await;
    let answer = test.send(refund(&owner, &checkout.order_id, &json!({}))).await.expect(202);
    assert_eq!(answer.body["refund"]["currency"], "USD");
    let mails = test.settle().await;
    assert_eq!(mails[0].subject, "USD 600.00 back from Demo Mess");
    assert_eq!(test.payment(&checkout.payment_id).await["status"], "refunded");
    assert_eq!(test.status_of_purchase(&asha).await, "refunded");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_payment_is_refunded_by_its_id_beside_the_tokens() {
    let test = TestApp::start().await;
    let owner = test.owner("o@example.com").await;
    let (asha, first, second) = test.paid_twice().await;
    let order_id = &first.order_id;
    assert_eq!(test.send(second.verify(&asha.token)).await.problem(409), "already_paid");

    let tokens = test.send(refund(&owner, order_id, &json!({ "token_count": 4 }))).await;
    assert_eq!(tokens.expect(202).body["refund"]["amount_paise"], 20_000);
    let named =
        |payment: &Checkout| refund(&owner, order_id, &json!({ "payment_id": payment.payment_id }));
    let answer = test.send(named(&second)).await.expect(202);
    assert_eq!(answer.body["refund"]["amount_paise"], 50_000);
    assert_eq!(test.send(named(&first)).await.problem(409), "not_refundable", "it paid for tokens");
    test.settle().await;
    assert_eq!(test.payment(&first.payment_id).await["amount_refunded"], 20_000);
    assert_eq!(test.payment(&second.payment_id).await["amount_refunded"], 50_000);
    assert_eq!(test.token_count(&asha).await, 6);
    assert_eq!(test.status_of_purchase(&asha).await, "partially_refunded");
    assert_eq!(test.mismatches(&asha).await[0].2, "refunded");
    let both = json!({ "payment_id": second.payment_id, "token_count": 1 });
    assert_eq!(test.send(refund(&owner, order_id, &both)).await.wrong_fields(), ["payment_id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_an_accepted_payment_are_refunded_at_their_price() {
    let test = TestApp::start().await;
    let owner = test.owner("o@example.com").await;
    let (asha, checkout) = test.mismatched(51_180).await;
    test.send(accept(&owner, &checkout.order_id, &json!({}))).await.expect(200);
    let named = json!({ "payment_id": checkout.payment_id });
    let refused = test.send(refund(&owner, &checkout.order_id, &named)).await;
    assert_eq!(refused.problem(409), "not_refundable");
    let answer = test.send(refund(&owner, &checkout.order_id, &json!({}))).await.expect(202);
    assert_eq!(answer.body["refund"]["amount_paise"], 50_000);
    test.settle().await;
    assert_eq!(test.payment(&checkout.payment_id).await["amount_refunded"], 50_000);
    assert_eq!(test.token_count(&asha).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_replays_the_refund_of_a_payment() {
    let test = TestApp::start().await;
    let owner = test.owner("o@example.com").await;
    let (_, checkout) = test.mismatched(49_999).await;
    let keyed =
        |body: &Value| refund(&owner, &checkout.order_id, body).header("idempotency-key", "k-1");
    let body = json!({ "payment_id": checkout.payment_id });
    let first = test.send(keyed(&body)).await.expect(202);
    test.settle().await;
    let again = test.send(keyed(&body)).await.expect(202);
    assert_eq!(again.header("idempotent-replay"), "true");
    assert_eq!(again.body["refund"]["refund_id"], first.body["refund"]["refund_id"]);
    let other = test.send(keyed(&json!({}))).await;
    assert_eq!(other.problem(409), "idempotency_key_reused");
    let path = format!("/payments/{}/refunds", checkout.payment_id);
    assert_eq!(test.at_partner(&path).await["count"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_messages_and_lost_answers_refund_the_payment_once() {
    let it = Refunding::start(51_180).await;
    for fault in [
        json!({ "status": 503 }),
        json!({ "drop": true }),
        json!({ "drop": true, "applied": true }),
    ] {
        it.test.partner_fails(fault.clone()).await;
        assert_eq!(it.work().await, 1, "{fault}: to be retried");
        assert_eq!(it.status().await, "refunded", "{fault}: still marked");
    }
    it.test.partner_recovers().await;
    for _ in 0..3 {
        assert_eq!(it.work().await, 0);
    }
    let refunds = it.test.refunds_at_partner(&it.checkout).await;
    assert_eq!((refunds.len(), &refunds[0]["amount"]), (1, &json!(51_180)));
    it.test.tell_refund("refund.processed", &refunds[0]).await;
    assert_eq!(it.test.settle().await.len(), 1, "one mail");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_job_completes_the_refund_of_a_payment_whose_message_was_lost() {
    let it = Refunding::start(51_180).await;
    assert_eq!(it.test.reconcile().await["refunds_finished"], 1);
    assert_eq!(it.test.refunds_at_partner(&it.checkout).await.len(), 1);
    assert_eq!(it.work().await, 0);
    assert_eq!(it.test.refunds_at_partner(&it.checkout).await.len(), 1);
    assert_eq!(it.status().await, "refunded");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_whose_refund_failed_waits_for_a_decision_again() {
    let it = Refunding::start(51_180).await;
    it.test.advance(REFUSAL_FINAL_AFTER);
    it.test.partner_fails(json!({ "status": 400 })).await;
    assert_eq!(it.work().await, 0, "the refusal is final");
    it.test.partner_recovers().await;
    assert_eq!(it.status().await, "open");
    assert_eq!(it.test.status_of_purchase(&it.asha).await, "mismatch");
    let mails = it.test.settle().await;
    let failed = mails.iter().find(|mail| mail.to.as_str() == "o@example.com").expect("a mail");
    assert_eq!(failed.subject, "A refund of ₹511.80 at Demo Mess has failed");
    assert!(
        failed.text.contains("accept the payment") && failed.html.contains("accept the payment")
    );
    assert_eq!(it.work().await, 0, "a repeated message changes nothing");
    assert_eq!(it.status().await, "open");
    let body = json!({});
    it.test.send(refund(&it.owner, &it.checkout.order_id, &body)).await.expect(202);
    it.test.settle().await;
    assert_eq!(it.status().await, "refunded");
    assert_eq!(it.test.payment(&it.checkout.payment_id).await["status"], "refunded");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_underpaid_purchase_can_be_paid_after_its_refund() {
    let it = Refunding::start(49_999).await;
    assert_eq!(it.work().await, 0);
    assert_eq!(it.test.status_of_purchase(&it.asha).await, "refunded");
    let right = it.test.pay(&it.checkout.order_id, json!({ "outcome": "captured" })).await;
    it.test.send(right.verify(&it.asha.token)).await.expect(200);
    assert_eq!(it.test.token_count(&it.asha).await, 10);
    assert_eq!(it.test.status_of_purchase(&it.asha).await, "captured");
}
