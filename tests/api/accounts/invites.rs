//! Owners and staff sign up with an invite. An invite is valid for one account.

use jiff::SignedDuration;
use serde_json::{Value, json};
use thali_domain::accounts::identity::Role;
use thali_domain::mess::Approval;
use thali_platform::store::Invite;

use super::{invite, invited, registered, verify};
use crate::support::people::PASSWORD;
use crate::support::{Answer, Call, TestApp};

fn body(email: &str, role: &str, code: &str) -> Value {
    json!({ "email": email, "password": PASSWORD, "role": role, "invite_code": code })
}

async fn sign_up(test: &TestApp, body: &Value) -> Answer {
    test.send(Call::post("/sign-up", body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn owners_and_staff_need_an_invite() {
    let test = TestApp::start().await;
    for role in ["owner", "staff"] {
        let body = json!({ "email": "a@example.com", "password": PASSWORD, "role": role });
        assert_eq!(sign_up(&test, &body).await.problem(403), "invite_required");
    }
    let staff = invited(&test, "staff@example.com", Role::Staff).await;
    let mess = test.send(Call::get("/api/v1/mess").bearer(&staff.token)).await;
    mess.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_used_expired_or_mismatched_invite_is_refused() {
    let test = TestApp::start().await;
    test.create_mess("mess_other", Approval::Automatic).await;
    let expired = invite(&test, Role::Staff).await;
    test.advance(SignedDuration::from_hours(72));
    let used = invite(&test, Role::Staff).await;
    let person = registered(&test, &body("first@example.com", "staff", &used)).await;
    test.send(verify(&person.id, &person.code)).await.expect(201);
    let good = invite(&test, Role::Staff).await;
    let mut elsewhere = body("b@example.com", "staff", &good);
    elsewhere["mess_id"] = json!("mess_other");
    for refused in [
        body("b@example.com", "staff", "invite-guessed"),
        body("b@example.com", "staff", ""),
        body("b@example.com", "staff", &expired),
        body("b@example.com", "staff", &used),
        body("b@example.com", "owner", &good),
        body("b@example.com", "student", &good),
        elsewhere,
    ] {
        assert_eq!(sign_up(&test, &refused).await.problem(409), "invite_invalid", "{refused}");
    }
    sign_up(&test, &body("b@example.com", "staff", &good)).await.expect(202);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invite_that_expires_before_the_code_is_typed_is_refused() {
    let test = TestApp::start().await;
    let code = invite(&test, Role::Owner).await;
    test.advance(SignedDuration::from_hours(72) - SignedDuration::from_mins(1));
    let person = registered(&test, &body("a@example.com", "owner", &code)).await;
    test.advance(SignedDuration::from_mins(2));
    let refused = test.send(verify(&person.id, &person.code)).await;
    assert_eq!(refused.problem(409), "invite_invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_sign_ups_racing_for_one_invite_create_one_account() {
    let test = TestApp::start().await;
    let code = invite(&test, Role::Owner).await;
    let one = registered(&test, &body("one@example.com", "owner", &code)).await;
    let other = registered(&test, &body("other@example.com", "owner", &code)).await;
    let (one, other) = tokio::join!(
        test.send(verify(&one.id, &one.code)),
        test.send(verify(&other.id, &other.code)),
    );
    let (winner, loser) = if one.status == 201 { (one, other) } else { (other, one) };
    assert_eq!(winner.expect(201).body["account"]["role"], "owner");
    assert_eq!(loser.problem(409), "invite_invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invited_person_needs_no_approval() {
    let test = TestApp::start().await;
    test.create_mess("mess_strict", Approval::Required).await;
    let mess_id = thali_domain::ids::MessId::parse("mess_strict").expect("an id");
    let invite = Invite::new(mess_id, Role::Staff, test.now());
    test.app.store.invite_create("welcome", &invite, &test.stamp()).await.expect("stored");
    let wanted = json!({
        "email": "staff@example.com", "password": PASSWORD, "role": "staff",
        "inviteCode": "welcome", "mess_id": "mess_strict",
    });
    let person = registered(&test, &wanted).await;
    let account = test.send(verify(&person.id, &person.code)).await.expect(201);
    assert_eq!(account.body["account"]["status"], "active");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invite_code_may_be_typed_with_capitals_and_spaces() {
    let test = TestApp::start().await;
    let code = Invite::draw_code();
    let invite = Invite::new(test.mess_id.clone(), Role::Staff, test.now());
    test.app.store.invite_create(&code, &invite, &test.stamp()).await.expect("stored");
    let typed = format!(" {} {}-{}\n", &code[..8].to_uppercase(), &code[8..20], &code[20..]);
    let body = json!({
        "email": "ravi@example.com", "password": PASSWORD, "role": "staff", "invite_code": typed,
    });
    let registered = registered(&test, &body).await;
    test.send(verify(&registered.id, &registered.code)).await.expect(201);
}
