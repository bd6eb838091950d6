//! Device cookies: strangers who guess cannot lock out a browser that has logged in before, and a
//! known browser's guesses are bounded too.

use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::json;
use thali_domain::accounts::identity::{AccountStatus, LoginName, Role};
use thali_domain::ids::AccountId;
use thali_platform::auth::device::COOKIE;
use thali_platform::store::PasswordCounter;

use super::rate_limits::{REDIS_PAUSE, ROUNDS};
use super::{login, mailed_code, registered, verify};
use crate::support::people::PASSWORD;
use crate::support::{Answer, Call, TestApp};

const OWNER: &str = "owner@example.com";
const WRONG: &str = "rice and dal at night";

/// The demo mess's only owner, made as an operator makes one.
async fn owner(test: &TestApp) -> AccountId {
    let (mess, role) = (test.mess_id.clone(), Role::Owner);
    test.account(&mess, role, AccountStatus::Active, OWNER).await.account_id
}

fn log_in_with(cookie: &str, password: &str) -> Call {
    login(OWNER, password).cookie(cookie)
}

async fn device_of(test: &TestApp, name: &str) -> String {
    test.send(login(name, PASSWORD)).await.expect(200).cookie_named(COOKIE)
}

/// Strangers use up their five tries of a name.
async fn lock_for_strangers(test: &TestApp, name: &str) {
    for _ in 0..5 {
        assert_eq!(test.send(login(name, WRONG)).await.problem(401), "invalid_credentials");
    }
    assert_locked(&test.send(login(name, PASSWORD)).await);
}

