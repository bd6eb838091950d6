//! The security code: wrong codes are counted and cause a lock. Only for an active account is
//! the code checked at all.

use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::json;
use thali_domain::ids::{AccountId, SubmissionId};
use thali_domain::tokens::redeeming::{Selection, Submission, redeem as redeem_tokens};
use thali_platform::store::{Consistency, SubmissionError};

use super::{PIN, SUBMISSIONS, redeem};
use crate::support::people::{PASSWORD, Student};
use crate::support::{Answer, TestApp};

async fn try_code(test: &TestApp, student: &Student, code: &str) -> Answer {
    test.send(redeem(student, &json!({ "count": 1 }), code)).await
}

/// Tries a wrong code; asserts how many attempts are left.
async fn wrong(test: &TestApp, student: &Student, attempts_left: u64) {
    let answer = try_code(test, student, "1357").await;
    assert_eq!(answer.problem(403), "security_code_wrong");
    assert_eq!(answer.body["attempts_left"], attempts_left);
}

/// Asserts that the lock refuses `code`; returns the seconds to wait.
async fn locked(test: &TestApp, student: &Student, code: &str) -> u64 {
    let answer = try_code(test, student, code).await;
    assert_eq!(answer.problem(429), "security_code_locked");
    answer.header("retry-after").parse().expect("a number of seconds")
}

/// A student with tokens and a PIN.
async fn student_with_pin(test: &TestApp) -> Student {
    let asha = test.student("asha@example.com").await;
    test.buy_tokens(&asha, 10).await;
    test.set_pin(&asha).await;
    asha
}

