//! The member item of a student, which the counter reads, stays equal to the account, whatever
//! changes the account and in whatever order.

use std::sync::Arc;

use serde_json::{Value, json};
use thali_domain::accounts::identity::AccountStatus::{self, Active, Blocked, PendingApproval};
use thali_domain::ids::{AccountId, PictureId};
use thali_domain::pictures::{PictureFormat, PictureKey};
use thali_platform::store::{Account, Consistency, Member, StudentDecideError, keys};

use super::{approve, block, id_of};
use crate::support::people::Student;
use crate::support::{Call, TestApp};

/// How often each race is run.
const ROUNDS: usize = 6;

fn change(student: &Student, body: &Value) -> Call {
    Call::patch("/student/profile", body).bearer(&student.token)
}

impl TestApp {
    async fn account_of(&self, id: AccountId) -> Account {
        let found = self.app.store.account_get(id, Consistency::Strong).await.expect("read");
        found.expect("an account")
    }

    /// Deletes the member item, as if the account were older than the first member items.
    async fn delete_member(&self, id: AccountId) {
        self.dynamo.take("meals", &keys::member(&self.mess_id, id)).await;
    }
}

/// Asserts that the member item equals the account; returns the member.
async fn assert_member_equals_account(test: &TestApp, id: AccountId) -> Member {
    let (account, member) = (test.account_of(id).await, test.member(id).await);
    assert_eq!(member.account_id, account.account_id);
    assert_eq!(member.mess_id, account.mess_id);
    assert_eq!(member.status, account.status);
    assert_eq!(member.name, account.name);
    assert_eq!(member.roll_no, account.roll_no);
    assert_eq!(member.room_no, account.room_no);
    assert_eq!(member.picture_key, account.picture_key);
    member
}

