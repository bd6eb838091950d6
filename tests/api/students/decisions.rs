//! What an owner can decide about whom, and what a decision leaves behind.

use AccountStatus::{Active, Blocked, PendingApproval, Rejected};
use serde_json::{Value, json};
use thali_domain::identity::{AccountStatus, Role};
use thali_domain::mess::Approval;
use thali_platform::store::keys;
use ulid::Ulid;

use super::{approve, decide, id_of, login, other_mess, read};
use crate::support::people::PASSWORD;
use crate::support::{Call, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn a_student_who_waits_is_approved_and_goes_on_with_the_token_at_hand() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let strict = Call::patch("/api/v1/mess", &json!({ "approval": "required" }));
    test.send(strict.bearer(&owner.token)).await.expect(200);
    let asha = test.student("asha@example.com").await;
    assert_eq!(test.send(read(&asha.token)).await.problem(403), "not_approved");

    let approved = test.send(approve(&owner, &asha.account_id)).await.expect(200);
    assert_eq!(approved.body["student"]["account_id"], asha.account_id);
    assert_eq!(approved.body["student"]["status"], "active");
    test.send(read(&asha.token)).await.expect(200);
    test.buy_tokens(&asha, 2).await;
    test.send(TestApp::submit(&asha, 1)).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_decision_about_each_status_does_what_the_rules_say() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    for (decision, decided, refused) in [
        ("approve", Active, [].as_slice()),
        ("reject", Rejected, &[Active, Blocked]),
        ("block", Blocked, &[]),
    ] {
        for status in AccountStatus::ALL {
            let email = format!("{decision}-{}@example.com", status.as_str());
            let id = test.student_with(&email, status).await;
            let answer = test.send(decide(&owner, &id, decision, &json!({}))).await;
            if refused.contains(&status) {
                assert_eq!(answer.problem(409), "wrong_status");
                assert_eq!(answer.body["account_status"], status.as_str());
                assert_eq!(test.status_of(&id).await, status);
            } else {
                assert_eq!(answer.expect(200).body["student"]["status"], decided.as_str());
                assert_eq!(test.status_of(&id).await, decided);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_that_stands_already_writes_nothing() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    for decision in ["approve", "reject", "block"] {
        let id = test.student_with(&format!("{decision}@example.com"), PendingApproval).await;
        let call = decide(&owner, &id, decision, &json!({ "reason": "first" }));
        let first = test.send(call).await.expect(200);
        test.dynamo.new_changes().await;
        let call = decide(&owner, &id, decision, &json!({ "reason": "second" }));
        assert_eq!(test.send(call).await.expect(200).body, first.body);
        assert_eq!(test.dynamo.new_changes().await, Vec::<Value>::new(), "{decision}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_says_who_decided_when_and_why_and_none_keeps_the_reason_of_another() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let id = test.student_with("asha@example.com", PendingApproval).await;
    let key = keys::account(id_of(&id));
    let reason = json!({ "reason": " Not on the roll of this hostel " });
    test.send(decide(&owner, &id, "reject", &reason)).await.expect(200);
    let item = test.dynamo.item("accounts", &key).await;
    assert_eq!(item["decided_by"], owner.account_id);
    assert_eq!(item["decided_at"], test.now().as_millisecond());
    assert_eq!(item["decision_reason"], "Not on the roll of this hostel");

    test.send(approve(&owner, &id)).await.expect(200);
    let item = test.dynamo.item("accounts", &key).await;
    assert!(item["decision_reason"].is_null(), "{item}");
    assert_eq!(item["decided_by"], owner.account_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_body_may_be_absent_and_a_reason_is_one_line() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let id = test.student_with("asha@example.com", PendingApproval).await;
    let path = format!("/api/v1/students/{id}/block");
    for refused in [
        json!({ "reason": "" }),
        json!({ "reason": "two\nlines" }),
        json!({ "reason": 5 }),
        json!({ "reason": "x".repeat(301) }),
    ] {
        let answer = test.send(decide(&owner, &id, "block", &refused)).await;
        assert_eq!(answer.wrong_fields(), ["reason"], "{refused}");
    }
    let list = test.send(decide(&owner, &id, "block", &json!(["left"]))).await;
    assert_eq!(list.wrong_fields(), [""]);
    let unknown = test.send(decide(&owner, &id, "block", &json!({ "why": "x" }))).await;
    assert_eq!(unknown.wrong_fields(), ["why"]);
    let broken = Call::post_raw(&path, "application/json", "{").bearer(&owner.token);
    assert_eq!(test.send(broken).await.problem(400), "malformed_json");
    assert_eq!(test.status_of(&id).await, PendingApproval);

    let longest = json!({ "reason": "x".repeat(300) });
    test.send(decide(&owner, &id, "block", &longest)).await.expect(200);
    test.send(Call::new("POST", &path).bearer(&owner.token)).await.expect(200);
    let empty = Call::post_raw(&path, "application/json", "").bearer(&owner.token);
    test.send(empty).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_not_a_student_of_the_mess_is_not_found() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let (_, other_owner) = other_mess(&test).await;
    let asha = test.student_with("asha@example.com", Active).await;
    let staff = test.account(&test.mess_id, Role::Staff, Active, "staff@example.com").await;
    let staff = staff.account_id.to_string();
    let nobody = format!("acc_{}", Ulid(7));
    for decision in ["approve", "reject", "block"] {
        for id in [&staff, &owner.account_id, &nobody, "acc_1", "mess_demo", "%20"] {
            let answer = test.send(decide(&owner, id, decision, &json!({}))).await;
            assert_eq!(answer.problem(404), "student_not_found", "{decision} {id}");
        }
        let answer = test.send(decide(&other_owner, &asha, decision, &json!({}))).await;
        assert_eq!(answer.problem(404), "student_not_found", "{decision}");
    }
    assert_eq!(test.status_of(&asha).await, Active);
    test.send(Call::get("/api/v1/mess").bearer(&owner.token)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_owner_decides() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let id = test.student_with("ravi@example.com", PendingApproval).await;
    for decision in ["approve", "reject", "block"] {
        let answer = test.send(decide(&asha, &id, decision, &json!({}))).await;
        assert_eq!(answer.problem(403), "wrong_role");
        let nobody = Call::post(&format!("/api/v1/students/{id}/{decision}"), &json!({}));
        assert_eq!(test.send(nobody).await.problem(401), "unauthenticated");
    }
    assert_eq!(test.status_of(&id).await, PendingApproval);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_from_before_the_approval_is_worth_what_the_account_is_now() {
    let test = TestApp::start().await;
    let waiting = test.student_with("asha@example.com", PendingApproval).await;
    let token = test.send(login("asha@example.com")).await.expect(200);
    let token = token.text("access_token").to_owned();
    assert_eq!(test.send(read(&token)).await.problem(403), "not_approved");
    // Behind the app's back, so that the session lives on.
    for (status, code) in [(Rejected, "account_closed"), (Blocked, "account_closed")] {
        test.set_status(&waiting, status).await;
        assert_eq!(test.send(read(&token)).await.problem(403), code);
    }
    test.set_status(&waiting, Active).await;
    test.send(read(&token)).await.expect(200);
    let owners_only = test.send(Call::get("/api/v1/students").bearer(&token)).await;
    assert_eq!(owners_only.problem(403), "wrong_role");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mess_that_requires_approval_lets_students_wait_and_see_it() {
    let test = TestApp::start().await;
    test.create_mess("mess_strict", Approval::Required).await;
    let body = json!({ "email": "a@example.com", "password": PASSWORD, "mess_id": "mess_strict" });
    let registration = test.send(Call::post("/sign-up", &body)).await.expect(202);
    let mails = test.settle().await;
    let code = crate::support::people::code_in(&mails[0]);
    let verify = json!({ "registration_id": registration.text("registration_id"), "otp": code });
    test.send(Call::post("/sign-up/otp-verify", &verify)).await.expect(201);
    let logged_in = test.send(Call::post("/login", &body)).await.expect(200);
    assert_eq!(logged_in.body["account"]["status"], "pending_approval");
    let token = logged_in.text("access_token");
    test.send(Call::get("/api/v1/mess").bearer(token)).await.expect(200);
    assert_eq!(test.send(read(token)).await.problem(403), "not_approved");
}
