//! Payments that were taken and do not pay for their purchase: the purchase shows them, owners are
//! notified, and an owner accepts one.

use serde_json::{Value, json};
use thali_domain::ids::MessId;
use thali_domain::mess::Approval;

use super::{accept, told};
use crate::support::people::{Checkout, Student};
use crate::support::{Call, TestApp};

impl TestApp {
    /// A student who ordered ten tokens and paid; `change` is added to the control call.
    pub(super) async fn paid_with(&self, change: &Value) -> (Student, Checkout) {
        let asha = self.student("asha@example.com").await;
        let order_id = self.order_tokens(&asha, 10).await;
        let mut control = json!({ "outcome": "captured" });
        let members = control.as_object_mut().expect("an object");
        members.extend(change.as_object().expect("an object").clone());
        let checkout = self.pay(&order_id, control).await;
        (asha, checkout)
    }

    /// A student whose payment of another amount is recorded.
    pub(super) async fn mismatched(&self, amount_paise: u64) -> (Student, Checkout) {
        let (asha, checkout) = self.paid_with(&json!({ "amount_paise": amount_paise })).await;
        let refused = self.send(checkout.verify(&asha.token)).await;
        assert_eq!(refused.problem(409), "amount_mismatch");
        assert_eq!(self.status_of_purchase(&asha).await, "mismatch");
        (asha, checkout)
    }

    /// A student whose order is paid by a first payment, and a second one that was captured too.
    pub(super) async fn paid_twice(&self) -> (Student, Checkout, Checkout) {
        let asha = self.student("asha@example.com").await;
        let order_id = self.order_tokens(&asha, 10).await;
        let second = self.pay(&order_id, json!({ "outcome": "failed" })).await;
        let first = self.pay(&order_id, json!({ "outcome": "captured" })).await;
        self.send(first.verify(&asha.token)).await.expect(200);
        self.capture_late(&second.payment_id).await;
        (asha, first, second)
    }

    /// The mismatches of a student's only purchase: payment, reason and status.
    pub(super) async fn mismatches(&self, student: &Student) -> Vec<(String, String, String)> {
        let purchase = self.single_purchase(student).await;
        let list = purchase["mismatches"].as_array().cloned().unwrap_or_default();
        let text = |it: &Value, name: &str| it[name].as_str().expect(name).to_owned();
        list.iter()
            .map(|it| (text(it, "payment_id"), text(it, "reason"), text(it, "status")))
            .collect()
    }

    /// The notifications of an owner of one kind.
    async fn notified(&self, owner: &Student, kind: &str) -> Vec<Value> {
        let mut list = self.list(owner, "/owner/notifications", 100).await;
        list.retain(|it| it["kind"] == kind);
        list
    }
}