#[track_caller]
fn assert_locked(answer: &Answer) {
    assert_eq!(answer.problem(429), "locked");
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_cannot_lock_the_owner_out_of_a_known_browser() {
    let test = TestApp::start().await;
    owner(&test).await;
    let cookie = device_of(&test, OWNER).await;
    // For as long as strangers go on guessing.
    for _ in 0..4 {
        lock_for_strangers(&test, OWNER).await;
        test.send(log_in_with(&cookie, PASSWORD)).await.expect(200);
        // The login of the known browser gives strangers no new tries.
        assert_locked(&test.send(login(OWNER, WRONG)).await);
        test.advance(SignedDuration::from_mins(15));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_known_browser_is_locked_alone_after_five_wrong_passwords() {
    let test = TestApp::start().await;
    owner(&test).await;
    let phone = device_of(&test, OWNER).await;
    let laptop = device_of(&test, OWNER).await;
    assert_ne!(phone, laptop);
    for _ in 0..5 {
        let wrong = test.send(log_in_with(&phone, WRONG)).await;
        assert_eq!(wrong.problem(401), "invalid_credentials");
    }
    assert_locked(&test.send(log_in_with(&phone, PASSWORD)).await);
    test.send(log_in_with(&laptop, PASSWORD)).await.expect(200);
    test.send(login(OWNER, PASSWORD)).await.expect(200);
    assert_locked(&test.send(log_in_with(&phone, PASSWORD)).await);
    test.advance(SignedDuration::from_mins(15));
    test.send(log_in_with(&phone, PASSWORD)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_password_in_a_known_browser_resets_its_count() {
    let test = TestApp::start().await;
    owner(&test).await;
    let mut cookie = device_of(&test, OWNER).await;
    for _ in 0..3 {
        for _ in 0..4 {
            test.send(log_in_with(&cookie, WRONG)).await.expect(401);
        }
        let again = test.send(log_in_with(&cookie, PASSWORD)).await.expect(200);
        assert_eq!(again.cookie_named(COOKIE), cookie, "the same device");
        cookie = again.cookie_named(COOKIE);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_forged_and_outdated_cookies_share_the_strangers_count() {
    let test = TestApp::start().await;
    owner(&test).await;
    let outdated = device_of(&test, OWNER).await;
    test.send(Call::post("/password-reset", &json!({ "email": OWNER }))).await.expect(202);
    let code = mailed_code(&test, OWNER).await;
    let body = json!({ "email": OWNER, "otp": code, "new_password": "curd rice with pickle" });
    test.send(Call::post("/password-reset/confirm", &body)).await.expect(204);
    test.student("ravi@example.com").await;
    let foreign = device_of(&test, "ravi@example.com").await;
    let forged = outdated.replace(".0.", ".1.");
    for cookie in [&outdated, &foreign, &forged, "thali_device=", "thali_device=~~a.b.c.d"] {
        let wrong = test.send(log_in_with(cookie, WRONG)).await;
        assert_eq!(wrong.problem(401), "invalid_credentials", "{cookie}");
    }
    for cookie in [&outdated, &foreign, &forged, ""] {
        let locked = test.send(log_in_with(cookie, "curd rice with pickle")).await;
        assert_locked(&locked);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_lets_the_owner_in_on_a_new_browser() {
    let test = TestApp::start().await;
    owner(&test).await;
    lock_for_strangers(&test, OWNER).await;
    test.send(Call::post("/password-reset", &json!({ "email": OWNER }))).await.expect(202);
    let code = mailed_code(&test, OWNER).await;
    let new = "curd rice with pickle";
    let body = json!({ "email": OWNER, "otp": code, "new_password": new });
    let reset = test.send(Call::post("/password-reset/confirm", &body)).await.expect(204);
    let cookie = reset.cookie_named(COOKIE);
    lock_for_strangers(&test, OWNER).await;
    test.send(log_in_with(&cookie, new)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_is_for_the_whole_site_and_hides_from_scripts() {
    let test = TestApp::start().await;
    let id = owner(&test).await;
    let answer = test.send(login(OWNER, PASSWORD)).await.expect(200);
    let set = answer.headers.get_all("set-cookie").iter();
    let set = set.filter_map(|set| set.to_str().ok()).find(|set| set.starts_with(COOKIE));
    let (value, attributes) = set.and_then(|set| set.split_once(';')).expect("it is set");
    assert_eq!(attributes, " Path=/; Max-Age=34560000; HttpOnly; Secure; SameSite=Strict");
    assert!(value.starts_with(&format!("{COOKIE}={id}.dev_")), "{value}");
    assert!(!value.contains("owner") && value.len() < 200, "{value}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_browser_is_known_to_several_accounts() {
    let test = TestApp::start().await;
    owner(&test).await;
    test.student("ravi@example.com").await;
    let owners = device_of(&test, OWNER).await;
    let ravi = login("ravi@example.com", PASSWORD).cookie(&owners);
    let both = test.send(ravi).await.expect(200).cookie_named(COOKIE);
    for name in [OWNER, "ravi@example.com"] {
        lock_for_strangers(&test, name).await;
        test.send(login(name, PASSWORD).cookie(&both)).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_known_browsers_are_counted_alone_too() {
    let test = TestApp::start().await;
    owner(&test).await;
    let app = test.another_process(&[("REDIS_URL", "")]);
    let cookie = test.send_to(&app, login(OWNER, PASSWORD)).await.cookie_named(COOKIE);
    for _ in 0..5 {
        test.send_to(&app, login(OWNER, WRONG)).await.expect(401);
    }
    assert_locked(&test.send_to(&app, login(OWNER, PASSWORD)).await);
    for _ in 0..5 {
        test.send_to(&app, log_in_with(&cookie, WRONG)).await.expect(401);
    }
    assert_locked(&test.send_to(&app, log_in_with(&cookie, PASSWORD)).await);
}

/// Sends a call so often at once; returns how many passwords were compared. The others are locked.
async fn compared(test: &Arc<TestApp>, call: Call, times: usize) -> usize {
    let answers = test.send_together(vec![call; times]).await;
    let (compared, locked): (Vec<_>, Vec<_>) =
        answers.iter().partition(|answer| [401, 403].contains(&answer.status));
    locked.into_iter().for_each(assert_locked);
    compared.len()
}

/// Plays rounds until one compares `expected` passwords. On a busy machine a late Redis lets a
/// burst through, as if there were none.
async fn assert_compared<C: Future<Output = usize>>(expected: usize, round: impl Fn(usize) -> C) {
    let mut last = 0;
    for number in 0..ROUNDS {
        last = round(number).await;
        if last == expected {
            return;
        }
        tokio::time::sleep(REDIS_PAUSE).await;
    }
    panic!("{last} are compared, not {expected}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_fifty_wrong_logins_compares_five() {
    let test = Arc::new(TestApp::start().await);
    owner(&test).await;
    for name in [OWNER, "nobody@example.com"] {
        assert_compared(5, async |_| {
            test.advance(SignedDuration::from_mins(15));
            compared(&test, login(name, WRONG), 50).await
        })
        .await;
    }
    assert_compared(5, async |_| {
        test.advance(SignedDuration::from_mins(15));
        let cookie = device_of(&test, OWNER).await;
        compared(&test, log_in_with(&cookie, WRONG), 50).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tries_left_of_earlier_failures_bound_a_burst() {
    let test = Arc::new(TestApp::start().await);
    owner(&test).await;
    assert_compared(2, async |_| {
        test.advance(SignedDuration::from_mins(15));
        for _ in 0..3 {
            test.send(login(OWNER, WRONG)).await.expect(401);
        }
        compared(&test, login(OWNER, WRONG), 20).await
    })
    .await;
    let name = LoginName::parse(OWNER).expect("a name");
    let counter = PasswordCounter::Strangers(&test.mess_id, &name);
    let failures = test.app.store.password_failures(counter).await.expect("read");
    assert_eq!(failures.count, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_right_logins_at_once_all_succeed() {
    let test = Arc::new(TestApp::start().await);
    owner(&test).await;
    for answer in test.send_together(vec![login(OWNER, PASSWORD); 30]).await {
        answer.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_of_a_killed_login_is_not_held_for_long() {
    let test = TestApp::start().await;
    owner(&test).await;
    let name = LoginName::parse(OWNER).expect("a name");
    let counter = PasswordCounter::Strangers(&test.mess_id, &name).hashed();
    for id in ["killed-1", "killed-2", "killed-3", "killed-4"] {
        test.app.cache.try_claim(&counter, id, 5, test.now()).await;
    }
    test.send(login(OWNER, WRONG)).await.expect(401);
    test.advance(SignedDuration::from_secs(15));
    for _ in 0..4 {
        test.send(login(OWNER, WRONG)).await.expect(401);
    }
    assert_locked(&test.send(login(OWNER, PASSWORD)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_current_passwords_count_for_their_session_alone() {
    let test = Arc::new(TestApp::start().await);
    let body = json!({ "email": "asha@example.com", "password": PASSWORD, "username": "asha" });
    let waiting = registered(&test, &body).await;
    test.send(verify(&waiting.id, &waiting.code)).await.expect(201);
    let phone = test.log_in("asha@example.com").await.expect(200);
    let pin = |login: &Answer, password: &str| {
        let body = json!({ "security_code": "2468", "current_password": password });
        Call::patch("/student/profile", &body).bearer(login.text("access_token"))
    };
    lock_for_strangers(&test, "asha@example.com").await;
    test.send(pin(&phone, PASSWORD)).await.expect(200);
    assert_compared(5, async |_| {
        test.advance(SignedDuration::from_mins(15));
        let phone = test.log_in("asha@example.com").await.expect(200);
        compared(&test, pin(&phone, WRONG), 20).await
    })
    .await;
    let phone = test.log_in("asha@example.com").await.expect(200);
    let laptop = test.log_in("asha@example.com").await.expect(200);
    for _ in 0..5 {
        let wrong = test.send(pin(&phone, WRONG)).await;
        assert_eq!(wrong.problem(403), "current_password_wrong");
    }
    assert_locked(&test.send(pin(&phone, PASSWORD)).await);
    test.send(pin(&laptop, PASSWORD)).await.expect(200);
    test.send(login("asha", PASSWORD)).await.expect(200);
    test.advance(SignedDuration::from_mins(14) + SignedDuration::from_secs(59));
    assert_locked(&test.send(pin(&phone, PASSWORD)).await);
}