fn picture(id: AccountId, test: &TestApp) -> PictureKey {
    let picture_id = PictureId::from_ulid(test.app.clock.ulid());
    PictureKey { account_id: id, picture_id, format: PictureFormat::Png }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_change_updates_the_member_in_the_same_write() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let id = id_of(&asha.account_id);
    let before = assert_member_equals_account(&test, id).await;
    for body in [
        json!({ "full_name": "Asha Kumari", "roll_no": "B21-7", "room_no": "A 12" }),
        json!({ "full_name": "Asha K." }),
        json!({ "room_no": "A 13", "bio": "I cook." }),
        json!({ "roll_no": "B21-8", "room_no": null }),
        json!({ "roll_no": null }),
    ] {
        test.send(change(&asha, &body)).await.expect(200);
        let member = assert_member_equals_account(&test, id).await;
        assert_eq!(member.qr_nonce, before.qr_nonce, "{body}: the code stays");
    }
    let refused = json!({ "full_name": "Somebody", "roll_no": "B21-9" });
    let ravi = test.student("ravi@example.com").await;
    test.send(change(&ravi, &json!({ "roll_no": "B21-9" }))).await.expect(200);
    assert_eq!(test.send(change(&asha, &refused)).await.problem(409), "roll_no_taken");
    assert_eq!(
        assert_member_equals_account(&test, id).await.name.as_str(),
        "Asha K.",
        "all or nothing"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_irrelevant_to_the_counter_do_not_write_the_member() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let body = json!({ "full_name": "Asha Kumari", "roll_no": "B21-7", "room_no": "A 12" });
    test.send(change(&asha, &body)).await.expect(200);
    test.dynamo.new_changes().await;
    test.send(change(&asha, &body)).await.expect(200);
    assert_eq!(test.dynamo.new_changes().await.len(), 0, "a replay writes nothing");

    let mut more = body;
    more["bio"] = json!("I cook.");
    let answer = test.send(change(&asha, &more)).await.expect(200);
    assert_eq!(answer.body["account"]["bio"], "I cook.");
    let changes = test.dynamo.new_changes().await;
    assert_eq!(changes.len(), 1, "the account alone: {changes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_picture_is_shown_at_the_counter() {
    let test = TestApp::start().await;
    let id = id_of(&test.student("asha@example.com").await.account_id);
    let older = picture(id, &test);
    test.advance(jiff::SignedDuration::from_secs(1));
    let newer = picture(id, &test);
    let store = &test.app.store;
    for (put, expected) in [(older, older), (newer, newer), (older, newer), (newer, newer)] {
        let current = store.picture_put(&put, &test.stamp()).await.expect("written");
        assert_eq!(current, Some(expected));
        assert_eq!(assert_member_equals_account(&test, id).await.picture_key, Some(expected));
    }
    let nobody = picture("acc_00000000000000000000000007".parse().expect("an id"), &test);
    let of_nobody = store.picture_put(&nobody, &test.stamp()).await.expect("looked");
    assert_eq!(of_nobody, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_changes_leave_counter_and_account_equal() {
    let test = Arc::new(TestApp::start().await);
    let owner = test.owner("owner@example.com").await;
    for round in 0..ROUNDS {
        let asha = test.student(&format!("asha{round}@example.com")).await;
        let id = id_of(&asha.account_id);
        if round % 2 == 0 {
            test.delete_member(id).await;
        }
        let mut calls = vec![approve(&owner, &asha.account_id)];
        for body in [
            json!({ "full_name": "One", "room_no": "A 1" }),
            json!({ "full_name": "Two", "room_no": null }),
            json!({ "roll_no": format!("R{round}"), "room_no": "A 3" }),
            json!({ "roll_no": null, "full_name": "Four" }),
        ] {
            calls.push(change(&asha, &body));
        }
        let uploaded = picture(id, &test);
        let shown = {
            let test = Arc::clone(&test);
            tokio::spawn(async move { test.app.store.picture_put(&uploaded, &test.stamp()).await })
        };
        for answer in test.send_together(calls).await {
            answer.expect(200);
        }
        assert_eq!(shown.await.expect("no panic").expect("written"), Some(uploaded));
        assert_member_equals_account(&test, id).await;
        // Only the block must succeed: it ends the session that the profile change uses.
        let calls =
            vec![block(&owner, &asha.account_id), change(&asha, &json!({ "room_no": "B" }))];
        test.send_together(calls).await.remove(0).expect(200);
        assert_eq!(assert_member_equals_account(&test, id).await.status, Blocked);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_on_an_outdated_account_does_not_restore_removed_data() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let id = id_of(&asha.account_id);
    let full = json!({ "full_name": "Asha Kumari", "roll_no": "B21-7", "room_no": "A 12" });
    test.send(change(&asha, &full)).await.expect(200);
    let stale = test.account_of(id).await;
    let member = test.member(id).await;
    test.send(change(&asha, &json!({ "roll_no": null, "room_no": null }))).await.expect(200);

    // The owner's decision uses the account as it was read before that change.
    let store = &test.app.store;
    let decided =
        store.student_decide((&stale, Some(&member)), Blocked, None, &[], &test.stamp()).await;
    assert!(matches!(decided, Err(StudentDecideError::Overtaken)), "look again: {decided:?}");
    let member = assert_member_equals_account(&test, id).await;
    assert_eq!((member.status, member.roll_no, member.room_no), (Active, None, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_student_without_a_member_item_gets_one_at_the_next_change() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let asha = test.student("asha@example.com").await;
    let id = id_of(&asha.account_id);
    test.send(change(&asha, &json!({ "full_name": "Asha", "room_no": "A 12" }))).await.expect(200);

    test.delete_member(id).await;
    test.send(change(&asha, &json!({ "bio": "I cook." }))).await.expect(200);
    let read = test.app.store.member_get(&test.mess_id, id).await.expect("read");
    assert_eq!(read, None, "the counter does not need a bio");
    test.send(change(&asha, &json!({ "room_no": "A 13" }))).await.expect(200);
    assert_eq!(assert_member_equals_account(&test, id).await.status, Active);

    test.delete_member(id).await;
    let uploaded = picture(id, &test);
    test.app.store.picture_put(&uploaded, &test.stamp()).await.expect("written");
    assert_member_equals_account(&test, id).await;

    test.delete_member(id).await;
    test.send(block(&owner, &asha.account_id)).await.expect(200);
    assert_eq!(assert_member_equals_account(&test, id).await.status, Blocked);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_requests_create_the_same_missing_member() {
    let test = Arc::new(TestApp::start().await);
    for status in AccountStatus::ALL.iter().copied() {
        let email = format!("{}@example.com", status.as_str().replace('_', "-"));
        let id = id_of(&test.student_with(&email, status).await);
        test.delete_member(id).await;
        let ensure = |test: Arc<TestApp>| async move {
            let ensured = test.app.store.member_ensured(&test.mess_id, id, &test.stamp()).await;
            ensured.expect("answered").expect("a student")
        };
        let together: Vec<_> = (0..8).map(|_| tokio::spawn(ensure(Arc::clone(&test)))).collect();
        let member = ensure(Arc::clone(&test)).await;
        for other in together {
            assert_eq!(other.await.expect("no panic"), member, "one code, one version");
        }
        assert_eq!(assert_member_equals_account(&test, id).await, member);
        assert_eq!(member.status, status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_students_of_the_mess_become_members() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let nobody = "acc_00000000000000000000000007";
    for id in [owner.account_id.as_str(), nobody] {
        let store = &test.app.store;
        let ensured = store.member_ensured(&test.mess_id, id_of(id), &test.stamp()).await;
        assert_eq!(ensured.expect("answered"), None, "{id}");
    }
    let id = id_of(&test.student_with("asha@example.com", PendingApproval).await);
    let elsewhere = "mess_other".parse().expect("an id");
    let ensured = test.app.store.member_ensured(&elsewhere, id, &test.stamp()).await;
    assert_eq!(ensured.expect("answered"), None, "not of this mess");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_created_during_a_block_is_also_blocked() {
    let test = Arc::new(TestApp::start().await);
    let owner = test.owner("owner@example.com").await;
    for round in 0..ROUNDS {
        let account = test.student_with(&format!("asha{round}@example.com"), Active).await;
        let id = id_of(&account);
        test.delete_member(id).await;
        let ensuring = {
            let test = Arc::clone(&test);
            tokio::spawn(async move {
                test.app.store.member_ensured(&test.mess_id, id, &test.stamp()).await
            })
        };
        test.send(block(&owner, &account)).await.expect(200);
        ensuring.await.expect("no panic").expect("answered").expect("a student");
        assert_eq!(assert_member_equals_account(&test, id).await.status, Blocked);
    }
}
