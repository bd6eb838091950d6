//! Refunds at the same moment as redeeming and as each other: a token is redeemed or given
//! back, never both.

use std::sync::Arc;

use serde_json::{Value, json};

use super::refund;
use crate::support::{Call, TestApp};

const FATES: &str = "/student/token-history";

fn with_status(tokens: &[Value], status: &str) -> usize {
    tokens.iter().filter(|token| token["status"] == status).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_redeemed_or_given_back_and_never_both() {
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
        assert!(redeemed + given_back <= 10, "{redeemed} redeemed, {given_back} given back");
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

#[tokio::test(flavor = "multi_thread")]
async fn of_ten_refunds_at_once_one_is_in_hand() {
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
async fn ten_requests_at_once_for_all_tokens_or_with_one_key_are_one_refund() {
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
