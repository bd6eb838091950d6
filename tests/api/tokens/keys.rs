//! Submissions that are sent again with the same idempotency key, later or concurrently.

use std::sync::Arc;

use serde_json::json;

use super::{PIN, SUBMISSIONS, redeem};
use crate::support::people::{PASSWORD, Student};
use crate::support::{Call, TestApp};

fn redeem_with_key(student: &Student, count: u64, key: &str) -> Call {
    redeem(student, &json!({ "count": count }), PIN).header("idempotency-key", key)
}

async fn student_with_pin(test: &TestApp, email: &str, tokens: u16) -> Student {
    let student = test.student(email).await;
    test.set_pin(&student).await;
    test.buy_tokens(&student, tokens).await;
    student
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submission_sent_again_returns_the_first_and_redeems_once() {
    let test = TestApp::start().await;
    let asha = student_with_pin(&test, "asha@example.com", 10).await;
    let first = test.send(redeem_with_key(&asha, 3, "k-1")).await.expect(201);
    assert_eq!(first.header("idempotent-replay"), "");
    test.send(redeem(&asha, &json!({ "count": 7 }), PIN)).await.expect(201);
    test.advance(jiff::SignedDuration::from_mins(1));
    for _ in 0..3 {
        let again = test.send(redeem_with_key(&asha, 3, "k-1")).await.expect(201);
        assert_eq!(again.header("idempotent-replay"), "true");
        assert_eq!(again.body, first.body);
    }
    assert_eq!(test.token_count(&asha).await, 0);
    assert_eq!(test.list(&asha, SUBMISSIONS, 100).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_with_named_tokens_does_not_conflict_with_itself() {
    let test = TestApp::start().await;
    let asha = student_with_pin(&test, "asha@example.com", 2).await;
    let wanted = json!({ "token_ids": test.token_ids(&asha).await });
    let call = redeem(&asha, &wanted, PIN).header("idempotency-key", "k-1");
    let first = test.send(call.clone()).await.expect(201);
    assert_eq!(test.send(call).await.expect(201).body, first.body);
    let without_key = test.send(redeem(&asha, &wanted, PIN)).await;
    assert_eq!(without_key.problem(409), "tokens_unavailable");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_belongs_to_its_student_and_refuses_another_body() {
    let test = TestApp::start().await;
    let asha = student_with_pin(&test, "asha@example.com", 10).await;
    let ravi = student_with_pin(&test, "ravi@example.com", 10).await;
    test.send(redeem_with_key(&asha, 3, "k-1")).await.expect(201);
    let other = test.send(redeem_with_key(&asha, 4, "k-1")).await;
    assert_eq!(other.problem(409), "idempotency_key_reused");
    test.send(redeem_with_key(&ravi, 3, "k-1")).await.expect(201);
    let order = Call::post("/create-order", &json!({ "token_count": 1 })).bearer(&asha.token);
    test.send(order.header("idempotency-key", "k-1")).await.expect(201);
    assert_eq!((test.token_count(&asha).await, test.token_count(&ravi).await), (7, 7));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_not_replayed() {
    let test = TestApp::start().await;
    let asha = student_with_pin(&test, "asha@example.com", 2).await;
    let refused = test.send(redeem_with_key(&asha, 3, "k-1")).await;
    assert_eq!(refused.problem(409), "insufficient_tokens");
    test.buy_tokens(&asha, 1).await;
    let answer = test.send(redeem_with_key(&asha, 3, "k-1")).await.expect(201);
    assert_eq!(answer.header("idempotent-replay"), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_has_1_to_64_visible_characters() {
    let test = TestApp::start().await;
    let asha = student_with_pin(&test, "asha@example.com", 2).await;
    for key in ["", "two words", &"k".repeat(65)] {
        let answer = test.send(redeem_with_key(&asha, 1, key)).await;
        assert_eq!(answer.wrong_fields(), ["Idempotency-Key"], "{key:?}");
    }
    assert_eq!(test.token_count(&asha).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_concurrent_retries_make_one_submission() {
    let test = Arc::new(TestApp::start().await);
    // With more tokens than needed, with exactly enough, and with tokens named by id.
    for (index, tokens) in [60, 3, 3].into_iter().enumerate() {
        // Checking the password is slow, so the retries are at different steps at one time.
        let student = test.student(&format!("student{index}@example.com")).await;
        test.buy_tokens(&student, tokens).await;
        let mut selection = json!({ "count": 3 });
        if index == 2 {
            selection = json!({ "token_ids": test.token_ids(&student).await });
        }
        let call = redeem(&student, &selection, PASSWORD).header("idempotency-key", "k-1");
        let answers = test.send_together(vec![call; 20]).await;
        let first = answers[0].body.clone();
        let replayed =
            |answer: &&crate::support::Answer| answer.header("idempotent-replay") == "true";
        assert_eq!(answers.iter().filter(replayed).count(), 19, "all but one: {first}");
        for answer in answers {
            assert_eq!(answer.expect(201).body, first);
        }
        assert_eq!(test.token_count(&student).await, u64::from(tokens) - 3);
        assert_eq!(test.list(&student, SUBMISSIONS, 100).await, [first]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_needs_the_security_code_and_counts_wrong_ones() {
    let test = TestApp::start().await;
    let asha = student_with_pin(&test, "asha@example.com", 10).await;
    test.send(redeem_with_key(&asha, 3, "k-1")).await.expect(201);
    for attempts_left in [4, 3, 2, 1, 0] {
        let guess = redeem(&asha, &json!({ "count": 3 }), "1357").header("idempotency-key", "k-1");
        let answer = test.send(guess).await;
        assert_eq!(answer.problem(403), "security_code_wrong");
        assert_eq!(answer.body["attempts_left"], attempts_left);
    }
    let locked = test.send(redeem_with_key(&asha, 3, "k-1")).await;
    assert_eq!(locked.problem(429), "security_code_locked");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stored_fingerprint_does_not_depend_on_the_security_code() {
    let test = TestApp::start().await;
    let mut kept = Vec::new();
    for (email, code) in [("asha@example.com", PIN), ("ravi@example.com", PASSWORD)] {
        let student = test.student(email).await;
        if code == PIN {
            test.set_pin(&student).await;
        }
        test.buy_tokens(&student, 1).await;
        let call = redeem(&student, &json!({ "count": 1 }), code);
        test.send(call.header("idempotency-key", "k-1")).await.expect(201);
        let items = test.dynamo.items("tokens").await;
        let outcome = items.iter().find(|item| {
            item["pk"].as_s() == Ok(&student.account_id) && item.contains_key("fingerprint")
        });
        kept.push(outcome.expect("the key is remembered")["fingerprint"].clone());
    }
    assert_eq!(kept[0], kept[1], "the code could be guessed from a hash of it");
}
