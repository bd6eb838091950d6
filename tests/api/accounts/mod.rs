//! Accounts: sign-up, one-time codes, login, sessions, forgotten passwords and profiles. This file
//! has the helpers that several of these tests share; helpers for all tests are in `tests/support`.

mod access_tokens;
mod crowds;
mod deletion;
mod devices;
mod email_change;
mod erasure;
mod invites;
mod key_rotation;
mod login;
mod logout;
mod one_time_code;
mod password_change;
mod password_reset;
pub mod picture;
mod picture_metadata;
mod profile;
mod races;
pub mod rate_limits;
mod redis_faults;
mod refresh;
mod repeats;
mod roll_no;
mod security_code;
mod sessions;
mod sign_up;
mod strangers;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use thali_domain::accounts::identity::Role;
use thali_domain::ids::MessId;
use thali_platform::store::Invite;

use crate::support::people::{PASSWORD, Student, code_in};
use crate::support::{Answer, Call, TestApp};

/// A registration whose code was mailed.
pub struct Registered {
    pub id: String,
    pub code: String,
}

/// Signs up with this body and reads the mail.
pub async fn registered(test: &TestApp, body: &Value) -> Registered {
    let answer = test.send(Call::post("/sign-up", body)).await.expect(202);
    let code = mailed_code(test, answer.text("email")).await;
    Registered { id: answer.text("registration_id").to_owned(), code }
}

/// Sends the pending mails; returns the code in the only one to `email`.
pub async fn mailed_code(test: &TestApp, email: &str) -> String {
    let mut mails = test.settle().await;
    mails.retain(|mail| mail.to.as_str() == email);
    assert_eq!(mails.len(), 1, "one mail to {email}: {mails:?}");
    code_in(&mails[0])
}

/// The call that verifies a registration with a code.
pub fn verify(registration_id: &str, code: &str) -> Call {
    let body = json!({ "registration_id": registration_id, "otp": code });
    Call::post("/sign-up/otp-verify", &body)
}

/// A code that is not `code`.
pub fn another_code(code: &str) -> &'static str {
    if code == "000000" { "000001" } else { "000000" }
}

/// The digits of a code in another script, by its zero.
pub fn in_script(code: &str, zero: char) -> String {
    let digit = |c: char| char::from_u32(u32::from(zero) + c.to_digit(10)?);
    code.chars().map(|c| digit(c).expect("a digit")).collect()
}

pub fn login(name: &str, password: &str) -> Call {
    Call::post("/login", &json!({ "username": name, "password": password }))
}

/// The call that reads the tokens, which every active student may do.
pub fn read(token: &str) -> Call {
    Call::get("/student/tokens").bearer(token)
}

/// Creates an invite; returns its code.
pub async fn invite(test: &TestApp, role: Role) -> String {
    let code = format!("invite-{}", test.app.clock.ulid());
    let invite = Invite::new(test.mess_id.clone(), role, test.now());
    test.app.store.invite_create(&code, &invite, &test.stamp()).await.expect("stored");
    code
}

/// An owner or staff member who signed up with an invite, logged in.
pub async fn invited(test: &TestApp, email: &str, role: Role) -> Student {
    let code = invite(test, role).await;
    let body = json!({ "email": email, "password": PASSWORD, "role": role, "invite_code": code });
    let registered = registered(test, &body).await;
    test.send(verify(&registered.id, &registered.code)).await.expect(201);
    logged_in(test.log_in(email).await)
}

/// A student who waits for approval in the new mess `mess`, logged in.
pub async fn waiting(test: &TestApp, email: &str, mess: &str) -> Student {
    let mess = MessId::parse(mess).expect("an id");
    test.create_mess(mess.as_str(), thali_domain::mess::Approval::Required).await;
    let body = json!({ "email": email, "password": PASSWORD, "mess_id": mess });
    let registered = registered(test, &body).await;
    let account = test.send(verify(&registered.id, &registered.code)).await.expect(201);
    assert_eq!(account.body["account"]["status"], "pending_approval");
    logged_in(test.send(Call::post("/login", &body)).await)
}

/// The student of a successful login.
#[track_caller]
pub fn logged_in(answer: Answer) -> Student {
    Student::of(&answer.expect(200))
}

/// Sets an account's status, as an owner's decision would.
pub async fn set_status(test: &TestApp, account_id: &str, status: &str) {
    test.set_status(account_id, status.parse().expect("a status")).await;
}

/// How many accounts there are.
pub async fn accounts(test: &TestApp) -> usize {
    let items = test.dynamo.items("accounts").await;
    let is_account = |kind: &AttributeValue| kind.as_s().is_ok_and(|kind| kind == "account");
    items.iter().filter(|item| is_account(&item["kind"])).count()
}
