//! The security code: set in the profile with the password, used for submissions.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::profile::{account, change};
use crate::support::people::{PASSWORD, Student};
use crate::support::{Answer, Call, TestApp};

const PIN: &str = "24681357";

fn set_pin(student: &Student, pin: impl Into<Value>, password: &str) -> Call {
    change(student, &json!({ "security_code": pin.into(), "current_password": password }))
}

async fn redeem(test: &TestApp, student: &Student, code: &str) -> Answer {
    let body = json!({ "count": 1, "security_code": code });
    test.send(Call::post("/student/token-submission", &body).bearer(&student.token)).await
}

async fn student_with_tokens(test: &TestApp) -> Student {
    let asha = test.student("asha@example.com").await;
    test.buy_tokens(&asha, 10).await;
    asha
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pin_replaces_the_password_as_the_security_code() {
    let test = TestApp::start().await;
    let asha = student_with_tokens(&test).await;
    redeem(&test, &asha, PASSWORD).await.expect(201);
    let answer = test.send(set_pin(&asha, PIN, PASSWORD)).await.expect(200);
    assert_eq!(answer.body["account"]["security_code_set"], true);
    redeem(&test, &asha, PIN).await.expect(201);
    assert_eq!(redeem(&test, &asha, PASSWORD).await.problem(403), "security_code_wrong");
    test.send(set_pin(&asha, "1357", PASSWORD)).await.expect(200);
    assert_eq!(redeem(&test, &asha, PIN).await.problem(403), "security_code_wrong");
    redeem(&test, &asha, "1357").await.expect(201);

    // Without a PIN, the password is the security code again.
    test.send(set_pin(&asha, Value::Null, PASSWORD)).await.expect(200);
    assert_eq!(account(&test, &asha).await["security_code_set"], false);
    redeem(&test, &asha, PASSWORD).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_pin_resets_the_count_of_wrong_pins() {
    let test = TestApp::start().await;
    let asha = student_with_tokens(&test).await;
    test.send(set_pin(&asha, PIN, PASSWORD)).await.expect(200);
    for _ in 0..5 {
        redeem(&test, &asha, "0000").await.expect(403);
    }
    assert_eq!(redeem(&test, &asha, PIN).await.problem(429), "security_code_locked");
    test.send(set_pin(&asha, "1357", PASSWORD)).await.expect(200);
    redeem(&test, &asha, "1357").await.expect(201);
    assert_eq!(redeem(&test, &asha, "0000").await.body["attempts_left"], 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn five_wrong_current_passwords_lock_pin_changes_but_no_login() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    for _ in 0..5 {
        let refused = test.send(set_pin(&asha, PIN, "not the password")).await;
        assert_eq!(refused.problem(403), "current_password_wrong");
    }
    let locked = test.send(set_pin(&asha, PIN, PASSWORD)).await;
    assert_eq!(locked.problem(429), "locked");
    assert!(!locked.header("retry-after").is_empty());
    test.log_in("asha@example.com").await.expect(200);
    assert_eq!(account(&test, &asha).await["security_code_set"], false);
    // A change that needs no password is not locked.
    test.send(change(&asha, &json!({ "bio": "I wait." }))).await.expect(200);

    test.advance(SignedDuration::from_mins(15));
    let login = test.log_in("asha@example.com").await.expect(200);
    let asha = Student { token: login.text("access_token").to_owned(), ..asha };
    test.send(set_pin(&asha, PIN, PASSWORD)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correct_current_password_resets_the_count_of_wrong_ones() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    for _ in 0..2 {
        for _ in 0..4 {
            test.send(set_pin(&asha, PIN, "not the password")).await.expect(403);
        }
        test.send(set_pin(&asha, PIN, PASSWORD)).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_pins_have_different_hashes_and_never_appear_in_the_trail() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let ravi = test.student("ravi@example.com").await;
    for student in [&asha, &ravi] {
        test.send(set_pin(student, PIN, PASSWORD)).await.expect(200);
    }
    let items = test.dynamo.items("accounts").await;
    let hash = |item: &HashMap<String, AttributeValue>| {
        item.get("security_code_hash")?.as_s().ok().cloned()
    };
    let hashes: Vec<String> = items.iter().filter_map(hash).collect();
    assert_eq!(hashes.len(), 2);
    assert_ne!(hashes[0], hashes[1], "equal PINs of two students have different hashes");
    assert!(!format!("{items:?}").contains(PIN), "a PIN is not stored");
    test.settle().await;
    let trail = format!("{:?}", test.dynamo.items("audit").await);
    assert!(trail.contains("security_code_failures"), "the change is in the trail");
    for secret in [PIN, &hashes[0], &hashes[1], "security_code_hash", "not the password"] {
        assert!(!trail.contains(secret), "{secret}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pin_is_the_same_in_the_digits_of_every_script() {
    let test = TestApp::start().await;
    let asha = student_with_tokens(&test).await;
    test.send(set_pin(&asha, "२४६८ १३५७", PASSWORD)).await.expect(200);
    for typed in [PIN, "२४६८१३५७", "２４６８-１３５７", " 2468 1357"] {
        redeem(&test, &asha, typed).await.expect(201);
    }
    assert_eq!(redeem(&test, &asha, "२४६८१३५८").await.problem(403), "security_code_wrong");
    for nonsense in ["१२३", "24681357a", "letters"] {
        let answer = test.send(set_pin(&asha, nonsense, PASSWORD)).await;
        assert_eq!(answer.wrong_fields(), ["security_code"], "{nonsense}");
    }
}
