//! The refresh cookie: rotated at every use. The old cookie works for another half a minute; a
//! later use ends the session.

use jiff::SignedDuration;
use serde_json::json;

use super::{logged_in, read};
use crate::support::{Call, TestApp};

fn refresh(cookie: &str) -> Call {
    Call::post("/api/auth/refresh", &json!({})).cookie(cookie)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_returns_a_new_token_and_rotates_the_cookie() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    test.advance(SignedDuration::from_mins(20));
    assert_eq!(test.send(read(&asha.token)).await.problem(401), "unauthenticated");
    let answer = test.send(refresh(&asha.cookie)).await.expect(200);
    let set_cookie = answer.header("set-cookie").to_owned();
    for attribute in ["HttpOnly", "Secure", "SameSite=Strict", "Path=/api/auth", "Max-Age=604800"] {
        assert!(set_cookie.split("; ").any(|part| part == attribute), "{attribute}: {set_cookie}");
    }
    assert_eq!(answer.body["expires_in"], 900);
    let renewed = logged_in(answer);
    assert_ne!(renewed.cookie, asha.cookie);
    assert_eq!(renewed.account_id, asha.account_id);
    test.send(read(&renewed.token)).await.expect(200);
    let again = logged_in(test.send(refresh(&renewed.cookie)).await);
    assert_ne!(again.cookie, renewed.cookie);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_refresh_within_thirty_seconds_returns_the_same_cookie() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let lost = logged_in(test.send(refresh(&asha.cookie)).await);
    test.advance(SignedDuration::from_millis(29_999));
    let repeated = logged_in(test.send(refresh(&asha.cookie)).await);
    assert_eq!(repeated.cookie, lost.cookie);
    test.send(read(&repeated.token)).await.expect(200);
    logged_in(test.send(refresh(&repeated.cookie)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_concurrent_refreshes_get_the_same_cookie() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let other = test.another_process(&[]);
    for _ in 0..5 {
        let (one, another) = tokio::join!(
            test.send(refresh(&asha.cookie)),
            test.send_to(&other, refresh(&asha.cookie))
        );
        let (one, another) = (logged_in(one), logged_in(another));
        assert_eq!(one.cookie, another.cookie);
        test.send(read(&one.token)).await.expect(200);
        test.send(read(&another.token)).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_cookie_reused_after_thirty_seconds_ends_the_session() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let elsewhere = logged_in(test.log_in("asha@example.com").await);
    let renewed = logged_in(test.send(refresh(&asha.cookie)).await);
    test.send(read(&renewed.token)).await.expect(200);
    test.advance(SignedDuration::from_secs(30));
    let reused = test.send(refresh(&asha.cookie)).await;
    assert_eq!(reused.problem(401), "refresh_reused");
    assert_eq!(reused.header("set-cookie"), "");
    for token in [&asha.token, &renewed.token] {
        assert_eq!(test.send(read(token)).await.problem(401), "unauthenticated");
    }
    for cookie in [&asha.cookie, &renewed.cookie] {
        assert_eq!(test.send(refresh(cookie)).await.problem(401), "refresh_expired");
    }
    test.send(read(&elsewhere.token)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_two_rotations_old_ends_the_session_at_once() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let second = logged_in(test.send(refresh(&asha.cookie)).await);
    let third = logged_in(test.send(refresh(&second.cookie)).await);
    assert_eq!(test.send(refresh(&asha.cookie)).await.problem(401), "refresh_reused");
    assert_eq!(test.send(refresh(&third.cookie)).await.problem(401), "refresh_expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_seven_days_after_its_last_use() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let week = SignedDuration::from_hours(7 * 24);
    test.advance(week - SignedDuration::from_millis(1));
    let renewed = logged_in(test.send(refresh(&asha.cookie)).await);
    test.advance(week - SignedDuration::from_millis(1));
    let renewed = logged_in(test.send(refresh(&renewed.cookie)).await);
    test.advance(week);
    assert_eq!(test.send(refresh(&renewed.cookie)).await.problem(401), "refresh_expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_or_invalid_cookie_refreshes_nothing() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let (_, value) = asha.cookie.split_once('=').expect("a cookie");
    let secret = "x".repeat(43);
    let without = Call::post("/api/auth/refresh", &json!({}));
    assert_eq!(test.send(without).await.problem(401), "refresh_expired");
    for cookie in [
        "thali_refresh=".to_owned(),
        "thali_refresh=garbage".to_owned(),
        format!("thali_refresh_old={value}"),
        format!("other={value}"),
        format!("thali_refresh={}", asha.token),
        format!("thali_refresh={}.{}.{secret}", asha.account_id, "ses_01J00000000000000000000000"),
        format!(
            "thali_refresh=acc_01J00000000000000000000000.ses_01J00000000000000000000000.{secret}"
        ),
    ] {
        let refused = test.send(refresh(&cookie)).await;
        assert_eq!(refused.problem(401), "refresh_expired", "{cookie}");
    }
    let in_body = json!({ "refresh_token": value });
    let refused = test.send(Call::post("/api/auth/refresh", &in_body)).await;
    assert_eq!(refused.problem(401), "refresh_expired");
    test.send(refresh(&asha.cookie).cookie("theme=dark")).await.expect(200);
}
