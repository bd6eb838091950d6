//! Verifications and password resets whose answer was lost: for ten minutes the same request gets the
//! first outcome again. The number of guesses stays bounded.

use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::{Value, json};
use thali_domain::ids::{AccountId, RegistrationId, SessionId};
use thali_platform::auth::refresh::{COOKIE, RefreshToken};
use thali_platform::store::{Consistency, SessionRecord, keys};

use super::{
    accounts, another_code, logged_in, login, mailed_code, read, registered, set_status, verify,
};
use crate::support::people::{PASSWORD, Student};
use crate::support::{Call, TestApp};

const ASHA: &str = "asha@example.com";
const NEW_PASSWORD: &str = "curd rice with pickle";

fn asha() -> Value {
    json!({
        "email": ASHA, "password": PASSWORD, "username": "asha", "roll_no": "B21-7",
        "room_no": "A 12", "phone": "9812345678", "name": "Asha Rao",
    })
}

fn confirm(code: &str, password: &str) -> Call {
    let body = json!({ "email": ASHA, "otp": code, "new_password": password });
    Call::post("/password-reset/confirm", &body)
}

/// A student, and the code of a password reset.
async fn forgetful(test: &TestApp) -> (Student, String) {
    let student = test.student(ASHA).await;
    test.settle().await;
    test.send(Call::post("/password-reset", &json!({ "email": ASHA }))).await.expect(202);
    (student, mailed_code(test, ASHA).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_verification_returns_the_account_for_ten_minutes() {
    let test = TestApp::start().await;
    let registered = registered(&test, &asha()).await;
    let made = test.send(verify(&registered.id, &registered.code)).await.expect(201);
    let by_email =
        Call::post("/sign-up/otp-verify", &json!({ "email": ASHA, "otp": registered.code }));
    test.advance(SignedDuration::from_mins(10) - SignedDuration::from_millis(1));
    for repeat in [verify(&registered.id, &registered.code), by_email.clone()] {
        assert_eq!(test.send(repeat).await.expect(201).body, made.body);
    }
    test.advance(SignedDuration::from_millis(1));
    for repeat in [verify(&registered.id, &registered.code), by_email] {
        assert_eq!(test.send(repeat).await.problem(409), "otp_expired");
    }
    assert_eq!(accounts(&test).await, 1);
    assert!(test.settle().await.is_empty(), "a repeat mails nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verification_repeated_after_a_lost_database_answer_makes_one_account() {
    let test = TestApp::start().await;
    let registered = registered(&test, &asha()).await;
    let call = verify(&registered.id, &registered.code);
    // The transaction was carried out, and its answer is lost three times, after which the SDK
    // gives up.
    let unlucky = test.losing_answers("TransactWriteItems", 3);
    let lost = test.send_to(&unlucky, call.clone()).await;
    assert_eq!(lost.problem(503), "database_unavailable");
    let repeated = test.send(call).await.expect(201);
    let login = test.log_in(ASHA).await.expect(200);
    assert_eq!(repeated.body["account"], login.body["account"]);
    assert_eq!(accounts(&test).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_codes_for_a_finished_registration_share_its_five_tries() {
    let test = TestApp::start().await;
    let registered = registered(&test, &asha()).await;
    let (right, wrong) = (
        verify(&registered.id, &registered.code),
        verify(&registered.id, another_code(&registered.code)),
    );
    for left in [4, 3] {
        assert_eq!(test.send(wrong.clone()).await.body["attempts_left"], left);
    }
    // Right codes do not count, however often they come.
    for _ in 0..7 {
        test.send(right.clone()).await.expect(201);
    }
    for left in (0..3).rev() {
        let refused = test.send(wrong.clone()).await;
        assert_eq!(refused.problem(409), "otp_invalid");
        assert_eq!(refused.body["attempts_left"], left);
    }
    for call in [right, wrong] {
        assert_eq!(test.send(call).await.problem(409), "otp_expired");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_was_right_at_the_last_try_can_be_repeated() {
    let test = TestApp::start().await;
    let registered = registered(&test, &asha()).await;
    for _ in 0..4 {
        test.send(verify(&registered.id, another_code(&registered.code))).await.expect(409);
    }
    for _ in 0..3 {
        test.send(verify(&registered.id, &registered.code)).await.expect(201);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_five_of_twenty_concurrent_guesses_at_a_finished_registration_count() {
    let test = Arc::new(TestApp::start().await);
    let registered = registered(&test, &asha()).await;
    test.send(verify(&registered.id, &registered.code)).await.expect(201);
    let wrong = verify(&registered.id, another_code(&registered.code));
    let answers = test.send_together(vec![wrong; 20]).await;
    let compared = answers.iter().filter(|answer| answer.problem(409) == "otp_invalid").count();
    assert_eq!(compared, 5);
    let right = test.send(verify(&registered.id, &registered.code)).await;
    assert_eq!(right.problem(409), "otp_expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finished_registration_holds_nothing_personal_and_sends_no_code() {
    let test = TestApp::start().await;
    let registered = registered(&test, &asha()).await;
    let made = test.send(verify(&registered.id, &registered.code)).await.expect(201);
    let id = RegistrationId::parse(&registered.id).expect("an id");
    let item = test.dynamo.item("accounts", &keys::registration(id)).await;
    assert_eq!(item["account_id"], made.body["account"]["account_id"]);
    let mut names: Vec<&str> =
        item.as_object().expect("an item").keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "account_id",
            "actor",
            // The keyed hash of a network.
            "asked_from",
            "attempts",
            "changed_at",
            "created_at",
            "expires_at",
            "kind",
            "mess_id",
            "pk",
            "registration_id",
            "request_id",
            "resends",
            "sk",
            "ttl",
        ]
    );
    test.settle().await;
    let resend = json!({ "registration_id": registered.id });
    test.send(Call::post("/sign-up/otp-resend", &resend)).await.expect(202);
    assert!(test.settle().await.is_empty());
    test.send(verify(&registered.id, &registered.code)).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verification_is_not_repeated_for_an_account_that_was_closed() {
    let test = TestApp::start().await;
    let registered = registered(&test, &asha()).await;
    let made = test.send(verify(&registered.id, &registered.code)).await.expect(201);
    let id = made.body["account"]["account_id"].as_str().expect("an id");
    set_status(&test, id, "blocked").await;
    let repeated = test.send(verify(&registered.id, &registered.code)).await;
    assert_eq!(repeated.problem(409), "otp_expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_reset_changes_nothing_for_ten_minutes() {
    let test = TestApp::start().await;
    let (_, code) = forgetful(&test).await;
    test.send(confirm(&code, NEW_PASSWORD)).await.expect(204);
    assert_eq!(test.settle().await.len(), 1, "the owner is told once");
    let since = logged_in(test.send(login(ASHA, NEW_PASSWORD)).await);
    test.advance(SignedDuration::from_mins(10) - SignedDuration::from_millis(1));
    test.send(confirm(&code, NEW_PASSWORD)).await.expect(204);
    test.send(read(&since.token)).await.expect(200);
    let refresh = Call::post("/api/auth/refresh", &json!({})).cookie(&since.cookie);
    test.send(refresh).await.expect(200);
    assert!(test.settle().await.is_empty(), "nothing was changed");
    test.advance(SignedDuration::from_millis(1));
    assert_eq!(test.send(confirm(&code, NEW_PASSWORD)).await.problem(409), "otp_expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_used_reset_code_sets_no_other_password() {
    let test = TestApp::start().await;
    let (_, code) = forgetful(&test).await;
    test.send(confirm(&code, NEW_PASSWORD)).await.expect(204);
    let other = confirm(&code, "two chapatis and dal");
    assert_eq!(test.send(other).await.problem(409), "otp_expired");
    test.send(login(ASHA, NEW_PASSWORD)).await.expect(200);
    let wrong = test.send(confirm(another_code(&code), NEW_PASSWORD)).await;
    assert_eq!((wrong.problem(409), &wrong.body["attempts_left"]), ("otp_invalid", &json!(3)));
    test.send(confirm(&code, NEW_PASSWORD)).await.expect(204);
}

/// Whoever has seen the code cannot find out the new password with it.
#[tokio::test(flavor = "multi_thread")]
async fn a_used_reset_code_allows_five_guesses_of_the_password() {
    let test = Arc::new(TestApp::start().await);
    let (_, code) = forgetful(&test).await;
    test.send(confirm(&code, NEW_PASSWORD)).await.expect(204);
    let guesses = (0..20).map(|number| confirm(&code, &format!("guess at a password {number}")));
    for answer in test.send_together(guesses.collect()).await {
        assert_eq!(answer.problem(409), "otp_expired");
    }
    let right = test.send(confirm(&code, NEW_PASSWORD)).await;
    assert_eq!(right.problem(409), "otp_expired", "the tries are used up");
}

#[tokio::test(flavor = "multi_thread")]
async fn five_concurrent_resets_with_one_password_all_succeed_once() {
    let test = Arc::new(TestApp::start().await);
    let (student, code) = forgetful(&test).await;
    for answer in test.send_together(vec![confirm(&code, NEW_PASSWORD); 5]).await {
        answer.expect(204);
    }
    let id = AccountId::parse(&student.account_id).expect("an id");
    let account = test.app.store.account_get(id, Consistency::Strong).await.expect("read");
    assert_eq!(account.expect("there").password_version, 1, "it was changed once");
    test.send(login(ASHA, NEW_PASSWORD)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_reset_ends_a_session_that_the_first_left_behind() {
    let test = TestApp::start().await;
    let (student, code) = forgetful(&test).await;
    let id = AccountId::parse(&student.account_id).expect("an id");
    let before = test.app.store.account_get(id, Consistency::Strong).await.expect("read");
    test.send(confirm(&code, NEW_PASSWORD)).await.expect(204);
    let since = logged_in(test.send(login(ASHA, NEW_PASSWORD)).await);
    // A login with the old password at the moment of the reset, whose processes both died.
    let session_id = SessionId::from_ulid(test.app.clock.ulid());
    let token = RefreshToken::first(id, session_id);
    let session =
        SessionRecord::begin(&before.expect("there"), session_id, token.hash(), test.now());
    test.app.store.session_put(&session, &test.stamp()).await.expect("stored");
    test.send(confirm(&code, NEW_PASSWORD)).await.expect(204);
    let left = test.app.store.sessions_of(id).await.expect("read");
    assert_eq!(left.len(), 1);
    assert!(since.cookie.starts_with(&format!("{COOKIE}={id}.{}", left[0].session_id)));
    test.send(read(&since.token)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_reset_replaces_the_used_one() {
    let test = TestApp::start().await;
    let (_, code) = forgetful(&test).await;
    test.send(confirm(&code, NEW_PASSWORD)).await.expect(204);
    test.settle().await;
    test.send(Call::post("/password-reset", &json!({ "email": ASHA }))).await.expect(202);
    let next = mailed_code(&test, ASHA).await;
    assert_eq!(test.send(confirm(&code, NEW_PASSWORD)).await.problem(409), "otp_invalid");
    test.send(confirm(&next, PASSWORD)).await.expect(204);
    test.send(login(ASHA, PASSWORD)).await.expect(200);
}
