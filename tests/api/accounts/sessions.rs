//! The list of a person's own sessions: where they are logged in, and how they end one or all others.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::SignedDuration;
use serde_json::{Value, json};
use thali_domain::accounts::identity::Role;
use thali_domain::ids::{AccountId, SessionId};
use thali_platform::app::App;
use thali_platform::store::keys;

use super::{invited, logged_in, login, read, waiting};
use crate::support::people::{PASSWORD, Student};
use crate::support::{Call, TestApp};

const EMAIL: &str = "asha@example.com";
const FIREFOX: &str = "Mozilla/5.0 (Android 14; Mobile; rv:127.0) Gecko/127.0 Firefox/127.0";
const EDGE: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like \
                    Gecko) Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0";

fn list(student: &Student) -> Call {
    Call::get("/account/sessions").bearer(&student.token)
}

fn end(student: &Student, session: &str) -> Call {
    Call::new("DELETE", &format!("/account/sessions/{session}")).bearer(&student.token)
}

fn end_others(student: &Student) -> Call {
    Call::new("DELETE", "/account/sessions").bearer(&student.token)
}

fn refresh(cookie: &str) -> Call {
    Call::post("/api/auth/refresh", &json!({})).cookie(cookie)
}

/// The id of a person's session, which the cookie holds.
fn session_of(student: &Student) -> String {
    student.cookie.split('.').nth(1).expect("a session's id").to_owned()
}

async fn log_in_on(test: &TestApp, user_agent: &str) -> Student {
    let call = login(EMAIL, PASSWORD).header("user-agent", user_agent);
    logged_in(test.send(call).await)
}