fn shown(checkout: &Checkout, reason: &str, status: &str) -> Vec<(String, String, String)> {
    vec![(checkout.payment_id.clone(), reason.to_owned(), status.to_owned())]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_amount_is_shown_and_owners_are_notified_once() {
    let test = TestApp::start().await;
    let owner = test.owner("o@example.com").await;
    let (asha, checkout) = test.mismatched(51_180).await;
    let payment = test.payment(&checkout.payment_id).await;
    for _ in 0..2 {
        test.send(told("payment.captured", &payment)).await.expect(200);
        test.send(told("order.paid", &payment)).await.expect(200);
        assert_eq!(test.send(checkout.verify(&asha.token)).await.status, 409);
        test.reconcile().await;
    }
    let mails = test.settle().await;
    assert!(mails.is_empty(), "{mails:?}");
    let purchase = test.single_purchase(&asha).await;
    assert_eq!(
        (&purchase["status"], &purchase["amount_paise"]),
        (&json!("mismatch"), &json!(50_000))
    );
    let mismatch = json!({
        "payment_id": checkout.payment_id,
        "amount_paise": 51_180,
        "currency": "INR",
        "reason": "amount",
        "found_at": "2026-01-15T06:30:00Z",
        "status": "open",
    });
    assert_eq!(purchase["mismatches"], json!([mismatch]));
    assert_eq!(test.token_count(&asha).await, 0);

    let told = test.notified(&owner, "payment_mismatch").await;
    assert_eq!(told.len(), 1, "{told:?}");
    for (member, value) in [
        ("order_id", json!(checkout.order_id)),
        ("payment_id", json!(checkout.payment_id)),
        ("account_id", json!(asha.account_id)),
        ("name", json!("asha")),
        ("amount_paise", json!(51_180)),
        ("price_paise", json!(50_000)),
        ("currency", json!("INR")),
        ("reason", json!("amount")),
    ] {
        assert_eq!(told[0][member], value, "{member}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_webhook_records_a_mismatch_without_the_browser() {
    for (change, reason) in [
        (json!({ "amount_paise": 49_999 }), "amount"),
        (json!({ "amount_paise": 50_001 }), "amount"),
        (json!({ "currency": "USD" }), "currency"),
    ] {
        let test = TestApp::start().await;
        let (asha, checkout) = test.paid_with(&change).await;
        let payment = test.payment(&checkout.payment_id).await;
        test.send(told("payment.captured", &payment)).await.expect(200);
        assert_eq!(test.mismatches(&asha).await, shown(&checkout, reason, "open"), "{change}");
        assert_eq!(test.status_of_purchase(&asha).await, "mismatch", "{change}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fee_that_the_partner_lists_is_no_mismatch() {
    let test = TestApp::start().await;
    let (asha, checkout) = test.paid_with(&json!({ "customer_fee_paise": 1_180 })).await;
    let payment = test.payment(&checkout.payment_id).await;
    assert_eq!((&payment["amount"], &payment["fee_bearer"]), (&json!(51_180), &json!("customer")));
    test.send(checkout.verify(&asha.token)).await.expect(200);
    test.send(told("payment.captured", &payment)).await.expect(200);
    let purchase = test.single_purchase(&asha).await;
    assert_eq!(
        (&purchase["status"], &purchase["amount_paise"]),
        (&json!("captured"), &json!(50_000))
    );
    assert_eq!(purchase.get("mismatches"), None);
    assert_eq!(test.token_count(&asha).await, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fee_that_does_not_explain_the_amount_is_a_mismatch() {
    let test = TestApp::start().await;
    for (index, change) in [
        json!({ "fee_bearer": "platform", "fee": 1_180 }),
        json!({ "fee_bearer": "customer", "fee": 1_179 }),
        json!({ "fee_bearer": "customer", "fee": "1180" }),
        json!({ "customer_fee": 1_000, "customer_fee_gst": 181 }),
        json!({ "amount": 48_820, "fee_bearer": "customer", "fee": 1_180 }),
    ]
    .into_iter()
    .enumerate()
    {
        let student = test.student(&format!("student{index}@example.com")).await;
        let order_id = test.order_tokens(&student, 10).await;
        let mut payment = json!({
            "id": format!("pay_{index}"), "order_id": order_id, "amount": 51_180,
            "currency": "INR", "status": "captured", "method": "upi",
        });
        let members = payment.as_object_mut().expect("an object");
        members.extend(change.as_object().expect("an object").clone());
        test.send(told("payment.captured", &payment)).await.expect(200);
        assert_eq!(test.status_of_purchase(&student).await, "mismatch", "{change}");
        assert_eq!(test.token_count(&student).await, 0, "{change}");
    }
    let ravi = test.student("ravi@example.com").await;
    let order_id = test.order_tokens(&ravi, 10).await;
    let split = json!({
        "id": "pay_A", "order_id": order_id, "amount": 51_180, "currency": "INR",
        "status": "captured", "customer_fee": 1_000, "customer_fee_gst": 180, "fee": 2_360,
    });
    test.send(told("payment.captured", &split)).await.expect(200);
    assert_eq!(test.token_count(&ravi).await, 10, "the customer's share with its tax");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_right_payment_pays_beside_a_mismatch() {
    let test = TestApp::start().await;
    let (asha, wrong) = test.mismatched(49_999).await;
    let right = test.pay(&wrong.order_id, json!({ "outcome": "captured" })).await;
    test.send(right.verify(&asha.token)).await.expect(200);
    assert_eq!(test.token_count(&asha).await, 10);
    let purchase = test.single_purchase(&asha).await;
    assert_eq!(
        (&purchase["status"], &purchase["payment_id"]),
        (&json!("captured"), &json!(right.payment_id))
    );
    assert_eq!(test.mismatches(&asha).await, shown(&wrong, "amount", "open"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_captured_payment_is_shown_beside_the_first() {
    let test = TestApp::start().await;
    let owner = test.owner("o@example.com").await;
    let (asha, first, second) = test.paid_twice().await;
    test.send(told("payment.captured", &test.payment(&second.payment_id).await)).await.expect(200);
    assert_eq!(test.send(second.verify(&asha.token)).await.problem(409), "already_paid");
    let purchase = test.single_purchase(&asha).await;
    assert_eq!(
        (&purchase["status"], &purchase["payment_id"]),
        (&json!("captured"), &json!(first.payment_id))
    );
    assert_eq!(test.mismatches(&asha).await, shown(&second, "second_payment", "open"));
    test.settle().await;
    let told = test.notified(&owner, "payment_mismatch").await;
    assert_eq!((told.len(), &told[0]["reason"]), (1, &json!("second_payment")));
    let refused = test.send(accept(&owner, &first.order_id, &json!({}))).await;
    assert_eq!(refused.problem(409), "nothing_to_accept", "the tokens are paid");
    assert_eq!(test.token_count(&asha).await, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_accepted_payment_issues_the_ordered_tokens_once() {
    let test = TestApp::start().await;
    let owner = test.owner("o@example.com").await;
    let (asha, checkout) = test.mismatched(51_180).await;
    test.settle().await;
    let first = test.send(accept(&owner, &checkout.order_id, &json!({}))).await.expect(200);
    assert_eq!(first.body["tokens_issued"], 10);
    assert_eq!(first.body["payment"], test.single_purchase(&asha).await);
    assert_eq!(first.body["payment"]["status"], "captured");
    assert_eq!(first.body["payment"]["payment_id"], checkout.payment_id);
    assert_eq!(test.mismatches(&asha).await, shown(&checkout, "amount", "accepted"));
    let path = format!("/payments/{}/accept", checkout.order_id);
    for call in [
        Call::new("POST", &path).bearer(&owner.token),
        accept(&owner, &checkout.order_id, &json!({ "payment_id": checkout.payment_id })),
    ] {
        let again = test.send(call).await.expect(200);
        assert_eq!(again.body, first.body, "a repeated request changes nothing");
    }
    assert_eq!(test.token_count(&asha).await, 10);
    let mails = test.settle().await;
    let subjects: Vec<&str> = mails.iter().map(|mail| mail.subject.as_str()).collect();
    assert_eq!(subjects, ["10 meal tokens for Demo Mess"]);
    let verified = test.send(checkout.verify(&asha.token)).await.expect(200);
    assert_eq!(verified.body["payment"], first.body["payment"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_below_the_price_is_never_accepted() {
    for change in [
        json!({ "amount_paise": 49_999 }),
        json!({ "amount_paise": 100 }),
        json!({ "currency": "USD" }),
        json!({ "currency": "USD", "amount_paise": 60_000 }),
    ] {
        let test = TestApp::start().await;
        let owner = test.owner("o@example.com").await;
        let (asha, checkout) = test.paid_with(&change).await;
        assert_eq!(test.send(checkout.verify(&asha.token)).await.problem(409), "amount_mismatch");
        for body in [json!({}), json!({ "payment_id": checkout.payment_id })] {
            let refused = test.send(accept(&owner, &checkout.order_id, &body)).await;
            assert_eq!(refused.problem(409), "underpaid", "{change}");
        }
        assert_eq!(test.token_count(&asha).await, 0, "{change}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_is_accepted_if_what_is_left_covers_the_price() {
    for (refunded, refusal) in
        [(51_180, Some("nothing_to_accept")), (1_200, Some("underpaid")), (1_180, None)]
    {
        let test = TestApp::start().await;
        let owner = test.owner("o@example.com").await;
        let (asha, checkout) = test.mismatched(51_180).await;
        test.refund_in_dashboard(&checkout.payment_id, refunded).await;
        let answer = test.send(accept(&owner, &checkout.order_id, &json!({}))).await;
        match refusal {
            Some(code) => assert_eq!(answer.problem(409), code),
            None => assert_eq!(answer.expect(200).body["tokens_issued"], 10),
        }
        let tokens = if refusal.is_none() { 10 } else { 0 };
        assert_eq!(test.token_count(&asha).await, tokens, "{refunded}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn accepting_needs_a_mismatch_of_the_owners_mess() {
    let test = TestApp::start().await;
    let owner = test.owner("o@example.com").await;
    let (asha, checkout) = test.mismatched(51_180).await;
    test.create_mess("mess_other", Approval::Automatic).await;
    let other = MessId::parse("mess_other").expect("an id");
    let other = test.owner_of(&other, "other@example.com").await;
    let refused = test.send(accept(&other, &checkout.order_id, &json!({}))).await;
    assert_eq!(refused.problem(404), "order_not_found");
    let refused = test.send(accept(&asha, &checkout.order_id, &json!({}))).await;
    assert_eq!(refused.problem(403), "wrong_role");
    let unknown = json!({ "payment_id": "pay_AAAAAAAAAAAAAA" });
    let refused = test.send(accept(&owner, &checkout.order_id, &unknown)).await;
    assert_eq!(refused.problem(409), "nothing_to_accept");
    for wrong in [json!("order_1"), json!(7), json!("pay_a/b")] {
        let body = json!({ "payment_id": wrong });
        let refused = test.send(accept(&owner, &checkout.order_id, &body)).await;
        assert_eq!(refused.wrong_fields(), ["payment_id"], "{wrong}");
    }
    for order_id in ["order_AAAAAAAAAAAAAA", "nothing", "order_A%2FB"] {
        let refused = test.send(accept(&owner, order_id, &json!({}))).await;
        assert_eq!(refused.problem(404), "order_not_found", "{order_id}");
    }
    let ravi = test.student("ravi@example.com").await;
    let unpaid = test.order_tokens(&ravi, 2).await;
    let paid = test.buy_tokens(&ravi, 2).await.order_id;
    for order_id in [unpaid, paid] {
        let refused = test.send(accept(&owner, &order_id, &json!({}))).await;
        assert_eq!(refused.problem(409), "nothing_to_accept");
    }
    assert_eq!((test.token_count(&asha).await, test.token_count(&ravi).await), (0, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_partner_accepts_nothing() {
    let test = TestApp::start().await;
    let owner = test.owner("o@example.com").await;
    let (asha, checkout) = test.mismatched(51_180).await;
    test.partner_fails(json!({ "status": 503 })).await;
    let refused = test.send(accept(&owner, &checkout.order_id, &json!({}))).await;
    assert_eq!(refused.problem(503), "partner_unavailable");
    assert_eq!(test.token_count(&asha).await, 0);
    test.partner_recovers().await;
    test.send(accept(&owner, &checkout.order_id, &json!({}))).await.expect(200);
    assert_eq!(test.token_count(&asha).await, 10);
}
