//! How long an answer takes tells no more than the answer.

use std::time::{Duration, Instant};

use serde_json::json;
use thali_domain::accounts::identity::{AccountStatus, Role};

use super::{FIRST_MESS, person};
use crate::support::people::PASSWORD;
use crate::support::{Call, TestApp};

/// How many times each kind is timed. Every one is of another account, so that no lock
/// and no counter tells them apart.
const SAMPLES: usize = 31;

/// How far the medians may be apart. Hashing a password, which is what could be forgotten,
/// is several times everything else; a reset does the same writes for everybody.
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

/// Times calls for e-mail addresses that have an account and for those that have none, in
/// turn, so that whatever slows the machine slows both.
async fn assert_same_time(path: &str, status: u16, body: impl Fn(&str) -> serde_json::Value) {
    let test = TestApp::start().await;
    let mut known = Vec::new();
    for _ in 0..SAMPLES {
        known.push(person(&test, FIRST_MESS, Role::Student, AccountStatus::Active).await.email);
    }
    // What is made at the first use, of the database too, is not counted.
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
async fn a_login_takes_as_long_for_an_unknown_address_as_for_a_known_one() {
    assert_same_time(
        "/login",
        401,
        |email| json!({ "mess_id": FIRST_MESS, "email": email, "password": "not the password" }),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_takes_as_long_for_a_known_address_as_for_an_unknown_one() {
    assert_same_time(
        "/sign-up",
        202,
        |email| json!({ "mess_id": FIRST_MESS, "email": email, "password": PASSWORD }),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_reset_takes_as_long_for_an_unknown_address_as_for_a_known_one() {
    assert_same_time(
        "/password-reset",
        202,
        |email| json!({ "mess_id": FIRST_MESS, "email": email }),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_takes_as_long_for_a_known_address_as_for_an_unknown_one() {
    assert_same_time("/api/v1/students/register", 201, |email| {
        let roll_no = email.split('@').next().expect("a part before the @");
        json!({
            "mess_id": FIRST_MESS, "name": "Asha Rao", "roll_no": roll_no, "room_no": "B-204",
            "phone": "9812345678", "email": email,
        })
    })
    .await;
}
