//! Buying tokens: the order, the payment (reported by the browser, a webhook or a job), the
//! payment history; and refunds.

mod capture;
mod create_order;
mod expiry;
mod history;
mod mismatch;
mod mismatch_job;
mod mismatch_ledger;
mod mismatch_races;
mod mismatch_refund;
mod once;
mod partner;
mod reconcile;
mod refund;
mod refund_races;
mod refunder;
mod uncredited;
mod verify_payment;
mod webhook;
mod webhook_bodies;
mod webhook_refusals;

use jiff::SignedDuration;
use serde_json::{Value, json};
use thali_functions::jobs::reconcile_payments;
use thali_sandbox::signature;

use crate::support::people::Student;
use crate::support::{Call, RAZORPAY_WEBHOOK_SECRET, TestApp};

const HISTORY: &str = "/payment-history";

/// After this time, the partner's refusal of a refund counts as final.
pub(super) const REFUSAL_FINAL_AFTER: SignedDuration = SignedDuration::from_secs(10 * 60 + 1);

/// The call that orders `count` tokens.
pub(super) fn order(student: &Student, count: u16) -> Call {
    Call::post("/create-order", &json!({ "token_count": count })).bearer(&student.token)
}

/// The call by which an owner refunds tokens of an order.
pub(super) fn refund(owner: &Student, order_id: &str, body: &Value) -> Call {
    Call::post(&format!("/payments/{order_id}/refund"), body).bearer(&owner.token)
}

/// The call by which an owner accepts a payment of an order.
pub(super) fn accept(owner: &Student, order_id: &str, body: &Value) -> Call {
    Call::post(&format!("/payments/{order_id}/accept"), body).bearer(&owner.token)
}

/// The webhook call with `body`, signed with `secret`.
fn signed(secret: &str, body: &str) -> Call {
    Call::post_raw("/webhooks/razorpay", "application/json", body)
        .header("x-razorpay-signature", &signature::webhook(secret, body.as_bytes()))
}

/// An event about a payment, in the partner's envelope.
fn event(name: &str, payment: &Value) -> Value {
    json!({
        "entity": "event",
        "account_id": "acc_ThaliSandbox01",
        "event": name,
        "contains": ["payment"],
        "payload": { "payment": { "entity": payment } },
        "created_at": 1_768_458_600,
    })
}

/// The webhook call about a payment, signed with the current secret.
pub(super) fn told(name: &str, payment: &Value) -> Call {
    signed(RAZORPAY_WEBHOOK_SECRET, &event(name, payment).to_string())
}

impl TestApp {
    /// The response of the partner's API to `GET path`.
    pub async fn at_partner(&self, path: &str) -> Value {
        let request = reqwest::Client::new()
            .get(format!("{}/v1{path}", self.sandbox.razorpay_url()))
            .basic_auth("rzp_test_key", Some("test-key-secret"));
        let answer = request.send().await.expect("the sandbox answers");
        answer.error_for_status().expect("it knows that").json().await.expect("JSON")
    }

    /// The current payment in the partner's API.
    pub async fn payment(&self, payment_id: &str) -> Value {
        self.at_partner(&format!("/payments/{payment_id}")).await
    }

    /// Captures an authorized or failed payment at the partner. In reality, this can happen days
    /// later.
    async fn capture_late(&self, payment_id: &str) {
        let url = format!("{}/sandbox/payments/{payment_id}/capture", self.sandbox.razorpay_url());
        let answer = reqwest::Client::new().post(url).send().await.expect("the sandbox answers");
        assert_eq!(answer.status(), 200);
    }

    /// Runs the job `reconcile-payments` by hand, for purchases of any age. Returns its counts that
    /// are not zero.
    async fn reconcile(&self) -> Value {
        let ran = (reconcile_payments::JOB.run)(&self.app, &json!({ "older_than_s": 0 })).await;
        let mut counts = ran.expect("it runs");
        counts.as_object_mut().expect("counts").retain(|_, count| *count != 0);
        counts
    }

    /// A student's only purchase, as the payment history shows it.
    async fn single_purchase(&self, student: &Student) -> Value {
        let mut list = self.list(student, HISTORY, 100).await;
        assert_eq!(list.len(), 1, "{list:?}");
        list.remove(0)
    }

    /// The status of a student's only purchase.
    async fn status_of_purchase(&self, student: &Student) -> String {
        self.single_purchase(student).await["status"].as_str().expect("a status").to_owned()
    }
}
