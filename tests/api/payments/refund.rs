//! `POST /payments/{order_id}/refund`: an owner refunds unredeemed tokens.

use jiff::SignedDuration;
use serde_json::{Value, json};
use thali_domain::ids::MessId;
use thali_domain::mess::Approval;

use super::{HISTORY, refund};
use crate::support::people::{PASSWORD, Student};
use crate::support::{Call, TestApp};

const FATES: &str = "/student/token-history";

/// The student's tokens, counted by status.
async fn fates(test: &TestApp, student: &Student) -> Vec<(String, usize)> {
    let mut counts = std::collections::BTreeMap::<String, usize>::new();
    for token in test.list(student, FATES, 100).await {
        *counts.entry(token["status"].as_str().expect("a status").to_owned()).or_default() += 1;
    }
    counts.into_iter().collect()
}

fn counts(expected: &[(&str, usize)]) -> Vec<(String, usize)> {
    expected.iter().map(|(status, count)| ((*status).to_owned(), *count)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_refund_pays_for_all_unredeemed_tokens_and_mails_the_student() {
    let test = TestApp::start().await;
    let (asha, owner) = (test.student("asha@example.com").await, test.owner("o@example.com").await);
    let checkout = test.buy_tokens(&asha, 10).await;
    test.send(TestApp::submit(&asha, 3)).await.expect(201);
    test.settle().await;

    let answer = test.send(refund(&owner, &checkout.order_id, &json!({}))).await.expect(202);
    assert_eq!(answer.header("idempotent-replay"), "");
    let body = &answer.body["refund"];
    let refund_id = body["refund_id"].as_str().expect("an id");
    assert_eq!(
        *body,
        json!({
            "refund_id": refund_id,
            "order_id": checkout.order_id,
            "token_count": 7,
            "amount_paise": 35_000,
            "currency": "INR",
            "status": "pending",
            "requested_at": "2026-01-15T06:30:00Z",
        })
    );
    assert_eq!(test.token_count(&asha).await, 0, "reserved at once");
    assert_eq!(test.list(&asha, "/student/token-data", 100).await.len(), 0);
    assert_eq!(fates(&test, &asha).await, counts(&[("redeemed", 3), ("refunded", 7)]));
    let late = test.send(TestApp::submit(&asha, 1)).await;
    assert_eq!(late.problem(409), "insufficient_tokens");

    test.advance(SignedDuration::from_mins(1));
    let mails = test.settle().await;
    assert_eq!(mails.len(), 1, "{mails:?}");
    assert_eq!(mails[0].to.as_str(), "asha@example.com");
    assert_eq!(mails[0].subject, "₹350.00 back from Demo Mess");
    for told in ["7 meal tokens", "₹350.00", &*checkout.order_id] {
        assert!(mails[0].text.contains(told) && mails[0].html.contains(told), "{told}");
    }
    let payment = test.payment(&checkout.payment_id).await;
    assert_eq!(payment["amount_refunded"], 35_000);
    assert_eq!(test.list(&asha, HISTORY, 100).await[0]["status"], "partially_refunded");

    let again = test.send(refund(&owner, &checkout.order_id, &json!({}))).await.expect(202);
    assert_eq!(again.header("idempotent-replay"), "true");
    let again = &again.body["refund"];
    assert_eq!((&again["refund_id"], &again["status"]), (&json!(refund_id), &json!("processed")));
    assert_eq!(again["processed_at"], "2026-01-15T06:31:00Z");
    assert!(test.settle().await.is_empty(), "a replay sends no mail");
    assert_eq!(test.payment(&checkout.payment_id).await["amount_refunded"], 35_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_refunded_in_parts_starting_with_the_last_ones() {
    let test = TestApp::start().await;
    let (asha, owner) = (test.student("asha@example.com").await, test.owner("o@example.com").await);
    let checkout = test.buy_tokens(&asha, 5).await;
    let ask = async |count: u16| {
        let body = json!({ "token_count": count });
        test.send(refund(&owner, &checkout.order_id, &body)).await
    };
    assert_eq!(ask(2).await.expect(202).body["refund"]["amount_paise"], 10_000);
    let refused = ask(1).await;
    assert_eq!(refused.problem(409), "refund_in_progress");
    test.settle().await;
    let left = test.list(&asha, "/student/token-data", 100).await;
    let left: Vec<&str> = left.iter().filter_map(|token| token["token_id"].as_str()).collect();
    assert!(left.iter().all(|id| !id.ends_with("_004") && !id.ends_with("_005")), "{left:?}");
    assert_eq!(left.len(), 3);
    assert_eq!(test.status_of_purchase(&asha).await, "partially_refunded");

    let refused = ask(4).await;
    assert_eq!(refused.problem(409), "insufficient_tokens");
    assert_eq!((&refused.body["available"], &refused.body["requested"]), (&json!(3), &json!(4)));
    let camel = json!({ "tokenCount": 3 });
    test.send(refund(&owner, &checkout.order_id, &camel)).await.expect(202);
    assert_eq!(test.settle().await.len(), 1, "the first refund was mailed before");
    assert_eq!(test.status_of_purchase(&asha).await, "refunded");
    assert_eq!(test.payment(&checkout.payment_id).await["status"], "refunded");
    assert_eq!(test.token_count(&asha).await, 0);

    let again = ask(3).await.expect(202);
    assert_eq!(again.header("idempotent-replay"), "true");
    assert_eq!(again.body["refund"]["token_count"], 3, "the latest refund is replayed");
    let refused = ask(1).await;
    assert_eq!(refused.problem(409), "insufficient_tokens", "another count is a new request");
    assert_eq!((&refused.body["available"], &refused.body["requested"]), (&json!(0), &json!(1)));

    let verified = test.send(checkout.verify(&asha.token)).await.expect(200);
    assert_eq!(
        (&verified.body["tokens_issued"], &verified.body["balance"]),
        (&json!(5), &json!(0))
    );
    assert_eq!(verified.body["payment"]["status"], "refunded");
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_tokens_can_be_refunded() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let checkout = test.buy_tokens(&asha, 2).await;
    test.advance(SignedDuration::from_hours(91 * 24));
    let owner = test.owner("o@example.com").await;
    let asha = test.log_in_again(&asha).await;
    assert_eq!(fates(&test, &asha).await, counts(&[("expired", 2)]));
    test.send(refund(&owner, &checkout.order_id, &json!({ "token_count": 1 }))).await.expect(202);
    assert_eq!(fates(&test, &asha).await, counts(&[("expired", 1), ("refunded", 1)]));
    test.settle().await;
    assert_eq!(test.payment(&checkout.payment_id).await["amount_refunded"], 5_000);
    let path = format!("/payments/{}/refund", checkout.order_id);
    let all = test.send(Call::new("POST", &path).bearer(&owner.token)).await.expect(202);
    assert_eq!(all.body["refund"]["token_count"], 1, "without a body, all that is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_impossible_refund_is_refused_with_its_reason() {
    let test = TestApp::start().await;
    let (asha, owner) = (test.student("asha@example.com").await, test.owner("o@example.com").await);
    let unpaid = test.order_tokens(&asha, 2).await;
    let refused = test.send(refund(&owner, &unpaid, &json!({}))).await;
    assert_eq!(refused.problem(409), "not_refundable");

    let used_up = test.buy_tokens(&asha, 2).await;
    test.send(TestApp::submit(&asha, 2)).await.expect(201);
    for body in [json!({}), json!({ "token_count": 1 })] {
        let refused = test.send(refund(&owner, &used_up.order_id, &body)).await;
        assert_eq!(refused.problem(409), "insufficient_tokens");
        assert_eq!(refused.body["available"], 0);
    }
    for order_id in ["order_AAAAAAAAAAAAAA", "nothing", "order_", "order_A%2FB"] {
        let refused = test.send(refund(&owner, order_id, &json!({}))).await;
        assert_eq!(refused.problem(404), "order_not_found", "{order_id}");
    }
    for count in [json!(0), json!(-1), json!(501), json!(1.5), json!("2"), json!(true)] {
        let body = json!({ "token_count": count });
        let refused = test.send(refund(&owner, &used_up.order_id, &body)).await;
        assert_eq!(refused.wrong_fields(), ["token_count"], "{count}");
    }
    let refused = test.send(refund(&owner, &used_up.order_id, &json!({ "amount": 5 }))).await;
    assert_eq!(refused.wrong_fields(), ["amount"]);
    assert!(test.app.queues().take(thali_platform::queue::QueueName::Refunds).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_owner_of_the_mess_can_refund_its_tokens() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let checkout = test.buy_tokens(&asha, 2).await;
    test.create_mess("mess_other", Approval::Automatic).await;
    let other = MessId::parse("mess_other").expect("an id");
    let other = test.owner_of(&other, "other@example.com").await;
    let refused = test.send(refund(&other, &checkout.order_id, &json!({}))).await;
    assert_eq!(refused.problem(404), "order_not_found");
    let refused = test.send(refund(&asha, &checkout.order_id, &json!({}))).await;
    assert_eq!(refused.problem(403), "wrong_role");
    let path = format!("/payments/{}/refund", checkout.order_id);
    assert_eq!(test.send(Call::post(&path, &json!({}))).await.problem(401), "unauthenticated");
    assert_eq!(test.token_count(&asha).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_replays_its_refund_and_refuses_a_different_one() {
    let test = TestApp::start().await;
    let (asha, owner) = (test.student("asha@example.com").await, test.owner("o@example.com").await);
    let (one, two) = (test.buy_tokens(&asha, 5).await, test.buy_tokens(&asha, 5).await);
    let keyed = |order_id: &str, body: &Value| {
        refund(&owner, order_id, body).header("idempotency-key", "k-1")
    };
    let body = json!({ "token_count": 2 });
    let first = test.send(keyed(&one.order_id, &body)).await.expect(202);
    test.settle().await;
    for _ in 0..2 {
        let again = test.send(keyed(&one.order_id, &body)).await.expect(202);
        assert_eq!(again.header("idempotent-replay"), "true");
        assert_eq!(again.body["refund"]["refund_id"], first.body["refund"]["refund_id"]);
        assert_eq!(again.body["refund"]["status"], "processed");
    }
    for other in [
        keyed(&one.order_id, &json!({ "token_count": 3 })),
        keyed(&one.order_id, &json!({})),
        keyed(&two.order_id, &body),
    ] {
        assert_eq!(test.send(other).await.problem(409), "idempotency_key_reused");
    }
    let bad = refund(&owner, &one.order_id, &body).header("idempotency-key", "two words");
    assert_eq!(test.send(bad).await.wrong_fields(), ["Idempotency-Key"]);
    // Each owner has their own keys.
    let colleague = test.owner("p@example.com").await;
    let call = refund(&colleague, &one.order_id, &body).header("idempotency-key", "k-1");
    let theirs = test.send(call).await.expect(202);
    assert_ne!(theirs.body["refund"]["refund_id"], first.body["refund"]["refund_id"]);
    assert_eq!(test.token_count(&asha).await, 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_student_can_buy_and_redeem_while_a_refund_is_pending() {
    let test = TestApp::start().await;
    let (asha, owner) = (test.student("asha@example.com").await, test.owner("o@example.com").await);
    let checkout = test.buy_tokens(&asha, 4).await;
    let body = json!({ "token_count": 2 });
    test.send(refund(&owner, &checkout.order_id, &body)).await.expect(202);
    let redeem = json!({ "count": 2, "security_code": PASSWORD });
    let redeem = Call::post("/student/token-submission", &redeem).bearer(&asha.token);
    test.send(redeem.clone()).await.expect(201);
    assert_eq!(test.send(redeem.clone()).await.problem(409), "insufficient_tokens");
    test.buy_tokens(&asha, 2).await;
    test.send(redeem).await.expect(201);
    test.settle().await;
    assert_eq!(fates(&test, &asha).await, counts(&[("redeemed", 4), ("refunded", 2)]));
}
