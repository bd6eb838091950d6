//! Several sign-ups with the same name: the first to verify gets it.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{registered, verify};
use crate::support::people::{PASSWORD, code_in};
use crate::support::{Call, TestApp};

/// Signs up with each body in turn, then verifies all concurrently. Asserts that exactly one
/// account was made; returns the problem codes of the refused.
async fn race(test: &Arc<TestApp>, bodies: Vec<Value>) -> Vec<String> {
    let mut ids = Vec::new();
    for body in &bodies {
        let answer = test.send(Call::post("/sign-up", body)).await.expect(202);
        ids.push(answer.text("registration_id").to_owned());
    }
    let mails = test.settle().await;
    let mailed_to: Vec<&str> = mails.iter().map(|mail| mail.to.as_str()).collect();
    let wanted = bodies.iter().map(|body| body["email"].as_str().expect("text"));
    assert_eq!(mailed_to, wanted.collect::<Vec<_>>(), "mailed in their order");
    let calls = ids.iter().zip(&mails).map(|(id, mail)| verify(id, &code_in(mail))).collect();
    let answers = test.send_together(calls).await;
    let (made, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|a| a.status == 201);
    assert_eq!(made.len(), 1, "exactly one account of {}", bodies.len());
    let mut logins = 0;
    for body in &bodies {
        let body = json!({ "email": body["email"], "password": body["password"] });
        let login = test.send(Call::post("/login", &body)).await;
        if login.status == 200 {
            assert_eq!(login.body["account"], made[0].body["account"]);
            logins += 1;
        }
    }
    assert_eq!(logins, 1, "the winner alone can log in");
    refused.iter().map(|answer| answer.problem(409).to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_later_verification_with_the_same_username_is_refused() {
    let test = TestApp::start().await;
    let body = |email: &str| json!({ "email": email, "password": PASSWORD, "username": "asha" });
    let first = registered(&test, &body("first@example.com")).await;
    let second = registered(&test, &body("second@example.com")).await;
    test.send(verify(&second.id, &second.code)).await.expect(201);
    let refused = test.send(verify(&first.id, &first.code)).await;
    assert_eq!(refused.problem(409), "username_taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_concurrent_verifications_with_one_username_create_one_account() {
    let test = Arc::new(TestApp::start().await);
    let email = |n| format!("student{n}@example.com");
    let bodies =
        (0..20).map(|n| json!({ "email": email(n), "password": PASSWORD, "username": "asha" }));
    let refused = race(&test, bodies.collect()).await;
    assert_eq!(refused, ["username_taken"; 19]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_concurrent_verifications_with_one_email_create_one_account() {
    let test = Arc::new(TestApp::start().await);
    // Two passwords, so that a login shows who won.
    let bodies = ["rice and dal at noon", "rice and dal at night"]
        .map(|password| json!({ "email": "asha@example.com", "password": password }));
    assert_eq!(race(&test, bodies.into()).await, ["email_taken"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn five_concurrent_verifications_with_one_roll_number_create_one_account() {
    let test = Arc::new(TestApp::start().await);
    let roll_nos = ["B21-7", "b21-7", " B21-7", "b21-7 ", "B21-7"];
    let bodies = roll_nos.into_iter().enumerate().map(|(n, roll_no)| {
        let email = format!("student{n}@example.com");
        json!({ "email": email, "password": PASSWORD, "roll_no": roll_no })
    });
    assert_eq!(race(&test, bodies.collect()).await, ["roll_no_taken"; 4]);
}
