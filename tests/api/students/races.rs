//! Decisions that race with logins, refreshes and other decisions. In every order, a blocked
//! student has no working session.

use std::sync::Arc;

use serde_json::json;
use thali_domain::accounts::identity::AccountStatus::{Active, Blocked, PendingApproval};

use super::{approve, assert_no_access, block, decide, login, read, refresh};
use crate::support::{Answer, TestApp};

/// How often each race is run.
const ROUNDS: usize = 8;

/// All answers after the first one. Asserts that the first one succeeded.
fn rest_after_success(mut answers: Vec<Answer>) -> Vec<Answer> {
    let others = answers.split_off(1);
    answers.remove(0).expect(200);
    others
}

#[tokio::test(flavor = "multi_thread")]
async fn no_login_survives_a_concurrent_block() {
    let test = Arc::new(TestApp::start().await);
    let owner = test.owner("owner@example.com").await;
    for round in 0..ROUNDS {
        let email = format!("student{round}@example.com");
        let id = test.student_with(&email, Active).await;
        let mut calls = vec![block(&owner, &id)];
        calls.extend((0..6).map(|_| login(&email)));
        let logins = rest_after_success(test.send_together(calls).await);
        for refused in logins.iter().filter(|answer| answer.status != 200) {
            assert_eq!(refused.problem(403), "account_closed");
        }
        assert_no_access(&test, &email, &id, &logins).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_refresh_survives_a_concurrent_block() {
    let test = Arc::new(TestApp::start().await);
    let owner = test.owner("owner@example.com").await;
    for round in 0..ROUNDS {
        let email = format!("student{round}@example.com");
        let id = test.student_with(&email, Active).await;
        let mut calls = vec![block(&owner, &id)];
        for _ in 0..4 {
            let session = test.log_in(&email).await.expect(200);
            test.send(read(session.text("access_token"))).await.expect(200);
            calls.push(refresh(&session.cookie()));
        }
        let refreshes = rest_after_success(test.send_together(calls).await);
        for refused in refreshes.iter().filter(|answer| answer.status != 200) {
            assert!([401, 403].contains(&refused.status), "{}", refused.body);
        }
        assert_no_access(&test, &email, &id, &refreshes).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_match_the_status_after_a_concurrent_approval_and_block() {
    let test = Arc::new(TestApp::start().await);
    let owner = test.owner("owner@example.com").await;
    for round in 0..ROUNDS {
        let email = format!("student{round}@example.com");
        let id = test.student_with(&email, PendingApproval).await;
        let waiting = test.log_in(&email).await.expect(200);
        let calls = vec![block(&owner, &id), approve(&owner, &id), login(&email)];
        let mut answers = rest_after_success(test.send_together(calls).await);
        answers.remove(0).expect(200);
        answers.push(waiting);
        match test.status_of(&id).await {
            Blocked => assert_no_access(&test, &email, &id, &answers).await,
            status => {
                assert_eq!(status, Active);
                let again = test.log_in(&email).await.expect(200);
                test.send(read(again.text("access_token"))).await.expect(200);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_wins_over_a_concurrent_rejection() {
    let test = Arc::new(TestApp::start().await);
    let owner = test.owner("owner@example.com").await;
    for round in 0..ROUNDS {
        let id = test.student_with(&format!("student{round}@example.com"), PendingApproval).await;
        let reject = decide(&owner, &id, "reject", &json!({}));
        let rejected =
            rest_after_success(test.send_together(vec![approve(&owner, &id), reject]).await);
        if rejected[0].status != 200 {
            assert_eq!(rejected[0].problem(409), "wrong_status");
        }
        assert_eq!(test.status_of(&id).await, Active);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_concurrent_identical_decisions_are_written_once() {
    let test = Arc::new(TestApp::start().await);
    let owner = test.owner("owner@example.com").await;
    for decision in ["approve", "reject", "block"] {
        let id = test.student_with(&format!("{decision}@example.com"), PendingApproval).await;
        test.dynamo.new_changes().await;
        let calls = vec![decide(&owner, &id, decision, &json!({})); 10];
        for answer in test.send_together(calls).await {
            answer.expect(200);
        }
        // The account and the member item.
        assert_eq!(test.dynamo.new_changes().await.len(), 2, "{decision}");
    }
}