async fn listed(test: &TestApp, student: &Student) -> Vec<Value> {
    test.list(student, "/account/sessions", 100).await
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
async fn the_own_sessions_are_listed_with_the_last_used_first() {
    let test = TestApp::start().await;
    test.student("ravi@example.com").await;
    let phone = {
        test.student(EMAIL).await;
        test.advance(SignedDuration::from_mins(1));
        log_in_on(&test, FIREFOX).await
    };
    test.advance(SignedDuration::from_mins(1));
    let laptop = log_in_on(&test, EDGE).await;
    let sessions = listed(&test, &laptop).await;
    assert_eq!(sessions.len(), 3);
    let expected = json!({
        "session_id": session_of(&laptop),
        "created_at": "2026-01-15T06:32:00Z",
        "last_used_at": "2026-01-15T06:32:00Z",
        "device": "Edge on Windows",
        "current": true,
    });
    assert_eq!(sessions[0], expected);
    assert_eq!(sessions[1]["device"], "Firefox on Android");
    // The first was stored without a device, as a session from before there were any.
    let without_device: Vec<&str> =
        sessions[2].as_object().expect("a session").keys().map(String::as_str).collect();
    assert_eq!(without_device, ["created_at", "current", "last_used_at", "session_id"]);
    assert_eq!(sessions[2]["created_at"], "2026-01-15T06:30:00Z");

    // A refresh is a use, and tells what the device is now.
    test.advance(SignedDuration::from_mins(1));
    let updated = FIREFOX.replace("Firefox", "SamsungBrowser");
    let call = refresh(&phone.cookie).header("user-agent", &updated);
    let phone = logged_in(test.send(call).await);
    // A refresh by an unknown client changes nothing about it.
    test.advance(SignedDuration::from_mins(1));
    let phone = logged_in(test.send(refresh(&phone.cookie)).await);
    let sessions = listed(&test, &phone).await;
    let expected = json!({
        "session_id": session_of(&phone),
        "created_at": "2026-01-15T06:31:00Z",
        "last_used_at": "2026-01-15T06:34:00Z",
        "device": "Samsung Internet on Android",
        "current": true,
    });
    assert_eq!(sessions[0], expected);
    assert_eq!(sessions[1]["current"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_sessions_comes_in_pages_without_expired_ones() {
    let test = TestApp::start().await;
    test.student(EMAIL).await;
    test.advance(SignedDuration::from_hours(7 * 24));
    let mut student = logged_in(test.log_in(EMAIL).await);
    for _ in 0..6 {
        test.advance(SignedDuration::from_secs(1));
        student = logged_in(test.log_in(EMAIL).await);
    }
    let in_pages = test.list(&student, "/account/sessions", 2).await;
    assert_eq!(in_pages, listed(&test, &student).await);
    assert_eq!(in_pages.len(), 7, "the expired one is left out");
    let unknown = Call::get("/account/sessions?device=x").bearer(&student.token);
    assert_eq!(test.send(unknown).await.wrong_fields(), ["device"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_session_is_ended_at_once_and_the_others_go_on() {
    for redis in [true, false] {
        let test =
            if redis { TestApp::start().await } else { TestApp::start_with("REDIS_URL", "").await };
        let asha = test.student(EMAIL).await;
        let stolen = log_in_on(&test, FIREFOX).await;
        let kept = log_in_on(&test, EDGE).await;
        test.send(read(&stolen.token)).await.expect(200);
        let answer = test.send(end(&asha, &session_of(&stolen))).await.expect(204);
        assert_eq!(answer.header("set-cookie"), "", "the own session goes on");
        assert_over(&test, &stolen).await;
        for student in [&asha, &kept] {
            test.send(read(&student.token)).await.expect(200);
        }
        assert_eq!(listed(&test, &asha).await.len(), 2);
        let again = test.send(end(&asha, &session_of(&stolen))).await;
        assert_eq!(again.problem(404), "session_not_found");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ending_the_current_session_is_a_logout() {
    let test = TestApp::start().await;
    let asha = test.student(EMAIL).await;
    let other = log_in_on(&test, EDGE).await;
    let answer = test.send(end(&asha, &session_of(&asha))).await.expect(204);
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with("thali_refresh=;") && cookie.contains("Max-Age=0"), "{cookie}");
    assert_over(&test, &asha).await;
    test.send(read(&other.token)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_ends_another_persons_session() {
    let test = TestApp::start().await;
    let asha = test.student(EMAIL).await;
    let strangers = [test.student("ravi@example.com").await, test.owner("owner@example.com").await];
    for stranger in &strangers {
        for session in [session_of(&asha), "ses_01J00000000000000000000000".into(), "x".into()] {
            let refused = test.send(end(stranger, &session)).await;
            assert_eq!(refused.problem(404), "session_not_found", "{session}");
        }
        test.send(end_others(stranger)).await.expect(204);
    }
    test.send(read(&asha.token)).await.expect(200);
    test.send(refresh(&asha.cookie)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_session_is_not_found() {
    let test = TestApp::start().await;
    let old = test.student(EMAIL).await;
    test.advance(SignedDuration::from_hours(7 * 24));
    let asha = logged_in(test.log_in(EMAIL).await);
    let refused = test.send(end(&asha, &session_of(&old))).await;
    assert_eq!(refused.problem(404), "session_not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_other_sessions_are_ended_at_once() {
    for redis in [true, false] {
        let test =
            if redis { TestApp::start().await } else { TestApp::start_with("REDIS_URL", "").await };
        let asha = test.student(EMAIL).await;
        let others = [log_in_on(&test, FIREFOX).await, log_in_on(&test, EDGE).await];
        for other in &others {
            test.send(read(&other.token)).await.expect(200);
        }
        // A repeat, because the answer was lost, ends nothing more.
        for _ in 0..2 {
            test.send(end_others(&asha)).await.expect(204);
        }
        for other in &others {
            assert_over(&test, other).await;
        }
        test.send(read(&asha.token)).await.expect(200);
        let asha = logged_in(test.send(refresh(&asha.cookie)).await);
        assert_eq!(listed(&test, &asha).await.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ended_sessions_stay_ended_after_redis_was_down() {
    let mut test = TestApp::start().await;
    let asha = test.student(EMAIL).await;
    let others = [log_in_on(&test, FIREFOX).await, log_in_on(&test, EDGE).await];
    test.redis.stop();
    test.send(end(&asha, &session_of(&others[0]))).await.expect(204);
    test.send(end_others(&asha)).await.expect(204);
    for other in &others {
        assert_over(&test, other).await;
    }
    test.redis.restart();
    for other in &others {
        assert_over(&test, other).await;
    }
    test.send(read(&asha.token)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn everyone_logged_in_sees_their_own_sessions() {
    let test = TestApp::start().await;
    for person in [
        invited(&test, "owner@example.com", Role::Owner).await,
        invited(&test, "staff@example.com", Role::Staff).await,
        waiting(&test, "waiting@example.com", "mess_strict").await,
    ] {
        let sessions = listed(&test, &person).await;
        assert_eq!(sessions.len(), 1, "{}", person.email);
        assert_eq!(sessions[0]["session_id"], json!(session_of(&person)));
        test.send(end_others(&person)).await.expect(204);
        test.send(list(&person)).await.expect(200);
        test.send(end(&person, &session_of(&person))).await.expect(204);
        assert_eq!(test.send(list(&person)).await.problem(401), "unauthenticated");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_is_stored_by_our_own_names_only() {
    let test = TestApp::start().await;
    test.student(EMAIL).await;
    let asha = log_in_on(&test, &format!("{FIREFOX} <script>secret-of-asha</script>")).await;
    let id = AccountId::parse(&asha.account_id).expect("an id");
    let session = SessionId::parse(&session_of(&asha)).expect("an id");
    let item = test.dynamo.item("accounts", &keys::session(id, session)).await;
    assert_eq!(item["device"], "Firefox on Android");
    assert!(!item.to_string().contains("secret"), "{item}");
    assert!(!item.to_string().contains("192.0.2.1"), "no address: {item}");
    // A session from before sessions had devices, previous tokens or versions of passwords.
    let old = SessionId::from_ulid(test.app.clock.ulid());
    let mut stored = test.dynamo.take("accounts", &keys::session(id, session)).await;
    for missing in ["device", "previous_hash", "password_version"] {
        stored.remove(missing);
    }
    stored.insert("sk".to_owned(), AttributeValue::S(keys::session(id, old).sk));
    stored.insert("session_id".to_owned(), AttributeValue::S(old.to_string()));
    test.dynamo.put("accounts", stored).await;
    let asha = logged_in(test.log_in(EMAIL).await);
    let sessions = listed(&test, &asha).await;
    assert!(sessions.iter().any(|it| it["session_id"] == old.to_string()), "{sessions:?}");
}
