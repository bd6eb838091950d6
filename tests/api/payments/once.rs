//! Concurrent reports of a payment credit it once.

use std::sync::Arc;

use serde_json::json;

use super::{HISTORY, told};
use crate::support::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn forty_concurrent_reports_of_a_payment_credit_it_once() {
    let test = Arc::new(TestApp::start().await);
    let asha = test.student("asha@example.com").await;
    let order_id = test.order_tokens(&asha, 10).await;
    let checkout = test.pay(&order_id, json!({ "outcome": "captured" })).await;
    let payment = test.payment(&checkout.payment_id).await;
    let calls = (0..20).flat_map(|number| {
        let event = if number % 2 == 0 { "payment.captured" } else { "order.paid" };
        [checkout.verify(&asha.token), told(event, &payment)]
    });
    for (index, answer) in test.send_together(calls.collect()).await.into_iter().enumerate() {
        let answer = answer.expect(200);
        if index % 2 == 0 {
            assert_eq!(
                (&answer.body["tokens_issued"], &answer.body["balance"]),
                (&json!(10), &json!(10))
            );
            assert_eq!(answer.body["payment"]["payment_id"], checkout.payment_id);
        }
    }
    assert_eq!(test.token_count(&asha).await, 10);
    let issued = test.list(&asha, "/student/token-history", 100).await;
    assert_eq!(issued.len(), 10);
    let payments = test.list(&asha, HISTORY, 100).await;
    assert_eq!((payments.len(), &payments[0]["status"]), (1, &json!("captured")));

    let receipts = test.settle().await;
    let subjects: Vec<&str> = receipts.iter().map(|mail| mail.subject.as_str()).collect();
    assert_eq!(subjects, ["10 meal tokens for Demo Mess"], "one credit makes one receipt");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_concurrent_payments_for_one_order_credit_only_one() {
    let test = Arc::new(TestApp::start().await);
    let asha = test.student("asha@example.com").await;
    let order_id = test.order_tokens(&asha, 10).await;
    let mut calls = Vec::new();
    let mut payments = Vec::new();
    for _ in 0..2 {
        payments.push(test.pay(&order_id, json!({ "outcome": "authorized" })).await);
    }
    for checkout in &payments {
        test.capture_late(&checkout.payment_id).await;
        calls.extend(vec![checkout.verify(&asha.token); 10]);
    }
    let answers = test.send_together(calls).await;
    let credited = usize::from(answers[0].status != 200);
    for (index, answer) in answers.into_iter().enumerate() {
        if index / 10 == credited {
            assert_eq!(answer.expect(200).body["tokens_issued"], 10);
        } else {
            assert_eq!(answer.problem(409), "already_paid");
        }
    }
    assert_eq!(test.token_count(&asha).await, 10);
    let list = test.list(&asha, HISTORY, 100).await;
    assert_eq!(list[0]["payment_id"], payments[credited].payment_id);
}
