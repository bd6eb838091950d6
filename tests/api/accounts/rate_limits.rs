//! How many requests an IP address may send in a minute, and how many mails a mailbox gets. Rules
//! for every rate and every endpoint are in `security/rates.rs`.

use std::time::Duration;

use jiff::SignedDuration;
use serde_json::json;

use crate::support::people::PASSWORD;
use crate::support::{Answer, Call, TestApp};

/// How many rounds a test plays before it fails.
pub const ROUNDS: usize = 5;

/// A little longer than the cache ignores a Redis that was late. Until then nothing is counted, so
/// a round would be lost.
pub const REDIS_PAUSE: Duration = Duration::from_millis(2_100);

/// An app with the rate limits of production.
pub async fn strict() -> TestApp {
    TestApp::start_with("RATE_LIMIT_FACTOR", "1").await
}

/// A sign-up that is invalid (422), unless the rate limit refuses it first (429).
fn sign_up(address: &str) -> Call {
    Call::post("/sign-up", &json!({})).sent_from(address)
}

#[track_caller]
pub fn assert_limited(answer: &Answer, wait_s_max: u64) {
    assert_eq!(answer.problem(429), "rate_limited");
    let wait_s: u64 = answer.header("retry-after").parse().expect("seconds");
    assert!((1..=wait_s_max).contains(&wait_s), "{wait_s}");
}

/// Sends a round's call until it is refused, which must happen after `limit` calls; returns the
/// call and its refusal. On a busy machine a late Redis lets calls pass uncounted. Then another
/// round is played, with a new call. A call that is refused too early fails at once.
pub async fn passing<C: Fn() -> Call>(
    test: &TestApp,
    limit: usize,
    round: impl Fn(usize) -> C,
) -> (C, Answer) {
    for number in 0..ROUNDS {
        let call = round(number);
        for passed in 0..=limit {
            let answer = test.send(call()).await;
            if answer.status == 429 {
                assert_eq!(passed, limit, "refused too early");
                return (call, answer);
            }
        }
        tokio::time::sleep(REDIS_PAUSE).await;
    }
    panic!("call {} passes in every round", limit + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_eleventh_sign_up_per_minute_from_an_ip_address_is_refused() {
    let test = strict().await;
    let from = |address: String| move || sign_up(&address);
    let (call, refused) = passing(&test, 10, |round| from(format!("198.51.100.{round}"))).await;
    assert_limited(&refused, 6);
    // A header cannot fake another address. Another address is not limited.
    assert_limited(&test.send(call().header("x-forwarded-for", "203.0.113.9")).await, 6);
    assert_eq!(test.send(sign_up("203.0.113.9")).await.status, 422);
    // Other endpoints have their own count.
    let login = Call::post("/login", &json!({})).sent_from("198.51.100.0");
    assert_eq!(test.send(login).await.status, 422);

    test.advance(SignedDuration::from_mins(1));
    assert_eq!(test.send(call()).await.status, 422);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_no_sign_up_is_rate_limited() {
    let mut test = strict().await;
    let without = test.another_process(&[("REDIS_URL", "")]);
    for _ in 0..15 {
        assert_eq!(test.send_to(&without, sign_up("198.51.100.1")).await.status, 422);
    }
    test.redis.stop();
    for _ in 0..15 {
        assert_eq!(test.send(sign_up("198.51.100.1")).await.status, 422);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_ten_codes_an_hour_are_mailed_to_one_mailbox() {
    let test = strict().await;
    let sign_up_from = |number: u32| {
        let body = json!({ "email": "asha@example.com", "password": PASSWORD });
        Call::post("/sign-up", &body).sent_from(&format!("198.51.100.{number}"))
    };
    for number in 1..=10 {
        test.send(sign_up_from(number)).await.expect(202);
    }
    assert_eq!(test.settle().await.len(), 10);
    let eleventh = test.send(sign_up_from(11)).await.expect(202);
    assert_eq!(eleventh.text("email"), "asha@example.com", "the answer is the same");
    assert_eq!(test.settle().await.len(), 0);
    let id = eleventh.text("registration_id");
    let verify = json!({ "registration_id": id, "otp": "123456" });
    let verify = Call::post("/sign-up/otp-verify", &verify).sent_from("198.51.100.11");
    assert_eq!(test.send(verify).await.problem(409), "otp_expired");

    let ravi = json!({ "email": "ravi@example.com", "password": PASSWORD });
    test.send(Call::post("/sign-up", &ravi).sent_from("198.51.100.12")).await.expect(202);
    assert_eq!(test.settle().await.len(), 1, "another mailbox is not affected");

    test.advance(SignedDuration::from_mins(59));
    test.send(sign_up_from(13)).await.expect(202);
    assert_eq!(test.settle().await.len(), 0);
    test.advance(SignedDuration::from_mins(1));
    for number in 14..=23 {
        test.send(sign_up_from(number)).await.expect(202);
    }
    assert_eq!(test.settle().await.len(), 10, "the count begins anew after an hour");
}
