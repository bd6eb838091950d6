//! A forgotten password: a mailed code sets a new password once and ends every session. No answer
//! reveals whether an account has the address.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::{Value, json};
use thali_domain::accounts::identity::Email;
use thali_domain::accounts::one_time_code::one_time_code;
use thali_domain::ids::{AccountId, SessionId};
use thali_domain::mess::Approval;
use thali_platform::auth::device;
use thali_platform::auth::refresh::{COOKIE, RefreshToken};
use thali_platform::store::{Consistency, SessionRecord};

use super::{another_code, in_script, login, mailed_code, read, registered, verify};
use crate::support::people::{PASSWORD, Student, code_in};
use crate::support::{Call, TestApp};

const ASHA: &str = "asha@example.com";
const NEW_PASSWORD: &str = "curd rice with pickle";

fn forgotten(email: &str) -> Call {
    Call::post("/password-reset", &json!({ "email": email }))
}

fn confirm_with(email: &str, code: &str, password: &str) -> Call {
    let body = json!({ "email": email, "otp": code, "new_password": password });
    Call::post("/password-reset/confirm", &body)
}

fn confirm(email: &str, code: &str) -> Call {
    confirm_with(email, code, NEW_PASSWORD)
}

/// Requests a reset; returns the code from the mail.
async fn reset_code(test: &TestApp, email: &str) -> String {
    test.settle().await;
    assert_eq!(test.send(forgotten(email)).await.expect(202).body, json!({}));
    mailed_code(test, email).await
}

/// A new student. Takes all mails sent so far.
async fn student(test: &TestApp) -> Student {
    let asha = test.student(ASHA).await;
    test.settle().await;
    asha
}

