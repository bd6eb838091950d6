//! Logout: the session ends at once, on this device only, whatever happens to Redis. An access token
//! or the refresh cookie is enough.

use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::json;
use thali_domain::accounts::identity::Role;
use thali_platform::app::App;

use super::{invited, logged_in, read, waiting};
use crate::support::people::Student;
use crate::support::{Answer, Call, TestApp};

fn logout(student: &Student) -> Call {
    Call::post("/student/logout", &json!({})).bearer(&student.token)
}

/// A logout as a browser sends it whose page has lost the access token.
fn logout_by_cookie(cookie: &str) -> Call {
    Call::post("/api/auth/logout", &json!({})).cookie(cookie)
}

fn refresh(cookie: &str) -> Call {
    Call::post("/api/auth/refresh", &json!({})).cookie(cookie)
}

#[track_caller]
fn assert_clears_the_cookie(answer: &Answer) {
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with("thali_refresh=;") && cookie.contains("Max-Age=0"), "{cookie}");
    assert!(cookie.contains("Path=/api/auth"), "{cookie}");
}

/// Asserts that a session has ended in this process, in another one, and without a cache.
async fn assert_over(test: &TestApp, student: &Student) {
    let apps: [&App; 3] =
        [&test.app, &test.another_process(&[]), &test.another_process(&[("REDIS_URL", "")])];
    for app in apps {
        let answer = test.send_to(app, read(&student.token)).await;
        assert_eq!(answer.problem(401), "unauthenticated");
        let refused = test.send_to(app, refresh(&student.cookie)).await;
        assert_eq!(refused.problem(401), "refresh_expired");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_ends_the_session_everywhere_at_once() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let other = test.another_process(&[]);
    test.send_to(&other, read(&asha.token)).await.expect(200);
    let answer = test.send(logout(&asha)).await.expect(204);
    assert!(answer.body.is_null());
    assert_clears_the_cookie(&answer);
    assert_eq!(test.send_to(&other, read(&asha.token)).await.problem(401), "unauthenticated");
    assert_over(&test, &asha).await;
    assert_eq!(test.send(logout(&asha)).await.problem(401), "unauthenticated");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_without_redis_ends_the_session_at_once() {
    let test = TestApp::start_with("REDIS_URL", "").await;
    let asha = test.student("asha@example.com").await;
    test.send(read(&asha.token)).await.expect(200);
    test.send(logout(&asha)).await.expect(204);
    assert_over(&test, &asha).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_survives_a_redis_flush_and_restart() {
    let mut test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    test.send(read(&asha.token)).await.expect(200);
    test.send(logout(&asha)).await.expect(204);
    let client = redis::Client::open(test.redis.url()).expect("an address");
    let mut connection = client.get_connection().expect("it runs");
    redis::cmd("FLUSHALL").exec(&mut connection).expect("emptied");
    assert_over(&test, &asha).await;
    test.redis.restart();
    assert_over(&test, &asha).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_while_redis_is_down_persists_after_it_recovers() {
    let mut test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    test.send(read(&asha.token)).await.expect(200);
    test.redis.stop();
    test.send(logout(&asha)).await.expect(204);
    assert_over(&test, &asha).await;
    test.redis.restart();
    assert_over(&test, &asha).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_on_one_device_keeps_the_other_logged_in() {
    let test = TestApp::start().await;
    let phone = test.student("asha@example.com").await;
    let laptop = logged_in(test.log_in("asha@example.com").await);
    test.send(logout(&phone)).await.expect(204);
    assert_over(&test, &phone).await;
    test.send(read(&laptop.token)).await.expect(200);
    test.send(refresh(&laptop.cookie)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn everyone_logged_in_can_log_out_through_every_path() {
    let test = TestApp::start().await;
    let paths = [
        "/student/logout",
        "/student/logout/",
        "/owner/logout",
        "/owner/logout/",
        "/api/auth/logout",
    ];
    let people = [
        test.student("student@example.com").await,
        invited(&test, "owner@example.com", Role::Owner).await,
        waiting(&test, "waiting@example.com", "mess_strict").await,
    ];
    for (path, person) in paths.into_iter().zip(people.iter().cycle()) {
        let mess = person.email.starts_with("waiting").then_some("mess_strict");
        let body = json!({
            "email": person.email, "password": crate::support::people::PASSWORD, "mess_id": mess,
        });
        let session = logged_in(test.send(Call::post("/login", &body)).await);
        let call = Call::post(path, &json!({})).bearer(&session.token);
        test.send(call).await.expect(204);
        assert_over(&test, &session).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_alone_logs_out_whatever_the_access_token_is() {
    let test = TestApp::start().await;
    for (number, token) in [None, Some(""), Some("garbled"), Some("expired")].iter().enumerate() {
        let asha = test.student(&format!("asha{number}@example.com")).await;
        let mut call = logout_by_cookie(&asha.cookie);
        if *token == Some("expired") {
            test.advance(SignedDuration::from_mins(16));
            assert_eq!(test.send(read(&asha.token)).await.problem(401), "unauthenticated");
            call = call.bearer(&asha.token);
        } else if let Some(token) = token {
            call = call.bearer(token);
        }
        let answer = test.send(call.clone()).await.expect(204);
        assert_clears_the_cookie(&answer);
        assert_over(&test, &asha).await;
        // The same again, because the answer was lost.
        assert_clears_the_cookie(&test.send(call).await.expect(204));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_by_cookie_ends_the_access_token_at_once() {
    for redis in [true, false] {
        let test =
            if redis { TestApp::start().await } else { TestApp::start_with("REDIS_URL", "").await };
        let asha = test.student("asha@example.com").await;
        test.send(read(&asha.token)).await.expect(200);
        test.send(logout_by_cookie(&asha.cookie)).await.expect(204);
        assert_over(&test, &asha).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_whose_successor_was_lost_logs_out_too() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let lost = logged_in(test.send(refresh(&asha.cookie)).await);
    test.send(logout_by_cookie(&asha.cookie)).await.expect(204);
    assert_over(&test, &lost).await;
    assert_over(&test, &asha).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_with_neither_token_nor_cookie_changes_nothing() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let nothing = Call::post("/api/auth/logout", &json!({}));
    for call in [
        nothing.clone(),
        nothing.clone().bearer("garbled"),
        nothing.clone().cookie("thali_refresh="),
        nothing.clone().cookie("other=acc_1.ses_1.x"),
    ] {
        let refused = test.send(call).await;
        assert_eq!(refused.problem(401), "unauthenticated");
        assert_eq!(refused.header("www-authenticate"), "Bearer");
        assert!(refused.headers.get("set-cookie").is_none());
    }
    test.send(read(&asha.token)).await.expect(200);
    test.send(refresh(&asha.cookie)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_without_the_secret_ends_nobodys_session() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let (ids, secret) = asha.cookie.rsplit_once('.').expect("it has parts");
    let (name, _) = asha.cookie.split_once('=').expect("a name");
    let changed = if secret.starts_with('x') { "y" } else { "x" };
    let wrong = format!("{ids}.{changed}{}", &secret[1..]);
    let ravi = test.student("ravi@example.com").await;
    let (_, others) = ravi.cookie.rsplit_once('.').expect("it has parts");
    for cookie in [
        wrong.clone(),
        format!("{ids}.{others}"),
        format!("{ids}."),
        format!("{name}=garbage"),
        format!("{name}=acc_01J00000000000000000000000.ses_01J00000000000000000000000.{secret}"),
    ] {
        let answer = test.send(logout_by_cookie(&cookie)).await.expect(204);
        assert_clears_the_cookie(&answer);
        test.send(read(&asha.token)).await.expect(200);
    }
    // A token two steps behind is no longer known.
    let first = logged_in(test.send(refresh(&asha.cookie)).await);
    let second = logged_in(test.send(refresh(&first.cookie)).await);
    test.send(logout_by_cookie(&asha.cookie)).await.expect(204);
    test.send(read(&second.token)).await.expect(200);
    test.send(refresh(&second.cookie)).await.expect(200);
    test.send(refresh(&ravi.cookie)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_and_a_cookie_of_different_sessions_end_both() {
    let test = TestApp::start().await;
    let (asha, ravi) =
        (test.student("asha@example.com").await, test.student("ravi@example.com").await);
    let kept = logged_in(test.log_in("asha@example.com").await);
    test.send(logout_by_cookie(&ravi.cookie).bearer(&asha.token)).await.expect(204);
    assert_over(&test, &asha).await;
    assert_over(&test, &ravi).await;
    test.send(read(&kept.token)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_that_races_a_logout_brings_no_session_back() {
    let test = Arc::new(TestApp::start().await);
    for number in 0..5 {
        let asha = test.student(&format!("asha{number}@example.com")).await;
        let mut calls = vec![refresh(&asha.cookie); 5];
        calls.insert(2, logout_by_cookie(&asha.cookie));
        let answers = test.send_together(calls).await;
        assert_eq!(answers[2].status, 204, "{}", answers[2].body);
        assert_over(&test, &asha).await;
        for answer in answers.into_iter().filter(|answer| answer.status == 200) {
            assert_over(&test, &logged_in(answer)).await;
        }
    }
}
