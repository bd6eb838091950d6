//! A block or a rejection ends all sessions of the student at once.

use serde_json::json;
use thali_domain::accounts::identity::AccountStatus;
use thali_domain::ids::SessionId;
use thali_platform::store::{Consistency, SessionRecord};

use super::{approve, block, decide, id_of, login, read, refresh};
use crate::support::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn a_block_ends_every_session_and_refuses_new_logins() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let asha = test.student("asha@example.com").await;
    let phone = test.log_in("asha@example.com").await.expect(200);
    let tokens = [asha.token.as_str(), phone.text("access_token")];
    for token in tokens {
        // This request makes Redis cache the session as live.
        test.send(read(token)).await.expect(200);
    }
    test.send(block(&owner, &asha.account_id)).await.expect(200);
    for token in tokens {
        assert_eq!(test.send(read(token)).await.problem(401), "unauthenticated");
    }
    for cookie in [&asha.cookie, &phone.cookie()] {
        assert_eq!(test.send(refresh(cookie)).await.problem(401), "refresh_expired");
    }
    assert_eq!(test.send(login("asha@example.com")).await.problem(403), "account_closed");
    let submission = test.send(TestApp::submit(&asha, 1)).await;
    assert_eq!(submission.problem(401), "unauthenticated");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejection_ends_the_sessions_of_a_pending_student() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let id = test.student_with("asha@example.com", AccountStatus::PendingApproval).await;
    let waiting = test.send(login("asha@example.com")).await.expect(200);
    test.send(decide(&owner, &id, "reject", &json!({}))).await.expect(200);
    let refused = test.send(read(waiting.text("access_token"))).await;
    assert_eq!(refused.problem(401), "unauthenticated");
    assert_eq!(test.send(refresh(&waiting.cookie())).await.problem(401), "refresh_expired");
    assert_eq!(test.send(login("asha@example.com")).await.problem(403), "account_closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_also_works_without_redis() {
    let mut test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let asha = test.student("asha@example.com").await;
    test.redis.stop();
    test.send(block(&owner, &asha.account_id)).await.expect(200);
    assert_eq!(test.send(read(&asha.token)).await.problem(401), "unauthenticated");
    assert_eq!(test.send(refresh(&asha.cookie)).await.problem(401), "refresh_expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn repeating_a_decision_completes_one_that_crashed_halfway() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    for (decision, status) in
        [("block", AccountStatus::Blocked), ("reject", AccountStatus::Rejected)]
    {
        let asha = test.student(&format!("{decision}@example.com")).await;
        test.send(read(&asha.token)).await.expect(200);
        test.set_status(&asha.account_id, status).await;
        test.send(decide(&owner, &asha.account_id, decision, &json!({}))).await.expect(200);
        assert_eq!(test.sessions(&asha.account_id).await, 0);
        assert_eq!(test.send(read(&asha.token)).await.problem(401), "unauthenticated");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_beyond_the_transaction_limit_are_also_ended() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let asha = test.student("asha@example.com").await;
    let id = id_of(&asha.account_id);
    let account = test.app.store.account_get(id, Consistency::Strong).await.expect("read");
    let account = account.expect("there");
    for _ in 0..120 {
        let session = SessionId::from_ulid(test.app.clock.ulid());
        let record = SessionRecord::begin(&account, session, session.to_string(), test.now());
        test.app.store.session_put(&record, &test.stamp()).await.expect("stored");
    }
    assert_eq!(test.sessions(&asha.account_id).await, 121);
    test.send(block(&owner, &asha.account_id)).await.expect(200);
    assert_eq!(test.sessions(&asha.account_id).await, 0);
    assert_eq!(test.send(read(&asha.token)).await.problem(401), "unauthenticated");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_student_approved_after_a_block_must_log_in_again() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let asha = test.student("asha@example.com").await;
    test.buy_tokens(&asha, 3).await;
    test.send(block(&owner, &asha.account_id)).await.expect(200);
    test.send(approve(&owner, &asha.account_id)).await.expect(200);
    assert_eq!(test.send(read(&asha.token)).await.problem(401), "unauthenticated");
    let again = test.send(login("asha@example.com")).await.expect(200);
    let tokens = test.send(read(again.text("access_token"))).await.expect(200);
    assert_eq!(tokens.body["count"], 3);
}
