//! Accepting and refunding one payment exclude each other, however they race or die.

use std::sync::Arc;

use serde_json::json;

use super::{accept, refund, told};
use crate::support::{Death, TestApp};

/// Whether the tokens were issued and whether the money went back, after all follow-up work.
async fn outcome(
    test: &TestApp,
    student: &crate::support::people::Student,
    id: &str,
) -> (bool, bool) {
    test.settle().await;
    test.reconcile().await;
    let tokens = test.token_count(student).await;
    assert!([0, 10].contains(&tokens), "{tokens}");
    (tokens == 10, test.payment(id).await["amount_refunded"] != 0)
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_accepts_and_refunds_never_both_succeed() {
    for _ in 0..3 {
        let test = Arc::new(TestApp::start().await);
        let owner = test.owner("o@example.com").await;
        let (asha, checkout) = test.mismatched(51_180).await;
        let calls = (0..12).map(|number| match number % 2 {
            0 => accept(&owner, &checkout.order_id, &json!({})),
            _ => refund(&owner, &checkout.order_id, &json!({ "payment_id": checkout.payment_id })),
        });
        let answers = test.send_together(calls.collect()).await;
        let won = |parity: usize, status: u16| {
            let of = answers.iter().skip(parity).step_by(2);
            of.filter(|answer| answer.status == status).count()
        };
        let (accepted, refunded) = (won(0, 200), won(1, 202));
        assert_ne!(accepted > 0, refunded > 0, "{accepted} accepted, {refunded} refunded");
        let ended = outcome(&test, &asha, &checkout.payment_id).await;
        assert_eq!(ended, (accepted > 0, refunded > 0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_whose_process_dies_can_decide_again_and_decides_once() {
    let deaths = (0..5).flat_map(|number| [Death::Before(number), Death::After(number)]);
    for death in deaths {
        for is_accept in [true, false] {
            let test = TestApp::start().await;
            let owner = test.owner("o@example.com").await;
            let (asha, checkout) = test.mismatched(51_180).await;
            let call = if is_accept {
                accept(&owner, &checkout.order_id, &json!({}))
            } else {
                let call = refund(&owner, &checkout.order_id, &json!({}));
                call.header("idempotency-key", "k-1")
            };
            let dying_process = test.dying_process(death);
            test.send_to(&dying_process.app, call.clone()).await;
            let again = test.send(call).await;
            assert_eq!(again.status, if is_accept { 200 } else { 202 }, "{death:?}");
            let ended = outcome(&test, &asha, &checkout.payment_id).await;
            assert_eq!(ended, (is_accept, !is_accept), "{death:?}");
            let path = format!("/payments/{}/refunds", checkout.payment_id);
            let refunds = test.at_partner(&path).await["count"].clone();
            assert_eq!(refunds, json!(u32::from(!is_accept)), "{death:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_reports_of_a_mismatch_record_it_once() {
    let test = Arc::new(TestApp::start().await);
    let owner = test.owner("o@example.com").await;
    let (asha, checkout) = test.paid_with(&json!({ "amount_paise": 50_001 })).await;
    let payment = test.payment(&checkout.payment_id).await;
    let calls = (0..20).map(|number| match number % 2 {
        0 => checkout.verify(&asha.token),
        _ => told("payment.captured", &payment),
    });
    let (answers, counts) = tokio::join!(test.send_together(calls.collect()), test.reconcile());
    assert_eq!(counts.get("errors"), None, "{counts}");
    for (index, answer) in answers.into_iter().enumerate() {
        assert_eq!(answer.status, if index % 2 == 0 { 409 } else { 200 });
    }
    assert_eq!(test.mismatches(&asha).await.len(), 1);
    test.settle().await;
    let list = test.list(&owner, "/owner/notifications", 100).await;
    let told = list.iter().filter(|it| it["kind"] == "payment_mismatch").count();
    assert_eq!(told, 1, "{list:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_payment_and_an_accepted_one_issue_the_tokens_once() {
    let test = Arc::new(TestApp::start().await);
    let owner = test.owner("o@example.com").await;
    let asha = test.student("asha@example.com").await;
    let order_id = test.order_tokens(&asha, 10).await;
    let right = test.pay(&order_id, json!({ "outcome": "authorized" })).await;
    let wrong = json!({ "outcome": "captured", "amount_paise": 51_180 });
    let wrong = test.pay(&order_id, wrong).await;
    assert_eq!(test.send(wrong.verify(&asha.token)).await.problem(409), "amount_mismatch");
    test.capture_late(&right.payment_id).await;
    let calls = vec![accept(&owner, &order_id, &json!({})), right.verify(&asha.token)];
    test.send_together(calls).await;
    assert_eq!(test.token_count(&asha).await, 10);
    test.send(told("payment.captured", &test.payment(&right.payment_id).await)).await.expect(200);
    let purchase = test.single_purchase(&asha).await;
    let open: Vec<_> =
        test.mismatches(&asha).await.into_iter().filter(|it| it.2 == "open").collect();
    let paid_by = purchase["payment_id"].as_str().expect("paid").to_owned();
    let other = if paid_by == right.payment_id { &wrong } else { &right };
    assert_eq!(open.len(), 1, "{open:?}");
    assert_eq!(open[0].0, other.payment_id, "the other payment waits for a decision");
}
