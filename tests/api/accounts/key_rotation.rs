//! Rotation of the keys of access tokens: nobody is logged out, in whatever order functions get the
//! new keys, and a leaked key can be dropped at once.

use jsonwebtoken::decode_header;
use serde_json::{Map, Value, json};
use thali_platform::app::App;
use thali_platform::auth::access::generate_key;
use thali_platform::auth::signing_keys::{Previous, StageKeys};

use super::{logged_in, login, read};
use crate::support::people::{PASSWORD, Student};
use crate::support::{Call, TestApp};

const EMAIL: &str = "asha@example.com";

/// The keys of a stage before and after its rotations.
fn generations<const N: usize>(previous: Previous) -> [StageKeys; N] {
    let mut keys = StageKeys::new(&generate_key("k0"), &generate_key("k1"), Map::new());
    std::array::from_fn(|number| {
        if number > 0 {
            let fresh = generate_key(&format!("k{}", number + 1));
            keys = keys.clone().rotate(&fresh, previous).expect("its own keys");
        }
        keys.clone()
    })
}

/// A function deployed with these keys: with the signing key that `CloudFormation` reads from the
/// secret, and with the public keys from the parameter.
fn deployed_with(test: &TestApp, keys: &StageKeys) -> App {
    let secret = serde_json::to_value(keys).expect("JSON");
    let signing_key = secret["jwt_signing_key"].as_str().expect("a field of the secret");
    test.another_process(&[("JWT_SIGNING_KEY", signing_key), ("JWKS", &keys.public_text())])
}

async fn log_in_at(test: &TestApp, app: &App) -> Student {
    logged_in(test.send_to(app, login(EMAIL, PASSWORD)).await)
}

fn key_id(student: &Student) -> String {
    decode_header(&student.token).expect("a token").kid.expect("with a key id")
}

fn refresh(student: &Student) -> Call {
    Call::post("/api/auth/refresh", &json!({})).cookie(&student.cookie)
}

#[tokio::test(flavor = "multi_thread")]
async fn during_a_rotation_every_function_accepts_tokens_signed_with_either_key() {
    let test = TestApp::start().await;
    test.student(EMAIL).await;
    let [before, after] = generations(Previous::Kept).map(|keys| deployed_with(&test, &keys));
    let from_before = log_in_at(&test, &before).await;
    let from_after = log_in_at(&test, &after).await;
    assert_eq!((key_id(&from_before).as_str(), key_id(&from_after).as_str()), ("k0", "k1"));
    for verifier in [&before, &after] {
        for student in [&from_before, &from_after] {
            test.send_to(verifier, read(&student.token)).await.expect(200);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_survives_refreshes_across_a_rotation_in_both_directions() {
    let test = TestApp::start().await;
    test.student(EMAIL).await;
    let [before, after] = generations(Previous::Kept).map(|keys| deployed_with(&test, &keys));
    let mut student = log_in_at(&test, &before).await;
    for (app, key) in [(&after, "k1"), (&before, "k0"), (&after, "k1")] {
        student = logged_in(test.send_to(app, refresh(&student)).await);
        assert_eq!(key_id(&student), key);
        test.send_to(&before, read(&student.token)).await.expect(200);
        test.send_to(&after, read(&student.token)).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_two_rotations_the_oldest_tokens_are_refused_but_sessions_survive() {
    let test = TestApp::start().await;
    test.student(EMAIL).await;
    let [first, second, third] =
        generations(Previous::Kept).map(|keys| deployed_with(&test, &keys));
    let oldest = log_in_at(&test, &first).await;
    let older = log_in_at(&test, &second).await;
    let refused = test.send_to(&third, read(&oldest.token)).await;
    assert_eq!(refused.problem(401), "unauthenticated");
    test.send_to(&third, read(&older.token)).await.expect(200);
    let refreshed = logged_in(test.send_to(&third, refresh(&oldest)).await);
    assert_eq!(key_id(&refreshed), "k2");
    test.send_to(&third, read(&refreshed.token)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_a_dropped_key_are_refused_but_its_sessions_survive() {
    let test = TestApp::start().await;
    test.student(EMAIL).await;
    let [before, after] = generations(Previous::Dropped).map(|keys| deployed_with(&test, &keys));
    let leaked = log_in_at(&test, &before).await;
    let refused = test.send_to(&after, read(&leaked.token)).await;
    assert_eq!(refused.problem(401), "unauthenticated");
    let refreshed = logged_in(test.send_to(&after, refresh(&leaked)).await);
    for verifier in [&before, &after] {
        test.send_to(verifier, read(&refreshed.token)).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_public_keys_are_the_previous_current_and_next_one() {
    let test = TestApp::start().await;
    let expected = [vec!["k0", "k1"], vec!["k0", "k1", "k2"], vec!["k1", "k2", "k3"]];
    for (keys, expected) in generations::<3>(Previous::Kept).iter().zip(expected) {
        let app = deployed_with(&test, keys);
        let answer = test.send_to(&app, Call::get("/.well-known/jwks.json")).await.expect(200);
        let published = answer.body["keys"].as_array().expect("a list");
        let ids: Vec<&str> = published.iter().filter_map(|key| key["kid"].as_str()).collect();
        assert_eq!(ids, expected);
        assert!(published.iter().all(|key| key["d"] == Value::Null), "no private part");
    }
}
