//! Login: who can log in, what a refusal reveals, and when the login is locked.

use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::json;
use thali_domain::accounts::sessions::SESSIONS_MAX;

use super::{logged_in, login, registered, set_status, verify};
use crate::support::people::PASSWORD;
use crate::support::{Answer, Call, TestApp};

async fn with_username(test: &TestApp) {
    let body = json!({ "email": "asha@example.com", "password": PASSWORD, "username": "asha" });
    let registered = registered(test, &body).await;
    test.send(verify(&registered.id, &registered.code)).await.expect(201);
}

#[track_caller]
fn assert_locked(answer: &Answer) {
    assert_eq!(answer.problem(429), "locked");
    let wait_s: u64 = answer.header("retry-after").parse().expect("seconds");
    assert!((1..=901).contains(&wait_s), "{wait_s}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_student_can_log_in_by_email_or_username() {
    let test = TestApp::start().await;
    with_username(&test).await;
    for body in [
        json!({ "email": "asha@example.com", "password": PASSWORD }),
        json!({ "username": "asha@example.com", "password": PASSWORD }),
        json!({ "username": "asha", "password": PASSWORD }),
        json!({ "username": " ASHA ", "password": PASSWORD, "role": "student" }),
        json!({ "email": "asha@example.com", "password": PASSWORD, "mess_id": "mess_demo" }),
    ] {
        for path in ["/login", "/login/", "/api/auth/login"] {
            let answer = test.send(Call::post(path, &body)).await.expect(200);
            assert_eq!(answer.body["token_type"], "Bearer");
            assert_eq!(answer.body["expires_in"], 900);
            assert_eq!(answer.body["account"]["username"], "asha");
            assert!(!answer.body.to_string().contains("argon2"), "the hash is not returned");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_login_names_every_wrong_field() {
    let test = TestApp::start().await;
    for (body, wrong) in [
        (json!({}), vec!["password", "username"]),
        (json!({ "password": PASSWORD }), vec!["username"]),
        (json!({ "username": "a b", "password": PASSWORD }), vec!["username"]),
        (json!({ "username": "asha", "password": "" }), vec!["password"]),
        (json!({ "email": "asha", "password": "x".repeat(129) }), vec!["email", "password"]),
        (json!({ "username": "asha", "password": PASSWORD, "role": "cook" }), vec!["role"]),
    ] {
        assert_eq!(test.send(Call::post("/login", &body)).await.wrong_fields(), wrong, "{body}");
    }
    let several = test.another_process(&[("DEFAULT_MESS_ID", "")]);
    let answer = test.send_to(&several, login("asha", PASSWORD)).await;
    assert_eq!(answer.wrong_fields(), ["mess_id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_password_unknown_name_and_wrong_role_get_the_same_answer() {
    let test = TestApp::start().await;
    with_username(&test).await;
    let refusals = [
        json!({ "username": "asha", "password": "rice and dal at night" }),
        json!({ "username": "nobody", "password": PASSWORD }),
        json!({ "email": "nobody@example.com", "password": PASSWORD }),
        json!({ "username": "asha", "password": PASSWORD, "role": "owner" }),
        json!({ "username": "asha", "password": PASSWORD, "mess_id": "mess_nowhere" }),
    ];
    let mut bodies = Vec::new();
    for body in &refusals {
        let answer = test.send(Call::post("/login", body)).await;
        assert_eq!(answer.problem(401), "invalid_credentials", "{body}");
        assert_eq!(answer.header("set-cookie"), "");
        let mut told = answer.body.clone();
        told["request_id"] = json!(null);
        bodies.push(told);
    }
    assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]), "{bodies:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn five_wrong_passwords_lock_the_login_for_fifteen_minutes() {
    let test = TestApp::start().await;
    with_username(&test).await;
    for name in ["asha", "nobody", "nobody@example.com"] {
        for _ in 0..5 {
            let wrong = test.send(login(name, "rice and dal at night")).await;
            assert_eq!(wrong.problem(401), "invalid_credentials", "{name}");
        }
        assert_locked(&test.send(login(name, PASSWORD)).await);
    }
    // The lock runs from the last wrong password. An attempt that the lock refuses does not count.
    test.advance(SignedDuration::from_mins(15) - SignedDuration::from_millis(1));
    assert_locked(&test.send(login("asha", PASSWORD)).await);
    test.advance(SignedDuration::from_millis(1));
    logged_in(test.send(login("asha", PASSWORD)).await);
    let unknown = test.send(login("nobody", PASSWORD)).await;
    assert_eq!(unknown.problem(401), "invalid_credentials");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correct_password_resets_the_count_of_wrong_ones() {
    let test = TestApp::start().await;
    with_username(&test).await;
    for _ in 0..3 {
        for _ in 0..4 {
            test.send(login("asha", "rice and dal at night")).await.expect(401);
        }
        test.send(login("asha", PASSWORD)).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_are_forgotten_after_fifteen_minutes() {
    let test = TestApp::start().await;
    with_username(&test).await;
    for _ in 0..2 {
        for _ in 0..4 {
            test.send(login("asha", "rice and dal at night")).await.expect(401);
        }
        test.advance(SignedDuration::from_mins(15));
    }
    test.send(login("asha", PASSWORD)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_wrong_passwords_are_all_counted() {
    let test = Arc::new(TestApp::start().await);
    with_username(&test).await;
    for name in ["asha", "nobody"] {
        let tries = vec![login(name, "rice and dal at night"); 5];
        for answer in test.send_together(tries).await {
            assert_eq!(answer.problem(401), "invalid_credentials");
        }
        assert_locked(&test.send(login(name, PASSWORD)).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_or_rejected_student_can_neither_log_in_nor_refresh() {
    let test = TestApp::start().await;
    for status in ["blocked", "rejected"] {
        let asha = test.student(&format!("{status}@example.com")).await;
        set_status(&test, &asha.account_id, status).await;
        assert_eq!(test.log_in(&asha.email).await.problem(403), "account_closed");
        // Only a caller with the right password learns that the account is closed.
        let guessed = test.send(login(&asha.email, "rice and dal at night")).await;
        assert_eq!(guessed.problem(401), "invalid_credentials");

        let refresh = || Call::post("/api/auth/refresh", &json!({})).cookie(&asha.cookie);
        assert_eq!(test.send(refresh()).await.problem(403), "account_closed");
        let read = test.send(super::read(&asha.token)).await;
        assert_eq!(read.problem(401), "unauthenticated", "the session has ended");
        set_status(&test, &asha.account_id, "active").await;
        assert_eq!(test.send(refresh()).await.problem(401), "refresh_expired");
        test.log_in(&asha.email).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ttl_keeps_the_failure_count_until_it_is_forgotten() {
    let test = TestApp::start().await;
    for _ in 0..3 {
        let refused = test.send(login("nobody", "not the password")).await;
        assert_eq!(refused.problem(401), "invalid_credentials");
        test.advance(SignedDuration::from_mins(10));
    }
    let items = test.dynamo.items("accounts").await;
    let counter = items.iter().find(|item| item["sk"].as_s().is_ok_and(|sk| sk == "failures"));
    let number = |attribute: &str| -> i64 {
        let value = counter.expect("wrong passwords are counted")[attribute].as_n();
        value.expect("a number").parse().expect("a whole one")
    };
    assert_eq!(number("count"), 3);
    assert!(number("ttl") >= number("forgotten_at") / 1_000, "DynamoDB removes it after that");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_twenty_first_session_ends_the_least_recently_used_one() {
    let test = TestApp::start().await;
    let first = test.student("asha@example.com").await;
    let mut logins = Vec::new();
    for _ in 1..SESSIONS_MAX {
        test.advance(SignedDuration::from_secs(1));
        logins.push(test.log_in("asha@example.com").await.expect(200));
    }
    // The first session is used again, so the second is now the least recently used.
    test.advance(SignedDuration::from_secs(1));
    let refresh = Call::post("/api/auth/refresh", &json!({})).cookie(&first.cookie);
    let first = test.send(refresh).await.expect(200);
    test.advance(SignedDuration::from_secs(1));
    let last = test.log_in("asha@example.com").await.expect(200);

    let works = async |login: &Answer| {
        let call = Call::get("/student/tokens").bearer(login.text("access_token"));
        test.send(call).await.status == 200
    };
    assert!(!works(&logins[0]).await, "the least recently used session has ended");
    for login in logins[1..].iter().chain([&first, &last]) {
        assert!(works(login).await, "the other sessions stay");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_the_same_from_another_keyboard() {
    let test = TestApp::start().await;
    let (composed, decomposed) = ("d\u{e9}j\u{e0} vu at noon 7", "de\u{301}ja\u{300} vu at noon 7");
    let body = json!({
        "email": "asha@example.com", "password": decomposed, "confirm_password": composed,
    });
    let registered = registered(&test, &body).await;
    test.send(verify(&registered.id, &registered.code)).await.expect(201);
    for password in [composed, decomposed, "de\u{301}ja\u{300}\u{a0}vu at\u{3000}noon 7"] {
        test.send(login("asha@example.com", password)).await.expect(200);
    }
    let answer = test.send(login("asha@example.com", "deja vu at noon 7")).await;
    assert_eq!(answer.problem(401), "invalid_credentials");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_in_three_spellings_is_one_attempt() {
    let test = TestApp::start().await;
    test.student("asha@example.com").await;
    for name in ["asha@example.com", "nobody@example.com"] {
        for _ in 0..5 {
            let wrong = test.send(login(name, "wrong e\u{301}\u{e9}")).await;
            assert_eq!(wrong.problem(401), "invalid_credentials", "{name}");
        }
        assert_locked(&test.send(login(name, PASSWORD)).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_username_may_be_typed_wide() {
    let test = TestApp::start().await;
    with_username(&test).await;
    test.send(login("\u{200b}Ａｓｈａ ", PASSWORD)).await.expect(200);
}
