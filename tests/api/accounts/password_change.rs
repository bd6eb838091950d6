//! A changed password: it needs the current one, and only the session that asks goes on.

use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::{Value, json};
use thali_domain::accounts::identity::Role;
use thali_domain::ids::AccountId;
use thali_platform::auth::device;

use super::{invited, login, mailed_code, read, waiting};
use crate::support::Death;
use crate::support::people::{PASSWORD, Student};
use crate::support::{Call, TestApp};

const ASHA: &str = "asha@example.com";
const NEW_PASSWORD: &str = "curd rice with pickle";

fn change_from(student: &Student, current: &str, new: &str) -> Call {
    let body = json!({ "current_password": current, "new_password": new });
    Call::post("/account/password", &body).bearer(&student.token)
}

fn change(student: &Student) -> Call {
    change_from(student, PASSWORD, NEW_PASSWORD)
}

fn refresh(cookie: &str) -> Call {
    Call::post("/api/auth/refresh", &json!({})).cookie(cookie)
}

/// What every account may read.
fn mess(token: &str) -> Call {
    Call::get("/api/v1/mess").bearer(token)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_password_ends_every_session_but_the_own_one() {
    let test = TestApp::start().await;
    let asha = test.student(ASHA).await;
    let others = [test.log_in_again(&asha).await, test.log_in_again(&asha).await];
    for session in others.iter().chain([&asha]) {
        test.send(mess(&session.token)).await.expect(200);
    }
    let answer = test.send(change(&asha)).await.expect(204);
    assert_eq!(answer.body, Value::Null);
    for session in &others {
        assert_eq!(test.send(mess(&session.token)).await.problem(401), "unauthenticated");
        assert_eq!(test.send(refresh(&session.cookie)).await.problem(401), "refresh_expired");
    }
    test.send(mess(&asha.token)).await.expect(200);
    let renewed = test.send(refresh(&asha.cookie)).await.expect(200);
    test.send(mess(renewed.text("access_token"))).await.expect(200);
    assert_eq!(test.log_in(ASHA).await.problem(401), "invalid_credentials");
    test.send(login(ASHA, NEW_PASSWORD)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_password_ends_codes_of_resets_before_it() {
    let test = TestApp::start().await;
    let asha = test.student(ASHA).await;
    test.settle().await;
    let reset = Call::post("/password-reset", &json!({ "email": ASHA }));
    test.send(reset.clone()).await.expect(202);
    let code = mailed_code(&test, ASHA).await;
    test.advance(SignedDuration::from_secs(1));
    test.send(change(&asha)).await.expect(204);
    let confirm = |code: &str| {
        let body = json!({ "email": ASHA, "otp": code, "new_password": "dal at the window" });
        Call::post("/password-reset/confirm", &body)
    };
    assert_eq!(test.send(confirm(&code)).await.problem(409), "otp_expired");
    test.send(login(ASHA, NEW_PASSWORD)).await.expect(200);

    test.advance(SignedDuration::from_secs(1));
    test.settle().await;
    test.send(reset).await.expect(202);
    let code = mailed_code(&test, ASHA).await;
    test.send(confirm(&code)).await.expect(204);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_change_the_browser_is_still_known() {
    let test = TestApp::start().await;
    let asha = test.student(ASHA).await;
    let answer = test.send(change(&asha)).await.expect(204);
    let device = answer.cookie_named(device::COOKIE);
    for _ in 0..5 {
        assert_eq!(test.log_in(ASHA).await.problem(401), "invalid_credentials");
    }
    let known = login(ASHA, NEW_PASSWORD).cookie(&device);
    assert_eq!(test.send(login(ASHA, NEW_PASSWORD)).await.problem(429), "locked");
    test.send(known).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn owners_staff_and_waiting_students_change_their_passwords() {
    let test = TestApp::start().await;
    let people = [
        invited(&test, "staff@example.com", Role::Staff).await,
        invited(&test, "owner@example.com", Role::Owner).await,
        waiting(&test, ASHA, "mess_strict").await,
    ];
    for person in people {
        let body = json!({ "currentPassword": PASSWORD, "newPassword": NEW_PASSWORD });
        let call = Call::post("/account/password", &body).bearer(&person.token);
        test.send(call).await.expect(204);
        test.send(refresh(&person.cookie)).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn five_wrong_current_passwords_lock_the_change_and_no_login() {
    let test = TestApp::start().await;
    let asha = test.student(ASHA).await;
    for _ in 0..5 {
        let refused = test.send(change_from(&asha, "not the password", NEW_PASSWORD)).await;
        assert_eq!(refused.problem(403), "current_password_wrong");
    }
    assert_eq!(test.send(change(&asha)).await.problem(429), "locked");
    test.log_in(ASHA).await.expect(200);
    test.advance(SignedDuration::from_mins(15));
    let asha = test.log_in_again(&asha).await;
    test.send(change(&asha)).await.expect(204);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_weak_or_unchanged_new_password_is_refused_without_a_count() {
    let test = TestApp::start().await;
    let asha = test.student(ASHA).await;
    for weak in ["short", "password", PASSWORD, "Asha@Example.com"] {
        for _ in 0..6 {
            let refused = test.send(change_from(&asha, PASSWORD, weak)).await;
            assert_eq!(refused.wrong_fields(), ["new_password"], "{weak}");
        }
    }
    let refused = test.send(Call::post("/account/password", &json!({})).bearer(&asha.token)).await;
    assert_eq!(refused.wrong_fields(), ["current_password", "new_password"]);
    test.send(change(&asha)).await.expect(204);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_change_gets_the_same_answer_for_ten_minutes() {
    let test = TestApp::start().await;
    let asha = test.student(ASHA).await;
    test.send(change(&asha)).await.expect(204);
    for _ in 0..8 {
        test.send(change(&asha)).await.expect(204);
    }
    let last_moment = SignedDuration::from_mins(10) - SignedDuration::from_millis(1);
    test.advance(last_moment);
    test.send(change(&asha)).await.expect(204);
    test.advance(SignedDuration::from_millis(1));
    assert_eq!(test.send(change(&asha)).await.problem(403), "current_password_wrong");
    assert_eq!(test.settle().await.len(), 1, "one change, one mail");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repetition_reveals_no_password_to_who_does_not_know_both() {
    let test = TestApp::start().await;
    let asha = test.student(ASHA).await;
    test.send(change(&asha)).await.expect(204);
    let login = test.send(login(ASHA, NEW_PASSWORD)).await;
    let laptop = Student::of(&login);
    for (session, current, new) in [
        (&laptop, PASSWORD, NEW_PASSWORD),
        (&laptop, "not the password", NEW_PASSWORD),
        (&asha, "not the password", NEW_PASSWORD),
        (&asha, PASSWORD, "another password of hers"),
        (&asha, "neither of the two", "another password of hers"),
        (&asha, "not the password", NEW_PASSWORD),
        (&asha, PASSWORD, "a third password of hers"),
    ] {
        let refused = test.send(change_from(session, current, new)).await;
        assert_eq!(refused.problem(403), "current_password_wrong", "{current} {new}");
    }
    assert_eq!(test.send(change(&asha)).await.problem(429), "locked", "each try was counted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repetition_after_another_change_is_refused() {
    let test = TestApp::start().await;
    let asha = test.student(ASHA).await;
    test.send(change(&asha)).await.expect(204);
    test.send(change_from(&asha, NEW_PASSWORD, "dal and roti at night")).await.expect(204);
    assert_eq!(test.send(change(&asha)).await.problem(403), "current_password_wrong");
    test.send(login(ASHA, "dal and roti at night")).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_at_the_same_moment_keeps_the_session_alive() {
    for _ in 0..8 {
        let test = Arc::new(TestApp::start().await);
        let asha = test.student(ASHA).await;
        let calls = vec![refresh(&asha.cookie), change(&asha), refresh(&asha.cookie)];
        let answers = test.send_together(calls).await;
        let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        assert_eq!(statuses, [200, 204, 200]);
        for renewed in [&answers[0], &answers[2]] {
            test.send(mess(renewed.text("access_token"))).await.expect(200);
        }
        test.send(refresh(&answers[0].cookie())).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_with_the_old_password_does_not_survive_the_change() {
    let test = Arc::new(TestApp::start().await);
    let asha = test.student(ASHA).await;
    let id = AccountId::parse(&asha.account_id).expect("an id");
    let mut calls = vec![login(ASHA, PASSWORD); 10];
    calls.insert(3, change(&asha));
    let answers = test.send_together(calls).await;
    assert_eq!(answers[3].status, 204, "{}", answers[3].body);
    assert_eq!(test.app.store.sessions_of(id).await.expect("read").len(), 1);
    for answer in answers.iter().filter(|answer| answer.status == 200) {
        assert_eq!(test.send(refresh(&answer.cookie())).await.problem(401), "refresh_expired");
    }
    test.send(refresh(&asha.cookie)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_sessions_that_change_the_password_one_wins() {
    let test = Arc::new(TestApp::start().await);
    let phone = test.student(ASHA).await;
    let laptop = test.log_in_again(&phone).await;
    let passwords = [NEW_PASSWORD, "dal and roti at night"];
    let calls = vec![
        change_from(&phone, PASSWORD, passwords[0]),
        change_from(&laptop, PASSWORD, passwords[1]),
    ];
    let answers = test.send_together(calls).await;
    let winner = answers.iter().position(|answer| answer.status == 204).expect("one wins");
    assert_eq!(answers[1 - winner].status, 401, "{}", answers[1 - winner].body);
    test.send(login(ASHA, passwords[winner])).await.expect(200);
    assert_eq!(test.send(login(ASHA, passwords[1 - winner])).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_died_anywhere_is_completed_by_its_repetition() {
    for number in 0..12 {
        for death in [Death::Before(number), Death::After(number)] {
            let test = TestApp::start().await;
            let asha = test.student(ASHA).await;
            let other = test.log_in_again(&asha).await;
            let process = test.dying_process(death);
            let answer = test.send_to(&process.app, change(&asha)).await;
            if !process.is_dead() {
                assert_eq!(answer.status, 204, "{death:?}");
            }
            test.send(change(&asha)).await.expect(204);
            test.send(refresh(&asha.cookie)).await.expect(200);
            assert_eq!(test.send(mess(&other.token)).await.status, 401, "{death:?}");
            test.send(login(ASHA, NEW_PASSWORD)).await.expect(200);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_changed_without_redis_too() {
    let mut test = TestApp::start().await;
    let asha = test.student(ASHA).await;
    let other = test.log_in_again(&asha).await;
    test.redis.stop();
    test.send(change(&asha)).await.expect(204);
    test.send(read(&asha.token)).await.expect(200);
    assert_eq!(test.send(read(&other.token)).await.problem(401), "unauthenticated");
    test.redis.restart();
    test.send(read(&asha.token)).await.expect(200);
    assert_eq!(test.send(read(&other.token)).await.problem(401), "unauthenticated");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_password_is_mailed_to_its_owner() {
    let test = TestApp::start().await;
    let asha = test.student(ASHA).await;
    test.send(change(&asha)).await.expect(204);
    let mails = test.settle().await;
    assert_eq!(mails.len(), 1, "{mails:?}");
    assert_eq!(
        (mails[0].to.as_str(), mails[0].subject.as_str()),
        (ASHA, "Your password at Demo Mess was changed")
    );
    for part in [&mails[0].text, &mails[0].html] {
        assert!(part.contains("If it was not you") && part.contains("15 January 2026"), "{part}");
    }
}