#[tokio::test(flavor = "multi_thread")]
async fn five_wrong_codes_lock_even_the_right_code_for_fifteen_minutes() {
    let test = TestApp::start().await;
    let asha = student_with_pin(&test).await;
    for attempts_left in [4, 3, 2, 1, 0] {
        wrong(&test, &asha, attempts_left).await;
    }
    let wait_s = locked(&test, &asha, PIN).await;
    assert!((900..=901).contains(&wait_s), "{wait_s}");
    locked(&test, &asha, "1357").await;
    assert_eq!(test.token_count(&asha).await, 10);

    test.advance(SignedDuration::from_mins(14));
    let wait_s = locked(&test, &asha, PIN).await;
    assert!((60..=61).contains(&wait_s), "{wait_s}");
    test.advance(SignedDuration::from_millis(59_999));
    assert_eq!(locked(&test, &asha, PIN).await, 1, "attempts do not extend the lock");

    test.advance(SignedDuration::from_millis(1));
    let asha = test.log_in_again(&asha).await;
    try_code(&test, &asha, PIN).await.expect(201);
    wrong(&test, &asha, 4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_code_resets_the_count_of_wrong_codes() {
    let test = TestApp::start().await;
    let asha = student_with_pin(&test).await;
    for _ in 0..3 {
        for attempts_left in [4, 3, 2, 1] {
            wrong(&test, &asha, attempts_left).await;
        }
        try_code(&test, &asha, PIN).await.expect(201);
    }
    assert_eq!(test.token_count(&asha).await, 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_codes_are_forgotten_after_fifteen_minutes() {
    let test = TestApp::start().await;
    let asha = student_with_pin(&test).await;
    for attempts_left in [4, 3, 2, 1] {
        wrong(&test, &asha, attempts_left).await;
    }
    test.advance(SignedDuration::from_mins(15));
    let asha = test.log_in_again(&asha).await;
    wrong(&test, &asha, 4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_wrong_codes_are_each_counted() {
    let test = Arc::new(TestApp::start().await);
    for round in 0..5 {
        let student = test.student(&format!("student{round}@example.com")).await;
        test.set_pin(&student).await;
        let calls = vec![redeem(&student, &json!({ "count": 1 }), "1357"); 4];
        let mut left = Vec::new();
        for answer in test.send_together(calls).await {
            assert_eq!(answer.problem(403), "security_code_wrong");
            left.push(answer.body["attempts_left"].as_u64().expect("a number"));
        }
        left.sort_unstable();
        assert_eq!(left, [1, 2, 3, 4]);
        wrong(&test, &student, 0).await;
        locked(&test, &student, PIN).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_concurrent_wrong_codes_lock_after_five_attempts() {
    let test = Arc::new(TestApp::start().await);
    let asha = student_with_pin(&test).await;
    let calls = vec![redeem(&asha, &json!({ "count": 1 }), "1357"); 20];
    let mut told_wrong = 0;
    for answer in test.send_together(calls).await {
        if answer.status == 403 {
            assert_eq!(answer.problem(403), "security_code_wrong");
            told_wrong += 1;
        } else {
            assert_eq!(answer.problem(429), "security_code_locked");
        }
    }
    assert_eq!(told_wrong, 5, "the sixth and later learn nothing about their guess");
    locked(&test, &asha, PIN).await;
    assert_eq!(test.list(&asha, SUBMISSIONS, 100).await.len(), 0);
    test.advance(SignedDuration::from_mins(15));
    let asha = test.log_in_again(&asha).await;
    try_code(&test, &asha, PIN).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_password_is_the_security_code_until_one_is_set() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    test.buy_tokens(&asha, 5).await;
    let answer = try_code(&test, &asha, "not the password").await;
    assert_eq!(answer.problem(403), "security_code_wrong");
    try_code(&test, &asha, PASSWORD).await.expect(201);

    test.set_pin(&asha).await;
    let answer = try_code(&test, &asha, PASSWORD).await;
    assert_eq!(answer.problem(403), "security_code_wrong");
    try_code(&test, &asha, PIN).await.expect(201);
    assert_eq!(test.token_count(&asha).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_security_code_hash_works_only_for_its_account() {
    let test = TestApp::start().await;
    let asha = student_with_pin(&test).await;
    let ravi = test.student("ravi@example.com").await;
    test.buy_tokens(&ravi, 1).await;
    let items = test.dynamo.items("accounts").await;
    let hash = items.iter().find_map(|item| item.get("security_code_hash")).expect("it is set");
    let hash = hash.as_s().expect("text");
    assert!(!hash.contains(PIN), "a code is not stored");
    test.set_in_account(&ravi, "security_code_hash", hash).await;
    let answer = try_code(&test, &ravi, PIN).await;
    assert_eq!(answer.problem(403), "security_code_wrong", "a hash is bound to its account");
    try_code(&test, &asha, PIN).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_active_accounts_can_redeem_whatever_their_session_says() {
    let test = TestApp::start().await;
    let asha = student_with_pin(&test).await;
    for (status, code) in [
        ("blocked", "account_closed"),
        ("rejected", "account_closed"),
        ("pending_approval", "not_approved"),
    ] {
        test.set_in_account(&asha, "status", status).await;
        for security_code in [PIN, "1357"] {
            let answer = try_code(&test, &asha, security_code).await;
            assert_eq!(answer.problem(403), code, "{status}");
        }
    }
    test.set_in_account(&asha, "status", "active").await;
    wrong(&test, &asha, 4).await;
    try_code(&test, &asha, PIN).await.expect(201);
    assert_eq!(test.token_count(&asha).await, 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_code_checked_before_a_lock_cannot_redeem_after_it() {
    let test = TestApp::start().await;
    let asha = student_with_pin(&test).await;
    let account = AccountId::parse(&asha.account_id).expect("an id");
    let store = &test.app.store;
    // The request with the right code has read the account and the purchases …
    let purchases = store.purchases_of(account, Consistency::Strong).await.expect("read");
    let selection = Selection::count(1).expect("one token");
    let redemption = redeem_tokens(&purchases, &selection, test.now()).expect("there are ten");
    // … when five wrong codes are counted.
    for _ in 0..5 {
        wrong_code(&test, &asha).await;
    }
    let submission = Submission {
        submission_id: SubmissionId::from_ulid(test.app.clock.ulid()),
        account_id: account,
        mess_id: test.mess_id.clone(),
        token_ids: redemption.token_ids(),
        submitted_at: test.now(),
        balance: redemption.balance,
    };
    let refused = store.submission_record(&submission, &redemption, None, &test.stamp()).await;
    assert!(matches!(refused, Err(SubmissionError::AccountChanged)), "{refused:?}");
    assert_eq!(test.token_count(&asha).await, 10);
}

async fn wrong_code(test: &TestApp, student: &Student) {
    let answer = try_code(test, student, "1357").await;
    assert_eq!(answer.problem(403), "security_code_wrong");
}
