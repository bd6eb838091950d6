//! The one-time code: valid for fifteen minutes and for one account, with at most five attempts.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::{Value, json};
use thali_domain::mess::Approval;

use super::{accounts, another_code, in_script, mailed_code, registered, verify};
use crate::support::people::PASSWORD;
use crate::support::{Call, TestApp};

fn asha() -> Value {
    json!({ "email": "asha@example.com", "password": PASSWORD })
}

fn resend(registration_id: &str) -> Call {
    Call::post("/sign-up/otp-resend", &json!({ "registration_id": registration_id }))
}

#[tokio::test(flavor = "multi_thread")]
async fn five_wrong_codes_count_down_and_end_the_registration() {
    let test = TestApp::start().await;
    let registered = registered(&test, &asha()).await;
    for attempts_left in (0..5).rev() {
        let wrong = another_code(&registered.code);
        let refused = test.send(verify(&registered.id, wrong)).await;
        assert_eq!(refused.problem(409), "otp_invalid");
        assert_eq!(refused.body["attempts_left"], attempts_left);
    }
    let right = test.send(verify(&registered.id, &registered.code)).await;
    assert_eq!(right.problem(409), "otp_expired");
    assert_eq!(test.log_in("asha@example.com").await.problem(401), "invalid_credentials");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_five_of_twenty_concurrent_wrong_codes_are_compared() {
    let test = Arc::new(TestApp::start().await);
    let registered = registered(&test, &asha()).await;
    let wrong = another_code(&registered.code);
    let answers = test.send_together(vec![verify(&registered.id, wrong); 20]).await;
    let (compared, refused): (Vec<_>, Vec<_>) =
        answers.iter().partition(|answer| answer.problem(409) == "otp_invalid");
    let left: BTreeSet<_> = compared.iter().map(|a| a.body["attempts_left"].as_u64()).collect();
    assert_eq!(left, (0..5).map(Some).collect());
    assert_eq!(compared.len(), 5);
    assert!(refused.iter().all(|answer| answer.problem(409) == "otp_expired"));
    let right = test.send(verify(&registered.id, &registered.code)).await;
    assert_eq!(right.problem(409), "otp_expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn five_concurrent_uses_of_a_code_create_one_account() {
    let test = Arc::new(TestApp::start().await);
    let registered = registered(&test, &asha()).await;
    let typed = verify(&registered.id, &registered.code);
    let mut answers = test.send_together(vec![typed.clone(); 5]).await;
    answers.push(test.send(typed).await);
    let login = test.log_in("asha@example.com").await.expect(200);
    for answer in answers {
        assert_eq!(answer.expect(201).body["account"], login.body["account"]);
    }
    assert_eq!(accounts(&test).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_valid_for_fifteen_minutes() {
    let test = TestApp::start().await;
    let late = registered(&test, &asha()).await;
    let body = json!({ "email": "binod@example.com", "password": PASSWORD });
    let in_time = registered(&test, &body).await;
    test.advance(SignedDuration::from_mins(15) - SignedDuration::from_millis(1));
    test.send(verify(&in_time.id, &in_time.code)).await.expect(201);
    test.advance(SignedDuration::from_millis(1));
    assert_eq!(test.send(verify(&late.id, &late.code)).await.problem(409), "otp_expired");
    test.send(resend(&late.id)).await.expect(202);
    assert!(test.settle().await.is_empty(), "an ended registration is not mailed again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resend_invalidates_the_old_code_and_keeps_the_attempt_count() {
    let test = TestApp::start().await;
    let first = registered(&test, &asha()).await;
    test.send(verify(&first.id, another_code(&first.code))).await.expect(409);
    test.advance(SignedDuration::from_mins(10));
    assert_eq!(test.send(resend(&first.id)).await.expect(202).body, json!({}));
    let second = mailed_code(&test, "asha@example.com").await;
    assert_ne!(first.code, second);

    let old = test.send(verify(&first.id, &first.code)).await;
    assert_eq!(old.problem(409), "otp_invalid");
    assert_eq!(old.body["attempts_left"], 3);
    // The new code has its own fifteen minutes.
    test.advance(SignedDuration::from_mins(10));
    test.send(verify(&first.id, &format!(" {second} "))).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_can_be_resent_five_times() {
    let test = TestApp::start().await;
    let first = registered(&test, &asha()).await;
    let mut newest = first.code;
    for _ in 0..5 {
        test.send(resend(&first.id)).await.expect(202);
        newest = mailed_code(&test, "asha@example.com").await;
    }
    test.send(resend(&first.id)).await.expect(202);
    assert!(test.settle().await.is_empty(), "the sixth is not mailed");
    test.send(verify(&first.id, &newest)).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resend_for_an_unknown_registration_gets_the_same_answer() {
    let test = TestApp::start().await;
    let known = registered(&test, &asha()).await;
    let pending = test.send(resend(&known.id)).await.expect(202);
    mailed_code(&test, "asha@example.com").await;
    for body in [
        json!({ "email": "nobody@example.com" }),
        json!({ "registration_id": "reg_01J00000000000000000000000" }),
        json!({ "email": "asha@example.com", "mess_id": "mess_nowhere" }),
    ] {
        let nothing = test.send(Call::post("/sign-up/otp-resend/", &body)).await.expect(202);
        assert_eq!(nothing.body, pending.body);
    }
    assert!(test.settle().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_email_finds_the_newest_registration() {
    let test = TestApp::start().await;
    test.create_mess("mess_other", Approval::Automatic).await;
    let older = registered(&test, &asha()).await;
    let newer = registered(&test, &asha()).await;
    let by_email = |code: &str| {
        let body = json!({ "email": " ASHA@example.com", "otp": code });
        Call::post("/sign-up/otp-verify", &body)
    };
    // The address finds the newest registration. The older one is found by its id.
    assert_eq!(test.send(by_email(&older.code)).await.problem(409), "otp_invalid");
    test.send(Call::post("/sign-up/otp-resend", &json!({ "email": "asha@example.com" }))).await;
    let code = mailed_code(&test, "asha@example.com").await;
    let elsewhere = json!({ "email": "asha@example.com", "otp": code, "mess_id": "mess_other" });
    let refused = test.send(Call::post("/sign-up/otp-verify", &elsewhere)).await;
    assert_eq!(refused.problem(409), "otp_expired");
    let made = test.send(by_email(&code)).await.expect(201);
    assert_eq!(test.send(by_email(&code)).await.expect(201).body, made.body);
    assert_ne!(older.id, newer.id);
    let too_late = test.send(verify(&older.id, &older.code)).await;
    assert_eq!(too_late.problem(409), "email_taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_verification_names_the_wrong_fields() {
    let test = TestApp::start().await;
    let several = test.another_process(&[("DEFAULT_MESS_ID", "")]);
    for (app, body, wrong) in [
        (&test.app, json!({}), vec!["otp", "registration_id"]),
        (&test.app, json!({ "otp": "123456" }), vec!["registration_id"]),
        (
            &test.app,
            json!({ "registration_id": "acc_1", "otp": "1" }),
            vec!["otp", "registration_id"],
        ),
        (&test.app, json!({ "email": "asha@example.com", "otp": 123_456 }), vec!["otp"]),
        (&several, json!({ "email": "asha@example.com", "otp": "123456" }), vec!["mess_id"]),
    ] {
        let answer = test.send_to(app, Call::post("/sign-up/otp-verify", &body)).await;
        assert_eq!(answer.wrong_fields(), wrong, "{body}");
    }
    let unknown = test.send(verify("reg_01J00000000000000000000000", "123456")).await;
    assert_eq!(unknown.problem(409), "otp_expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_read_however_it_was_typed() {
    let test = TestApp::start().await;
    let ways: [fn(&str) -> String; 5] = [
        |code| format!("{} {}", &code[..3], &code[3..]),
        |code| format!("{}-{}", &code[..3], &code[3..]),
        |code| in_script(code, '\u{966}'),
        |code| in_script(code, '\u{ff10}'),
        |code| format!("\u{200b}{}\u{a0}\u{2013}{} ", &code[..2], &code[2..]),
    ];
    for (number, typed) in ways.into_iter().enumerate() {
        let body = json!({ "email": format!("student{number}@example.com"), "password": PASSWORD });
        let registered = registered(&test, &body).await;
        test.send(verify(&registered.id, &typed(&registered.code))).await.expect(201);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_a_code_costs_no_attempt() {
    let test = TestApp::start().await;
    let registered = registered(&test, &asha()).await;
    for typed in ["12345", "1234567", "abcdef", "", " ", "12345o", "123.456", "१२३४५"] {
        let answer = test.send(verify(&registered.id, typed)).await;
        assert_eq!(answer.wrong_fields(), ["otp"], "{typed}");
    }
    let wrong = test.send(verify(&registered.id, another_code(&registered.code))).await;
    assert_eq!(wrong.body["attempts_left"], 4);
    test.send(verify(&registered.id, &registered.code)).await.expect(201);
}
