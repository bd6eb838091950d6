//! Refunds that race with submissions and with each other. A token is redeemed or refunded,
//! never both.

use std::sync::Arc;

use serde_json::{Value, json};
use thali_domain::ids::{AccountId, RefundId, SubmissionId};
use thali_domain::payments::refunds::{Refund, RefundRequest, Requested, request};
use thali_domain::tokens::purchases::Purchase;
use thali_domain::tokens::redeeming::{Redemption, Selection, Submission, redeem};
use thali_platform::store::{Attempt, Consistency, SubmissionError};

use super::{REFUSAL_FINAL_AFTER, refund};
use crate::support::people::Student;
use crate::support::{Call, TestApp};

const FATES: &str = "/student/token-history";

fn with_status(tokens: &[Value], status: &str) -> usize {
    tokens.iter().filter(|token| token["status"] == status).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_redeemed_or_refunded_but_never_both() {
    let test = Arc::new(TestApp::start().await);
    let (asha, owner) = (test.student("asha@example.com").await, test.owner("o@example.com").await);
    for round in 0..5 {
        let checkout = test.buy_tokens(&asha, 10).await;
        let wanted = json!({ "token_count": 6 });
        let mut calls: Vec<Call> = vec![TestApp::submit(&asha, 2); 6];
        calls.insert(round, refund(&owner, &checkout.order_id, &wanted));
        let answers = test.send_together(calls).await;
        let mut redeemed = 0;
        let mut given_back = 0;
        for (index, answer) in answers.iter().enumerate() {
            match (index == round, answer.status) {
                (true, 202) => given_back += 6,
                (false, 201) => redeemed += 2,
                _ => assert_eq!(answer.problem(409), "insufficient_tokens"),
            }
        }
        assert!(redeemed + given_back <= 10, "{redeemed} redeemed, {given_back} refunded");
        test.settle().await;
        let payment = test.payment(&checkout.payment_id).await;
        assert_eq!(payment["amount_refunded"], given_back * 5_000);
        let tokens = test.list(&asha, FATES, 100).await;
        let tokens: Vec<Value> =
            tokens.into_iter().filter(|token| token["order_id"] == *checkout.order_id).collect();
        assert_eq!(with_status(&tokens, "redeemed"), redeemed);
        assert_eq!(with_status(&tokens, "refunded"), given_back);
        assert_eq!(with_status(&tokens, "available"), 10 - redeemed - given_back);
        // The next round begins without tokens.
        let left = test.token_count(&asha).await;
        if left > 0 {
            test.send(TestApp::submit(&asha, left)).await.expect(201);
        }
    }
}

/// A submission and a refund, both decided on the same version of a purchase and not yet
/// written.
struct Decided {
    purchase: Purchase,
    submission: Submission,
    redemption: Redemption,
    refund: Refund,
}

impl Decided {
    async fn on(test: &TestApp, student: &Student, redeemed: usize, given_back: u16) -> Self {
        let account_id = AccountId::parse(&student.account_id).expect("an id");
        let purchases = test.app.store.purchases_of(account_id, Consistency::Strong).await;
        let purchases = purchases.expect("they can be read");
        let selection = Selection::count(redeemed).expect("few");
        let redemption = redeem(&purchases, &selection, test.now()).expect("there are enough");
        let submission = Submission {
            submission_id: SubmissionId::from_ulid(test.app.clock.ulid()),
            account_id,
            mess_id: test.mess_id.clone(),
            token_ids: redemption.token_ids(),
            submitted_at: test.now(),
            balance: redemption.balance,
        };
        let purchase = purchases[0].clone();
        let latest = match purchase.refund_id {
            Some(id) => test.app.store.refund_get(account_id, id).await.expect("it can be read"),
            None => None,
        };
        let asked = RefundRequest {
            refund_id: RefundId::from_ulid(test.app.clock.ulid()),
            count: Some(given_back),
            payment_id: None,
            requested_by: account_id,
            requested_at: test.now(),
        };
        let Requested::New(refund) = request(&purchase, latest, &asked).expect("there are enough")
        else {
            panic!("some are left");
        };
        Self { purchase, submission, redemption, refund }
    }

    async fn redeem(&self, test: &TestApp) -> bool {
        let recorded = test
            .app
            .store
            .submission_record(&self.submission, &self.redemption, None, &test.stamp())
            .await;
        assert!(matches!(recorded, Ok(()) | Err(SubmissionError::Overtaken)), "{recorded:?}");
        recorded.is_ok()
    }

    async fn give_back(&self, test: &TestApp) -> bool {
        let store = &test.app.store;
        let done = store.refund_request(&self.purchase, &self.refund, None, &test.stamp()).await;
        done.expect("it is written or overtaken") == Attempt::Done(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_on_an_outdated_purchase_is_not_written() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    test.buy_tokens(&asha, 10).await;

    // With six of ten tokens redeemed and six refunded, two tokens would be both.
    let early = Decided::on(&test, &asha, 6, 6).await;
    assert!(early.give_back(&test).await);
    assert!(!early.redeem(&test).await, "the refund was first");
    assert!(!early.give_back(&test).await, "no second refund");

    // Both are decided after the first refund has ended.
    test.settle().await;
    let late = Decided::on(&test, &asha, 3, 3).await;
    assert!(late.redeem(&test).await);
    assert!(!late.give_back(&test).await, "the submission was first");
    assert!(!late.redeem(&test).await, "no second submission");

    // A refund that was requested and failed in between has released its tokens again. Another
    // refund may have been requested since, so only a new decision may be written.
    let older = Decided::on(&test, &asha, 1, 1).await;
    let newer = Decided::on(&test, &asha, 1, 1).await;
    assert!(newer.give_back(&test).await);
    test.advance(REFUSAL_FINAL_AFTER);
    test.partner_fails(json!({ "status": 400 })).await;
    test.settle().await;
    assert_eq!(test.token_count(&asha).await, 1);
    assert!(!older.redeem(&test).await && !older.give_back(&test).await);
    assert!(Decided::on(&test, &asha, 1, 1).await.redeem(&test).await);
    let tokens = test.list(&asha, FATES, 100).await;
    assert_eq!((with_status(&tokens, "redeemed"), with_status(&tokens, "refunded")), (4, 6));
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_concurrent_partial_refunds_start_only_one() {
    let test = Arc::new(TestApp::start().await);
    let (asha, owner) = (test.student("asha@example.com").await, test.owner("o@example.com").await);
    let checkout = test.buy_tokens(&asha, 10).await;
    let call = refund(&owner, &checkout.order_id, &json!({ "token_count": 2 }));
    let answers = test.send_together(vec![call; 10]).await;
    let accepted = answers.iter().filter(|answer| answer.status == 202).count();
    assert_eq!(accepted, 1);
    for refused in answers.iter().filter(|answer| answer.status != 202) {
        assert_eq!(refused.problem(409), "refund_in_progress");
    }
    test.settle().await;
    assert_eq!(test.payment(&checkout.payment_id).await["amount_refunded"], 10_000);
    assert_eq!(test.token_count(&asha).await, 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_concurrent_full_or_keyed_requests_create_one_refund() {
    let test = Arc::new(TestApp::start().await);
    let (asha, owner) = (test.student("asha@example.com").await, test.owner("o@example.com").await);
    for (body, key) in [(json!({}), None), (json!({ "token_count": 2 }), Some("k-1"))] {
        let checkout = test.buy_tokens(&asha, 10).await;
        let call = refund(&owner, &checkout.order_id, &body);
        let call = match key {
            Some(key) => call.header("idempotency-key", key),
            None => call,
        };
        let answers = test.send_together(vec![call; 10]).await;
        let mut ids: Vec<Value> = Vec::new();
        let mut replayed = 0;
        for answer in answers {
            let answer = answer.expect(202);
            replayed += usize::from(answer.header("idempotent-replay") == "true");
            ids.push(answer.body["refund"]["refund_id"].clone());
        }
        ids.dedup();
        assert_eq!((ids.len(), replayed), (1, 9));
        test.settle().await;
        let back = if key.is_some() { 10_000 } else { 50_000 };
        assert_eq!(test.payment(&checkout.payment_id).await["amount_refunded"], back);
    }
    assert_eq!(test.token_count(&asha).await, 8);
}
