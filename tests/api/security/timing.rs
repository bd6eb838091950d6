//! The duration of a response reveals no more than its content.

use std::time::{Duration, Instant};

use serde_json::json;
use thali_domain::accounts::identity::{AccountStatus, Role};

use super::{FIRST_MESS, person};
use crate::support::people::PASSWORD;
use crate::support::{Call, TestApp};

/// How many calls of each kind are timed. Each call uses another account, so no lock and no
/// counter affects the time.
const SAMPLES: usize = 31;

/// The largest allowed ratio of the medians. Hashing a password takes several times as long as
/// everything else, so a missing hash exceeds this ratio. A reset does the same writes for
/// every address.
const RATIO_MAX: f64 = 1.5;

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

async fn timed(test: &TestApp, call: Call, status: u16) -> Duration {
    let started = Instant::now();
    test.send(call).await.expect(status);
    started.elapsed()
}

/// Times calls for e-mail addresses with and without an account. The calls alternate, so a slow
/// machine affects both kinds.
async fn assert_same_time(path: &str, status: u16, body: impl Fn(&str) -> serde_json::Value) {
    let test = TestApp::start().await;
    let mut known = Vec::new();
    for _ in 0..SAMPLES {
        known.push(person(&test, FIRST_MESS, Role::Student, AccountStatus::Active).await.email);
    }
    // The first calls are not timed, because they include one-time set-up.
    for warm in ["warm@people.test", known.pop().expect("one").as_str()] {
        timed(&test, Call::post(path, &body(warm)), status).await;
    }
    let (mut of_known, mut of_unknown) = (Vec::new(), Vec::new());
    for (number, email) in known.iter().enumerate() {
        of_known.push(timed(&test, Call::post(path, &body(email)), status).await);
        let unknown = format!("nobody{number}@people.test");
        of_unknown.push(timed(&test, Call::post(path, &body(&unknown)), status).await);
    }
    let (known, unknown) = (median(of_known), median(of_unknown));
    let ratio = known.as_secs_f64() / unknown.as_secs_f64();
    println!("{path}: known {known:?}, unknown {unknown:?}, ratio {ratio:.2}");
    assert!((RATIO_MAX.recip()..=RATIO_MAX).contains(&ratio), "{known:?} and {unknown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn login_time_does_not_reveal_whether_an_address_is_known() {
    assert_same_time(
        "/login",
        401,
        |email| json!({ "mess_id": FIRST_MESS, "email": email, "password": "not the password" }),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_up_time_does_not_reveal_whether_an_address_is_known() {
    assert_same_time(
        "/sign-up",
        202,
        |email| json!({ "mess_id": FIRST_MESS, "email": email, "password": PASSWORD }),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn password_reset_time_does_not_reveal_whether_an_address_is_known() {
    assert_same_time(
        "/password-reset",
        202,
        |email| json!({ "mess_id": FIRST_MESS, "email": email }),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn registration_time_does_not_reveal_whether_an_address_is_known() {
    assert_same_time("/api/v1/students/register", 201, |email| {
        let roll_no = email.split('@').next().expect("a part before the @");
        json!({
            "mess_id": FIRST_MESS, "name": "Asha Rao", "roll_no": roll_no, "room_no": "B-204",
            "phone": "9812345678", "email": email,
        })
    })
    .await;
}
