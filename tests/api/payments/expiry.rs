//! Warnings before tokens expire: which students are warned, when, and how often.

use jiff::SignedDuration;
use serde_json::{Value, json};
use thali_domain::ids::{AccountId, RazorpayOrderId};
use thali_domain::tokens::purchases::Purchase;
use thali_functions::jobs::expire_tokens::JOB;
use thali_platform::mail::Mail;

use super::{REFUSAL_FINAL_AFTER, refund};
use crate::support::TestApp;

const DAY: SignedDuration = SignedDuration::from_hours(24);

impl TestApp {
    /// Runs the job; returns its counts `looked_at`, `warned` and `gone`.
    async fn expire(&self) -> (u64, u64, u64) {
        let did: Value = (JOB.run)(&self.app, &json!({})).await.expect("it runs");
        let count = |name: &str| did[name].as_u64().expect("a number");
        assert_eq!(count("errors"), 0);
        (count("looked_at"), count("warned"), count("gone"))
    }

    /// Processes all pending changes; returns the warnings among the mails sent.
    async fn warnings(&self) -> Vec<Mail> {
        let mut mails = self.settle().await;
        mails.retain(|mail| mail.subject.contains("expire"));
        mails
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_student_is_warned_once_in_the_week_before_expiry() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    test.buy_tokens(&asha, 5).await;
    test.send(TestApp::submit(&asha, 2)).await.expect(201);
    test.settle().await;
    for days in [1, 80] {
        test.advance(days * DAY);
        assert_eq!(test.expire().await, (0, 0, 0));
    }
    // Six hours too early: the job already looks at this expiry date, but does not warn yet.
    test.advance(SignedDuration::from_hours(42));
    assert_eq!(test.expire().await, (1, 0, 0));
    assert_eq!(test.warnings().await.len(), 0);

    test.advance(SignedDuration::from_hours(6));
    assert_eq!(test.expire().await, (1, 1, 0));
    let warnings = test.warnings().await;
    assert_eq!(warnings.len(), 1);
    assert_eq!(warnings[0].to.as_str(), "asha@example.com");
    assert_eq!(warnings[0].subject, "3 meal tokens of Demo Mess expire soon");
    for told in ["3 meal tokens", "Demo Mess", "15 April 2026, 12:00", "https://thali.test"] {
        assert!(warnings[0].text.contains(told), "{told} in {}", warnings[0].text);
        assert!(warnings[0].html.contains(told), "{told} in {}", warnings[0].html);
    }
    for _ in 0..8 {
        assert_eq!(test.expire().await, (0, 0, 0), "once");
        test.advance(DAY);
    }
    assert_eq!(test.warnings().await.len(), 0);
    let asha = test.log_in_again(&asha).await;
    let fates = test.list(&asha, "/student/token-history", 100).await;
    let statuses: Vec<&str> = fates.iter().filter_map(|token| token["status"].as_str()).collect();
    assert_eq!(statuses, ["redeemed", "redeemed", "expired", "expired", "expired"]);
    assert_eq!(test.token_count(&asha).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_run_still_warns_until_the_moment_of_expiry() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    test.buy_tokens(&asha, 5).await;
    test.settle().await;
    test.advance(90 * DAY - SignedDuration::from_millis(1));
    let asha = test.log_in_again(&asha).await;
    assert_eq!(test.token_count(&asha).await, 5);
    assert_eq!(test.expire().await, (1, 1, 0));
    assert_eq!(test.warnings().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warning_is_not_sent_after_the_tokens_have_expired() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    test.buy_tokens(&asha, 5).await;
    test.settle().await;
    test.advance(89 * DAY);
    assert_eq!(test.expire().await, (1, 1, 0));
    test.advance(DAY);
    assert_eq!(test.warnings().await.len(), 0);

    let ravi = test.student("ravi@example.com").await;
    test.buy_tokens(&ravi, 5).await;
    test.settle().await;
    test.advance(90 * DAY);
    assert_eq!(test.expire().await, (1, 0, 1), "nothing to warn of");
    assert_eq!(test.expire().await, (0, 0, 0));
    assert_eq!(test.warnings().await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn redeemed_or_refunded_tokens_cause_no_warning() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    test.buy_tokens(&asha, 2).await;
    test.send(TestApp::submit(&asha, 2)).await.expect(201);
    let given_back = test.buy_tokens(&asha, 3).await;
    test.advance(85 * DAY);
    let owner = test.owner("o@example.com").await;
    test.send(refund(&owner, &given_back.order_id, &json!({}))).await.expect(202);
    assert_eq!(test.expire().await, (2, 0, 1), "a pending refund may fail");
    test.settle().await;
    assert_eq!(test.expire().await, (1, 0, 1));
    assert_eq!(test.expire().await, (0, 0, 0));
    assert_eq!(test.warnings().await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_student_is_warned_of_tokens_that_a_failed_refund_returns() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let checkout = test.buy_tokens(&asha, 3).await;
    test.settle().await;
    test.advance(85 * DAY);
    let owner = test.owner("o@example.com").await;
    test.send(refund(&owner, &checkout.order_id, &json!({}))).await.expect(202);
    assert_eq!(test.expire().await, (1, 0, 0), "the tokens may return");
    test.advance(REFUSAL_FINAL_AFTER);
    test.partner_fails(json!({ "status": 400 })).await;
    test.settle().await;
    assert_eq!(test.expire().await, (1, 1, 0));
    assert_eq!(test.warnings().await[0].subject, "3 meal tokens of Demo Mess expire soon");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warning_about_one_token_uses_the_singular() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    test.buy_tokens(&asha, 1).await;
    test.settle().await;
    test.advance(85 * DAY);
    assert_eq!(test.expire().await, (1, 1, 0));
    let warning = test.warnings().await.remove(0);
    assert_eq!(warning.subject, "1 meal token of Demo Mess expires soon");
    for part in [&warning.text, &warning.html] {
        assert!(part.contains("1 meal token<") || part.contains("1 meal token "), "{part}");
        assert!(part.contains("After that it expires."), "{part}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warning_decided_before_the_purchase_changed_is_not_written() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let owner = test.owner("o@example.com").await;
    let order_id = test.buy_tokens(&asha, 4).await.order_id;
    let account_id = AccountId::parse(&asha.account_id).expect("an id");
    let order = RazorpayOrderId::parse(&order_id).expect("an id");
    let store = &test.app.store;
    let read = async || {
        let found = store.purchase_get(account_id, &order).await.expect("it can be read");
        found.expect("it is there")
    };
    let warn = async |purchase: &Purchase, tokens| {
        store.purchase_warn(purchase, tokens, &test.stamp()).await.expect("it can be written")
    };
    let untouched = read().await;
    test.send(TestApp::submit(&asha, 1)).await.expect(201);
    assert!(!warn(&untouched, 4).await, "one was redeemed");

    let redeemed = read().await;
    test.send(refund(&owner, &order_id, &json!({ "token_count": 2 }))).await.expect(202);
    assert!(!warn(&redeemed, 3).await, "two are reserved for a refund");

    let in_hand = read().await;
    test.settle().await;
    assert!(!warn(&in_hand, 1).await, "the refund has ended");

    test.send(TestApp::submit(&asha, 1)).await.expect(201);
    test.settle().await;
    assert!(!warn(&in_hand, 1).await, "none is left");
    assert_eq!(test.warnings().await.len(), 0);

    let bought = test.buy_tokens(&asha, 2).await.order_id;
    let bought = RazorpayOrderId::parse(&bought).expect("an id");
    let unchanged = store.purchase_get(account_id, &bought).await.expect("it can be read");
    let unchanged = unchanged.expect("it is there");
    assert!(warn(&unchanged, 2).await);
    assert!(!warn(&unchanged, 2).await, "once");
    assert_eq!(test.warnings().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_without_warning_leaves_the_index_two_days_after_expiry() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    test.buy_tokens(&asha, 5).await;
    test.settle().await;
    test.advance(92 * DAY);
    assert_eq!(test.expire().await, (1, 0, 1));
    assert_eq!(test.expire().await, (0, 0, 0));
    assert_eq!(test.warnings().await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_concurrent_runs_warn_once_about_each_purchase() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    for _ in 0..4 {
        test.buy_tokens(&asha, 2).await;
    }
    test.settle().await;
    test.advance(85 * DAY);
    let (one, two) = tokio::join!(test.expire(), test.expire());
    assert_eq!(one.1 + two.1, 4);
    assert_eq!(test.warnings().await.len(), 4);
}
