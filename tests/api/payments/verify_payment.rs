//! `POST /verify-payment`: the browser hands over the checkout's result and receives tokens.

use serde_json::{Value, json};

use crate::support::people::Checkout;
use crate::support::{Call, TestApp};

use super::{HISTORY, told};

#[tokio::test(flavor = "multi_thread")]
async fn a_captured_payment_credits_once_and_a_repeat_returns_the_same() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let order_id = test.order_tokens(&asha, 10).await;
    assert_eq!(test.status_of_purchase(&asha).await, "created");
    let checkout = test.pay(&order_id, json!({ "outcome": "captured" })).await;

    let first = test.send(checkout.verify(&asha.token)).await.expect(200);
    let payment = json!({
        "order_id": order_id,
        "payment_id": checkout.payment_id,
        "amount_paise": 50_000,
        "currency": "INR",
        "status": "captured",
        "method": "upi",
        "token_count": 10,
        "created_at": "2026-01-15T06:30:00Z",
        "captured_at": "2026-01-15T06:30:00Z",
        "expires_at": "2026-04-15T06:30:00Z",
    });
    assert_eq!(first.body, json!({ "payment": payment, "tokens_issued": 10, "balance": 10 }),);
    for _ in 0..3 {
        let again = test.send(checkout.verify(&asha.token)).await.expect(200);
        assert_eq!(again.body, first.body);
    }
    assert_eq!(test.token_count(&asha).await, 10);
    assert_eq!(test.list(&asha, HISTORY, 100).await, [payment]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_field_names_of_the_partners_checkout_script_are_accepted() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let order_id = test.order_tokens(&asha, 2).await;
    let checkout = test.pay(&order_id, json!({ "outcome": "captured" })).await;
    let body = json!({
        "razorpay_order_id": checkout.order_id,
        "razorpay_payment_id": checkout.payment_id,
        "razorpay_signature": checkout.signature,
    });
    test.send(Call::post("/verify-payment/", &body).bearer(&asha.token)).await.expect(200);
    assert_eq!(test.token_count(&asha).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_and_unknown_orders_are_both_not_found() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let ravi = test.student("ravi@example.com").await;
    let order_id = test.order_tokens(&asha, 10).await;
    let checkout = test.pay(&order_id, json!({ "outcome": "captured" })).await;

    let stranger = test.send(checkout.verify(&ravi.token)).await;
    assert_eq!(stranger.problem(404), "order_not_found");
    let unknown = Checkout { order_id: "order_AAAAAAAAAAAAAA".into(), ..checkout.clone() };
    let unknown = test.send(unknown.verify(&ravi.token)).await;
    assert_eq!(unknown.problem(404), "order_not_found");
    assert_eq!(unknown.body["detail"], stranger.body["detail"], "the answers are the same");

    assert_eq!((test.token_count(&asha).await, test.token_count(&ravi).await), (0, 0));
    test.send(checkout.verify(&asha.token)).await.expect(200);
    let stranger = test.send(checkout.verify(&ravi.token)).await;
    assert_eq!(stranger.problem(404), "order_not_found");
    assert_eq!((test.token_count(&asha).await, test.token_count(&ravi).await), (10, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn all_malformed_fields_are_named_at_once() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let body = json!({ "order_id": "1", "payment_id": "order_1", "signature": 7 });
    let answer = test.send(Call::post("/verify-payment", &body).bearer(&asha.token)).await;
    assert_eq!(answer.wrong_fields(), ["order_id", "payment_id", "signature"]);
    let answer = test.send(Call::post("/verify-payment", &json!({})).bearer(&asha.token)).await;
    assert_eq!(answer.wrong_fields(), ["order_id", "payment_id", "signature"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_is_valid_only_for_its_own_order_and_payment() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let mut checkouts = Vec::new();
    for _ in 0..2 {
        let order_id = test.order_tokens(&asha, 10).await;
        checkouts.push(test.pay(&order_id, json!({ "outcome": "captured" })).await);
    }
    let (mine, other) = (&checkouts[0], &checkouts[1]);
    let with = |payment_id: &str, signature: &str| Checkout {
        payment_id: payment_id.to_owned(),
        signature: signature.to_owned(),
        ..mine.clone()
    };
    let mut flipped = mine.signature.clone().into_bytes();
    flipped[0] = if flipped[0] == b'0' { b'1' } else { b'0' };
    let flipped = String::from_utf8(flipped).expect("hexadecimal");
    for bad in [
        with(&mine.payment_id, ""),
        with(&mine.payment_id, "0"),
        with(&mine.payment_id, &flipped),
        with(&mine.payment_id, &mine.signature[..63]),
        with(&mine.payment_id, &mine.signature.to_uppercase()),
        with(&mine.payment_id, &other.signature),
        with(&other.payment_id, &mine.signature),
        with(&other.payment_id, &other.signature),
    ] {
        let answer = test.send(bad.verify(&asha.token)).await;
        assert_eq!(answer.problem(409), "signature_mismatch", "{bad:?}");
    }
    assert_eq!(test.token_count(&asha).await, 0);
    test.send(mine.verify(&asha.token)).await.expect(200);
    let bad = with(&mine.payment_id, &flipped);
    let answer = test.send(bad.verify(&asha.token)).await;
    assert_eq!(answer.problem(409), "signature_mismatch", "for a credited payment, too");
    assert_eq!(test.token_count(&asha).await, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_with_a_wrong_amount_or_currency_credits_nothing() {
    let test = TestApp::start().await;
    for (index, change) in [
        json!({ "amount_paise": 49_999 }),
        json!({ "amount_paise": 50_001 }),
        json!({ "amount_paise": 100 }),
        json!({ "amount_paise": 500_000 }),
        json!({ "currency": "USD" }),
    ]
    .into_iter()
    .enumerate()
    {
        let student = test.student(&format!("student{index}@example.com")).await;
        let order_id = test.order_tokens(&student, 10).await;
        let mut control = json!({ "outcome": "captured" });
        let members = control.as_object_mut().expect("an object");
        members.extend(change.as_object().expect("an object").clone());
        let checkout = test.pay(&order_id, control).await;
        for _ in 0..2 {
            let answer = test.send(checkout.verify(&student.token)).await;
            assert_eq!(answer.problem(409), "amount_mismatch", "{change}");
        }
        assert_eq!(test.token_count(&student).await, 0, "{change}");
        assert_eq!(test.status_of_purchase(&student).await, "mismatch", "{change}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authorized_payment_credits_only_after_it_is_captured() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let order_id = test.order_tokens(&asha, 10).await;
    let checkout = test.pay(&order_id, json!({ "outcome": "authorized" })).await;
    let answer = test.send(checkout.verify(&asha.token)).await;
    assert_eq!(answer.problem(409), "payment_not_captured");
    assert_eq!(test.token_count(&asha).await, 0);

    test.advance(jiff::SignedDuration::from_mins(10));
    test.capture_late(&checkout.payment_id).await;
    let verified = test.send(checkout.verify(&asha.token)).await.expect(200);
    assert_eq!(verified.body["payment"]["captured_at"], "2026-01-15T06:40:00Z");
    assert_eq!(verified.body["payment"]["expires_at"], "2026-04-15T06:40:00Z");
    assert_eq!(test.token_count(&asha).await, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_payment_is_listed_and_credits_if_captured_later() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let order_id = test.order_tokens(&asha, 10).await;
    let checkout = test.pay(&order_id, json!({ "outcome": "failed" })).await;
    let answer = test.send(checkout.verify(&asha.token)).await;
    assert_eq!(answer.problem(409), "payment_not_captured");

    let failed = test.payment(&checkout.payment_id).await;
    assert_eq!(failed["status"], "failed");
    test.send(told("payment.failed", &failed)).await.expect(200);
    assert_eq!(test.status_of_purchase(&asha).await, "failed");
    assert_eq!(test.token_count(&asha).await, 0);

    test.capture_late(&checkout.payment_id).await;
    test.send(checkout.verify(&asha.token)).await.expect(200);
    assert_eq!(test.status_of_purchase(&asha).await, "captured");
    assert_eq!(test.token_count(&asha).await, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_paid_after_a_failed_attempt_credits_only_one_payment() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let order_id = test.order_tokens(&asha, 10).await;
    let failed = test.pay(&order_id, json!({ "outcome": "failed" })).await;
    let paid = test.pay(&order_id, json!({ "outcome": "captured" })).await;
    test.send(paid.verify(&asha.token)).await.expect(200);

    test.capture_late(&failed.payment_id).await;
    let second = test.send(failed.verify(&asha.token)).await;
    assert_eq!(second.problem(409), "already_paid");
    let captured: Value = test.payment(&failed.payment_id).await;
    test.send(told("payment.captured", &captured)).await.expect(200);
    assert_eq!(test.token_count(&asha).await, 10);
    let list = test.list(&asha, HISTORY, 100).await;
    assert_eq!((list.len(), &list[0]["payment_id"]), (1, &json!(paid.payment_id)));
}
