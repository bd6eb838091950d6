//! The refresh cookie: rotated at every use. The old cookie gets the same successor again, until the
//! successor was used; then it ends the session.

use std::sync::Arc;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::SignedDuration;
use serde_json::json;
use thali_platform::store::keys;

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
async fn a_refresh_whose_answer_was_lost_can_be_repeated_for_days() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let lost = logged_in(test.send(refresh(&asha.cookie)).await);
    for later in [SignedDuration::from_secs(36), SignedDuration::from_hours(6 * 24)] {
        test.advance(later);
        let repeated = logged_in(test.send(refresh(&asha.cookie)).await);
        assert_eq!(repeated.cookie, lost.cookie);
        test.send(read(&repeated.token)).await.expect(200);
    }
    let next = logged_in(test.send(refresh(&lost.cookie)).await);
    test.send(read(&next.token)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_refresh_does_not_prolong_the_session() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let lost = logged_in(test.send(refresh(&asha.cookie)).await);
    test.advance(SignedDuration::from_hours(6 * 24));
    let repeated = test.send(refresh(&asha.cookie)).await.expect(200);
    let cookie = repeated.header("set-cookie");
    assert!(cookie.contains("; Max-Age=86400;"), "the rest of seven days: {cookie}");
    test.advance(SignedDuration::from_hours(24));
    for cookie in [&asha.cookie, &lost.cookie] {
        assert_eq!(test.send(refresh(cookie)).await.problem(401), "refresh_expired");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_after_logout_or_new_password_is_refused() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let renewed = logged_in(test.send(refresh(&asha.cookie)).await);
    let logout = Call::post("/api/auth/logout", &json!({})).bearer(&renewed.token);
    test.send(logout).await.expect(204);
    assert_eq!(test.send(refresh(&asha.cookie)).await.problem(401), "refresh_expired");

    // A session that the process which changed the password did not live to end.
    let other = logged_in(test.log_in("asha@example.com").await);
    let renewed = logged_in(test.send(refresh(&other.cookie)).await);
    let key = keys::account(asha.account_id.parse().expect("an id"));
    let version = AttributeValue::N("1".to_owned());
    test.dynamo.set("accounts", &key, "password_version", version).await;
    assert_eq!(test.send(refresh(&other.cookie)).await.problem(401), "refresh_expired");
    assert_eq!(test.send(read(&renewed.token)).await.problem(401), "unauthenticated");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_after_a_new_refresh_key_gets_a_working_cookie() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let lost = logged_in(test.send(refresh(&asha.cookie)).await);
    let after = test.another_process(&[("REFRESH_KEY", "another-refresh-key")]);
    let repeated = logged_in(test.send_to(&after, refresh(&asha.cookie)).await);
    assert_ne!(repeated.cookie, lost.cookie);
    let again = logged_in(test.send_to(&after, refresh(&asha.cookie)).await);
    assert_eq!(again.cookie, repeated.cookie);
    let next = logged_in(test.send_to(&after, refresh(&repeated.cookie)).await);
    // The successor that nobody had used is void. It has the old key's tag, so it ends nothing.
    assert_eq!(test.send_to(&after, refresh(&lost.cookie)).await.problem(401), "refresh_expired");
    test.send_to(&after, read(&next.token)).await.expect(200);
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
async fn an_old_cookie_whose_successor_was_used_ends_the_session() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let elsewhere = logged_in(test.log_in("asha@example.com").await);
    let first = logged_in(test.send(refresh(&asha.cookie)).await);
    let renewed = logged_in(test.send(refresh(&first.cookie)).await);
    test.send(read(&renewed.token)).await.expect(200);
    let reused = test.send(refresh(&asha.cookie)).await;
    assert_eq!(reused.problem(401), "refresh_reused");
    assert_eq!(reused.header("set-cookie"), "");
    for token in [&asha.token, &renewed.token] {
        assert_eq!(test.send(read(token)).await.problem(401), "unauthenticated");
    }
    for cookie in [&asha.cookie, &first.cookie, &renewed.cookie] {
        assert_eq!(test.send(refresh(cookie)).await.problem(401), "refresh_expired");
    }
    test.send(read(&elsewhere.token)).await.expect(200);
}

/// A thief has a copy of the cookie. Both are let in until one of them is two steps ahead.
#[tokio::test(flavor = "multi_thread")]
async fn a_thief_is_caught_when_either_side_is_two_steps_ahead() {
    let test = TestApp::start().await;
    let (thief_is_ahead, victim_is_ahead) =
        (test.student("asha@example.com").await, test.student("ravi@example.com").await);
    let stolen = &thief_is_ahead.cookie;
    let first = logged_in(test.send(refresh(stolen)).await);
    let second = logged_in(test.send(refresh(&first.cookie)).await);
    assert_eq!(test.send(refresh(stolen)).await.problem(401), "refresh_reused", "the victim");
    assert_eq!(test.send(refresh(&second.cookie)).await.problem(401), "refresh_expired");
    assert_eq!(test.send(read(&second.token)).await.problem(401), "unauthenticated");

    let stolen = &victim_is_ahead.cookie;
    let first = logged_in(test.send(refresh(stolen)).await);
    // One step behind: the thief gets what the victim has.
    assert_eq!(logged_in(test.send(refresh(stolen)).await).cookie, first.cookie);
    let second = logged_in(test.send(refresh(&first.cookie)).await);
    assert_eq!(test.send(refresh(stolen)).await.problem(401), "refresh_reused", "the thief");
    assert_eq!(test.send(refresh(&second.cookie)).await.problem(401), "refresh_expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_tabs_that_refresh_at_once_all_stay_logged_in() {
    let test = Arc::new(TestApp::start().await);
    let asha = test.student("asha@example.com").await;
    let mut cookie = asha.cookie;
    for _ in 0..3 {
        let answers = test.send_together(vec![refresh(&cookie); 20]).await;
        let tabs: Vec<_> = answers.into_iter().map(logged_in).collect();
        assert!(tabs.iter().all(|tab| tab.cookie == tabs[0].cookie), "one successor");
        for tab in &tabs {
            test.send(read(&tab.token)).await.expect(200);
        }
        cookie.clone_from(&tabs[0].cookie);
    }
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

/// The ids in a cookie are no secret: an owner sees them in the audit trail.
#[tokio::test(flavor = "multi_thread")]
async fn an_invented_cookie_of_a_known_session_ends_nothing() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let renewed = logged_in(test.send(refresh(&asha.cookie)).await);
    let (ids, secret) = renewed.cookie.rsplit_once('.').expect("it has parts");
    let (half, tag) = secret.split_at(32);
    let invented =
        ["x".repeat(43), "0".repeat(64), format!("{tag}{half}"), format!("{half}{half}")];
    for secret in invented {
        let refused = test.send(refresh(&format!("{ids}.{secret}"))).await;
        assert_eq!(refused.problem(401), "refresh_expired", "{secret}");
    }
    test.send(read(&renewed.token)).await.expect(200);
    test.send(refresh(&renewed.cookie)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_older_cookie_of_a_session_ends_it() {
    let test = TestApp::start().await;
    for steps in 0..4 {
        let asha = test.student(&format!("asha{steps}@example.com")).await;
        let mut cookies = vec![asha.cookie];
        for _ in 0..5 {
            let newest = cookies.last().expect("there is one");
            cookies.push(logged_in(test.send(refresh(newest)).await).cookie);
        }
        assert_eq!(test.send(refresh(&cookies[steps])).await.problem(401), "refresh_reused");
        assert_eq!(test.send(refresh(&cookies[5])).await.problem(401), "refresh_expired");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_from_before_first_tokens_were_stored_still_ends() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let id = asha.account_id.parse().expect("an id");
    let session = asha.cookie.split('.').nth(1).expect("an id").parse().expect("an id");
    let key = keys::session(id, session);
    let mut stored = test.dynamo.take("accounts", &key).await;
    stored.remove("first_hash").expect("it is stored");
    test.dynamo.put("accounts", stored).await;
    let first = logged_in(test.send(refresh(&asha.cookie)).await);
    let second = logged_in(test.send(refresh(&first.cookie)).await);
    assert_eq!(test.send(refresh(&asha.cookie)).await.problem(401), "refresh_reused");
    assert_eq!(test.send(refresh(&second.cookie)).await.problem(401), "refresh_expired");
}

/// A change of the password that keeps its own session raises the version of both. A refresh at that
/// moment may see only one of them.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_a_new_password_kept_is_refreshed() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let id = asha.account_id.parse().expect("an id");
    let session = asha.cookie.split('.').nth(1).expect("an id").parse().expect("an id");
    let mut cookie = asha.cookie;
    for key in [keys::session(id, session), keys::account(id)] {
        let version = AttributeValue::N("1".to_owned());
        test.dynamo.set("accounts", &key, "password_version", version).await;
        cookie = logged_in(test.send(refresh(&cookie)).await).cookie;
    }
}