fn refresh(cookie: &str) -> Call {
    Call::post("/api/auth/refresh", &json!({})).cookie(cookie)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_password_is_reset_with_the_mailed_code() {
    let test = TestApp::start().await;
    student(&test).await;
    test.send(forgotten(" ASHA@example.com ")).await.expect(202);
    let code = mailed_code(&test, ASHA).await;
    let confirmed = test.send(confirm(ASHA, &format!(" {code} "))).await.expect(204);
    assert_eq!(confirmed.body, Value::Null);
    assert_eq!(test.log_in(ASHA).await.problem(401), "invalid_credentials");
    test.send(login(ASHA, NEW_PASSWORD)).await.expect(200);

    let again = test.send(confirm_with(ASHA, &code, "yet another password")).await;
    assert_eq!(again.problem(409), "otp_expired", "a code is valid once");
    test.send(login(ASHA, NEW_PASSWORD)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn both_paths_accept_a_trailing_slash_and_camel_case_fields() {
    let test = TestApp::start().await;
    student(&test).await;
    let body = json!({ "email": ASHA, "messId": test.mess_id });
    test.send(Call::post("/password-reset/", &body)).await.expect(202);
    let code = mailed_code(&test, ASHA).await;
    let body = json!({
        "email": ASHA, "messId": test.mess_id, "otp": code, "newPassword": NEW_PASSWORD,
    });
    test.send(Call::post("/password-reset/confirm/", &body)).await.expect(204);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_ends_every_access_token_and_refresh_cookie_at_once() {
    let test = TestApp::start().await;
    let phone = student(&test).await;
    let laptop = test.log_in(ASHA).await.expect(200);
    let ravi = test.student("ravi@example.com").await;
    let tokens = [phone.token.as_str(), laptop.text("access_token")];
    for token in tokens {
        test.send(read(token)).await.expect(200);
    }
    let code = reset_code(&test, ASHA).await;
    test.send(confirm(ASHA, &code)).await.expect(204);
    for token in tokens {
        assert_eq!(test.send(read(token)).await.problem(401), "unauthenticated");
    }
    for cookie in [&phone.cookie, &laptop.cookie()] {
        assert_eq!(test.send(refresh(cookie)).await.problem(401), "refresh_expired");
    }
    test.send(read(&ravi.token)).await.expect(200);
    test.send(refresh(&ravi.cookie)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unswept_session_of_the_old_password_cannot_be_refreshed() {
    let test = TestApp::start().await;
    let asha = student(&test).await;
    let id = AccountId::parse(&asha.account_id).expect("an id");
    let before = test.app.store.account_get(id, Consistency::Strong).await.expect("read");
    let code = reset_code(&test, ASHA).await;
    test.send(confirm(ASHA, &code)).await.expect(204);
    // A login with the old password, whose process died before it checked the account again.
    let session_id = SessionId::from_ulid(test.app.clock.ulid());
    let token = RefreshToken::first(id, session_id);
    let session =
        SessionRecord::begin(&before.expect("there"), session_id, token.hash(), test.now());
    test.app.store.session_put(&session, &test.stamp()).await.expect("stored");
    let cookie = format!("{COOKIE}={}", token.expose());
    assert_eq!(test.send(refresh(&cookie)).await.problem(401), "refresh_expired");
    assert_eq!(test.app.store.sessions_of(id).await.expect("read").len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_ends_more_sessions_than_one_transaction_can_hold() {
    let test = TestApp::start().await;
    let asha = student(&test).await;
    let id = AccountId::parse(&asha.account_id).expect("an id");
    let account = test.app.store.account_get(id, Consistency::Strong).await.expect("read");
    let account = account.expect("there");
    for number in 0..120 {
        let session_id = SessionId::from_ulid(test.app.clock.ulid());
        let session =
            SessionRecord::begin(&account, session_id, format!("hash-{number}"), test.now());
        test.app.store.session_put(&session, &test.stamp()).await.expect("stored");
    }
    let code = reset_code(&test, ASHA).await;
    test.send(confirm(ASHA, &code)).await.expect(204);
    assert_eq!(test.app.store.sessions_of(id).await.expect("read").len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_unlocks_login_by_email_and_by_username() {
    let test = TestApp::start().await;
    let body = json!({ "email": ASHA, "password": PASSWORD, "username": "asha" });
    let waiting = registered(&test, &body).await;
    test.send(verify(&waiting.id, &waiting.code)).await.expect(201);
    for name in [ASHA, "asha"] {
        for _ in 0..5 {
            test.send(login(name, "not the password")).await.expect(401);
        }
        assert_eq!(test.send(login(name, PASSWORD)).await.problem(429), "locked");
    }
    let code = reset_code(&test, ASHA).await;
    test.send(confirm(ASHA, &code)).await.expect(204);
    for name in [ASHA, "asha"] {
        test.send(login(name, NEW_PASSWORD)).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_address_causes_the_same_answer_and_writes_but_no_mail() {
    let test = TestApp::start().await;
    student(&test).await;
    let mut seen = Vec::new();
    for email in [ASHA, "nobody@example.com"] {
        test.dynamo.new_changes().await;
        let answer = test.send(forgotten(email)).await.expect(202);
        let names: BTreeSet<String> = answer.headers.keys().map(ToString::to_string).collect();
        let changes = test.dynamo.new_changes().await;
        let kinds: Vec<Value> =
            changes.iter().map(|it| it["dynamodb"]["NewImage"]["kind"]["S"].clone()).collect();
        seen.push((answer.body, names, kinds));
        let wrong = test.send(confirm(email, "000000")).await;
        assert_eq!(wrong.problem(409), "otp_invalid");
        assert_eq!(wrong.body["attempts_left"], 4);
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0].2, [json!("password_reset")]);
    test.send(forgotten("nobody@example.com")).await.expect(202);
    assert!(test.settle().await.is_empty(), "there is nobody to notify");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_derived_code_never_confirms_a_reset_of_an_unknown_address() {
    let test = TestApp::start().await;
    let email = Email::parse("nobody@example.com").expect("an address");
    test.send(forgotten(email.as_str())).await.expect(202);
    let reset = test.app.store.password_reset_get(&test.mess_id, &email).await;
    let reset = reset.expect("read").expect("it is stored");
    let derived = one_time_code(b"test-otp-key", &reset.reset_id.to_string(), 0);
    let refused = test.send(confirm(email.as_str(), &derived)).await;
    assert_eq!(refused.problem(409), "otp_invalid");
    // A later sign-up with the address does not make the old reset valid.
    test.sign_up_and_verify(email.as_str()).await.expect(201);
    let refused = test.send(confirm(email.as_str(), &derived)).await;
    assert_eq!(refused.problem(409), "otp_invalid");
    test.log_in(email.as_str()).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn five_wrong_codes_count_down_and_end_the_reset() {
    let test = TestApp::start().await;
    student(&test).await;
    let code = reset_code(&test, ASHA).await;
    for attempts_left in (0..5).rev() {
        let refused = test.send(confirm(ASHA, another_code(&code))).await;
        assert_eq!(refused.problem(409), "otp_invalid");
        assert_eq!(refused.body["attempts_left"], attempts_left);
    }
    assert_eq!(test.send(confirm(ASHA, &code)).await.problem(409), "otp_expired");
    test.log_in(ASHA).await.expect(200);
    // A new code has its own attempts.
    let next = reset_code(&test, ASHA).await;
    assert_ne!(next, code);
    assert_eq!(test.send(confirm(ASHA, &code)).await.problem(409), "otp_invalid");
    test.send(confirm(ASHA, &next)).await.expect(204);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_five_of_twenty_concurrent_wrong_codes_are_compared() {
    let test = Arc::new(TestApp::start().await);
    student(&test).await;
    let code = reset_code(&test, ASHA).await;
    let answers = test.send_together(vec![confirm(ASHA, another_code(&code)); 20]).await;
    let compared = answers.iter().filter(|answer| answer.problem(409) == "otp_invalid");
    let left: Vec<_> =
        compared.filter_map(|answer| answer.body["attempts_left"].as_u64()).collect();
    assert_eq!(left.len(), 5);
    assert_eq!(left.into_iter().collect::<BTreeSet<_>>(), (0..5).collect());
    assert_eq!(test.send(confirm(ASHA, &code)).await.problem(409), "otp_expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_several_concurrent_confirmations_wins_and_sets_the_password() {
    let test = Arc::new(TestApp::start().await);
    student(&test).await;
    let code = reset_code(&test, ASHA).await;
    let passwords = [NEW_PASSWORD, "idli sambar at seven", "two chapatis and dal"];
    let calls = passwords.iter().map(|password| confirm_with(ASHA, &code, password)).collect();
    let answers = test.send_together(calls).await;
    let mut won = 0;
    for (answer, password) in answers.iter().zip(passwords) {
        let entered = test.send(login(ASHA, password)).await;
        if answer.status == 204 {
            won += 1;
            entered.expect(200);
        } else {
            assert_eq!(answer.problem(409), "otp_expired");
            assert_eq!(entered.problem(401), "invalid_credentials");
        }
    }
    assert_eq!(won, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_racing_with_a_reset_leaves_no_session() {
    let test = Arc::new(TestApp::start().await);
    let asha = student(&test).await;
    let id = AccountId::parse(&asha.account_id).expect("an id");
    let code = reset_code(&test, ASHA).await;
    let mut calls = vec![login(ASHA, PASSWORD); 10];
    calls.insert(3, confirm(ASHA, &code));
    let answers = test.send_together(calls).await;
    assert_eq!(answers[3].status, 204, "{}", answers[3].body);
    assert_eq!(test.app.store.sessions_of(id).await.expect("read").len(), 0);
    for answer in answers.iter().filter(|answer| answer.status == 200) {
        assert_eq!(test.send(refresh(&answer.cookie())).await.problem(401), "refresh_expired");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_valid_for_fifteen_minutes() {
    let test = TestApp::start().await;
    student(&test).await;
    let code = reset_code(&test, ASHA).await;
    test.advance(SignedDuration::from_mins(15));
    assert_eq!(test.send(confirm(ASHA, &code)).await.problem(409), "otp_expired");
    let code = reset_code(&test, ASHA).await;
    test.advance(SignedDuration::from_mins(15) - SignedDuration::from_millis(1));
    test.send(confirm(ASHA, &code)).await.expect(204);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_ten_codes_an_hour_are_mailed_but_the_answer_never_changes() {
    let test = TestApp::start_with("RATE_LIMIT_FACTOR", "1").await;
    student(&test).await;
    let cookie = test.log_in(ASHA).await.expect(200).cookie_named(device::COOKIE);
    let ask = |number: u32| forgotten(ASHA).sent_from(&format!("198.51.100.{number}"));
    let mut code = String::new();
    for number in 1..10 {
        test.advance(SignedDuration::from_mins(1));
        test.send(ask(number)).await.expect(202);
        code = mailed_code(&test, ASHA).await;
    }
    // The tenth is only for a browser that has logged in before.
    test.send(ask(20).cookie(&cookie)).await.expect(202);
    mailed_code(&test, ASHA).await;
    test.dynamo.new_changes().await;
    let answer = test.send(ask(10)).await.expect(202);
    assert_eq!(answer.body, json!({}));
    assert!(test.dynamo.new_changes().await.is_empty(), "nothing is written");
    // The mailed code stays valid, and its attempts stay counted.
    test.send(confirm(ASHA, another_code(&code)).sent_from("198.51.100.9")).await.expect(409);
    test.send(ask(11)).await.expect(202);
    let wrong = confirm(ASHA, another_code(&code)).sent_from("198.51.100.9");
    assert_eq!(test.send(wrong).await.body["attempts_left"], 3);
    // The hour is counted from the first request, which came a minute after the start.
    test.advance(SignedDuration::from_mins(52) - SignedDuration::from_millis(1));
    test.send(ask(12)).await.expect(202);
    assert!(test.settle().await.is_empty());
    test.advance(SignedDuration::from_millis(1));
    test.send(ask(13)).await.expect(202);
    mailed_code(&test, ASHA).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_in_one_mess_leaves_the_account_in_another_unchanged() {
    let test = TestApp::start().await;
    student(&test).await;
    test.create_mess("mess_other", Approval::Automatic).await;
    let there = json!({ "mess_id": "mess_other", "email": ASHA, "password": PASSWORD });
    let waiting = registered(&test, &there).await;
    test.send(verify(&waiting.id, &waiting.code)).await.expect(201);
    let code = reset_code(&test, ASHA).await;
    let elsewhere = json!({
        "mess_id": "mess_other", "email": ASHA, "otp": code, "new_password": NEW_PASSWORD,
    });
    let refused = test.send(Call::post("/password-reset/confirm", &elsewhere)).await;
    assert_eq!(refused.problem(409), "otp_expired");
    test.send(confirm(ASHA, &code)).await.expect(204);
    test.send(Call::post("/login", &there)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_reset_request_names_the_wrong_fields() {
    let test = TestApp::start().await;
    let several = test.another_process(&[("DEFAULT_MESS_ID", "")]);
    let nowhere = json!({ "email": ASHA, "mess_id": "mess_nowhere" });
    let refused = test.send(Call::post("/password-reset", &nowhere)).await;
    assert_eq!(refused.problem(404), "mess_not_found");
    for (path, app, body, wrong) in [
        ("/password-reset", &test.app, json!({}), vec!["email"]),
        (
            "/password-reset",
            &test.app,
            json!({ "email": "asha", "otp": "1" }),
            vec!["email", "otp"],
        ),
        ("/password-reset", &several, json!({ "email": ASHA }), vec!["mess_id"]),
        (
            "/password-reset/confirm",
            &test.app,
            json!({ "email": ASHA }),
            vec!["new_password", "otp"],
        ),
        (
            "/password-reset/confirm",
            &test.app,
            json!({ "email": ASHA, "otp": "123456", "new_password": "password" }),
            vec!["new_password"],
        ),
        (
            "/password-reset/confirm",
            &test.app,
            json!({ "email": ASHA, "otp": "123456", "new_password": "Asha@Example.com" }),
            vec!["new_password"],
        ),
    ] {
        let answer = test.send_to(app, Call::post(path, &body)).await;
        assert_eq!(answer.wrong_fields(), wrong, "{body}");
    }
    let never_asked = test.send(confirm(ASHA, "123456")).await;
    assert_eq!(never_asked.problem(409), "otp_expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_new_password_uses_up_no_attempt() {
    let test = TestApp::start().await;
    student(&test).await;
    let code = reset_code(&test, ASHA).await;
    for _ in 0..6 {
        test.send(confirm_with(ASHA, &code, "short")).await.expect(422);
    }
    test.send(confirm(ASHA, &code)).await.expect(204);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mails_explain_the_reset_and_report_the_change() {
    let test = TestApp::start().await;
    student(&test).await;
    test.send(forgotten(ASHA)).await.expect(202);
    let mut mails = test.settle().await;
    let mail = mails.remove(0);
    assert!(mails.is_empty());
    let code = code_in(&mail);
    assert_eq!(mail.subject, "Reset your password at Demo Mess");
    assert!(mail.html.contains(&format!(">{code}<")), "{}", mail.html);
    for part in [&mail.text, &mail.html] {
        assert!(part.contains("15 minutes") && part.contains("If it was not you"), "{part}");
    }
    test.send(confirm(ASHA, &code)).await.expect(204);
    let mails = test.settle().await;
    assert_eq!(mails.len(), 1, "{mails:?}");
    assert_eq!(mails[0].to.as_str(), ASHA);
    assert_eq!(mails[0].subject, "Your password at Demo Mess was changed");
    // 06:30 UTC is noon in the mess.
    assert!(mails[0].text.contains("15 January 2026, 12:00"), "{}", mails[0].text);
    assert!(mails[0].text.contains("https://thali.test"), "{}", mails[0].text);
    assert!(!mails[0].text.contains(&code));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outdated_or_expired_code_is_not_mailed() {
    let test = TestApp::start().await;
    student(&test).await;
    for _ in 0..3 {
        test.send(forgotten(ASHA)).await.expect(202);
    }
    let code = mailed_code(&test, ASHA).await;
    test.send(confirm(ASHA, &code)).await.expect(204);
    test.settle().await;
    test.send(forgotten(ASHA)).await.expect(202);
    test.advance(SignedDuration::from_mins(15));
    assert!(test.settle().await.is_empty(), "the code has expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_code_may_be_typed_in_any_digits() {
    let test = TestApp::start().await;
    student(&test).await;
    let code = reset_code(&test, ASHA).await;
    for typed in ["12345", "letters", "1234567"] {
        assert_eq!(test.send(confirm(ASHA, typed)).await.wrong_fields(), ["otp"], "{typed}");
    }
    let wrong = test.send(confirm(ASHA, another_code(&code))).await;
    assert_eq!(wrong.body["attempts_left"], 4, "nonsense was no attempt");
    let typed = format!("{} {}", in_script(&code[..3], '\u{9e6}'), &code[3..]);
    test.send(confirm(ASHA, &typed)).await.expect(204);
}
