//! Invites: an owner creates a code, and one person can sign up with that code once.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use thali_domain::mess::Approval;

use crate::support::people::{PASSWORD, Student, code_in};
use crate::support::{Answer, Call, TestApp};

fn invite(owner: &Student, body: &Value) -> Call {
    Call::post("/api/v1/invites", body).bearer(&owner.token)
}

/// Creates an invite; returns its code.
async fn invited(test: &TestApp, owner: &Student, role: &str) -> String {
    let answer = test.send(invite(owner, &json!({ "role": role }))).await.expect(201);
    answer.text("code").to_owned()
}

fn wanted(email: &str, role: &str, code: &str) -> Value {
    json!({ "email": email, "password": PASSWORD, "role": role, "invite_code": code })
}

async fn sign_up(test: &TestApp, body: &Value) -> Answer {
    test.send(Call::post("/sign-up", body)).await
}

/// Signs up and verifies the code from the mail.
async fn enter(test: &TestApp, body: &Value) -> Answer {
    let registration = sign_up(test, body).await.expect(202);
    let mails = test.settle().await;
    let verify = json!({
        "registration_id": registration.text("registration_id"), "otp": code_in(&mails[0]),
    });
    test.send(Call::post("/sign-up/otp-verify", &verify)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn invited_staff_and_owners_are_active_even_if_students_need_approval() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let strict = Call::patch("/api/v1/mess", &json!({ "approval": "required" }));
    test.send(strict.bearer(&owner.token)).await.expect(200);
    for role in ["staff", "owner"] {
        let email = format!("{role}-2@example.com");
        let code = invited(&test, &owner, role).await;
        let account = enter(&test, &wanted(&email, role, &code)).await.expect(201);
        assert_eq!(account.body["account"]["role"], role);
        assert_eq!(account.body["account"]["status"], "active");
        assert_eq!(account.body["account"]["mess_id"], "mess_demo");
        let login = test.log_in(&email).await.expect(200);
        let call = invite(&owner, &json!({ "role": "staff" })).bearer(login.text("access_token"));
        test.send(call).await.expect(if role == "owner" { 201 } else { 403 });
    }
    let student = test.sign_up_and_verify("asha@example.com").await.expect(201);
    assert_eq!(student.body["account"]["status"], "pending_approval");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invite_code_is_returned_once_and_only_its_hash_is_stored() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let answer = test.send(invite(&owner, &json!({ "role": "staff" }))).await.expect(201);
    assert_eq!(answer.body["role"], "staff");
    let expires_at: Timestamp = answer.text("expires_at").parse().expect("a time");
    assert_eq!(expires_at, test.now() + SignedDuration::from_hours(72));
    let code = answer.text("code");
    assert_ne!(code, invited(&test, &owner, "staff").await, "each code is different");
    let stored = format!("{:?}", test.dynamo.items("accounts").await);
    assert!(stored.contains("#invite#") && !stored.contains(code), "only its hash is stored");
    test.settle().await;
    let trail = format!("{:?}", test.dynamo.items("audit").await);
    assert!(trail.contains("#invite#") && !trail.contains(code), "the trail has no code");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_works_once_for_its_role_and_mess_within_three_days() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    test.create_mess("mess_other", Approval::Automatic).await;
    let used = invited(&test, &owner, "staff").await;
    enter(&test, &wanted("first@example.com", "staff", &used)).await.expect(201);
    let expired = invited(&test, &owner, "staff").await;
    test.advance(SignedDuration::from_hours(72));
    let owner = test.log_in_again(&owner).await;
    let good = invited(&test, &owner, "staff").await;
    let mut elsewhere = wanted("second@example.com", "staff", &good);
    elsewhere["mess_id"] = json!("mess_other");
    for refused in [
        wanted("second@example.com", "staff", &used),
        wanted("second@example.com", "staff", &expired),
        wanted("second@example.com", "owner", &good),
        wanted("second@example.com", "student", &good),
        elsewhere,
    ] {
        assert_eq!(sign_up(&test, &refused).await.problem(409), "invite_invalid", "{refused}");
    }
    enter(&test, &wanted("second@example.com", "staff", &good)).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_owners_invite_and_only_staff_or_owners_are_invited() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    for refused in [json!({ "role": "student" }), json!({ "role": "cook" }), json!({})] {
        let answer = test.send(invite(&owner, &refused)).await;
        assert_eq!(answer.wrong_fields(), ["role"], "{refused}");
    }
    let answer = test.send(invite(&owner, &json!({ "role": "staff", "mess_id": "x" }))).await;
    assert_eq!(answer.wrong_fields(), ["mess_id"]);
    let asha = test.student("asha@example.com").await;
    let answer = test.send(invite(&asha, &json!({ "role": "staff" }))).await;
    assert_eq!(answer.problem(403), "wrong_role");
    let nobody = Call::post("/api/v1/invites", &json!({ "role": "staff" }));
    assert_eq!(test.send(nobody).await.problem(401), "unauthenticated");
}
