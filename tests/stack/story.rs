//! The main story on the deployed stack: students buy and redeem tokens, and all of it is in the
//! audit trail.

use std::collections::HashSet;
use std::path::Path;
use std::process::Command;

use serde_json::json;
use thali_functions::endpoints;

use super::{Stack, eventually};
use crate::support::Call;
use crate::support::people::PASSWORD;
use crate::support::template::root;

#[test]
fn the_demo_runs_to_its_end() {
    let env = std::env::var("THALI_STACK_ENV").expect("`make test` names a stack");
    let python = std::env::var("THALI_PYTHON").expect("`make test` names a Python");
    let demo = Command::new(python)
        .arg(root().join("infra/local/demo.py"))
        .env("THALI_LOCAL", Path::new(&env).parent().expect("a file in a folder"))
        .output()
        .expect("it starts");
    let said = String::from_utf8_lossy(&demo.stdout);
    assert!(demo.status.success(), "{said}{}", String::from_utf8_lossy(&demo.stderr));
}

#[tokio::test]
async fn every_route_reaches_a_function_that_can_start() {
    let stack = Stack::running();
    for endpoint in endpoints() {
        for path in endpoint.paths {
            let call = match endpoint.method.as_str() {
                "GET" => Call::get(path),
                method => Call::with_body(method, path, "application/json", "{}"),
            };
            let answer = stack.send(call).await;
            let expected: &[u16] = match endpoint.name {
                "logout" | "refresh" | "razorpay-webhook" => &[401],
                _ if endpoint.access.needs_session() => &[401],
                _ if endpoint.docs.body.is_some() => &[422],
                _ => &[200],
            };
            assert!(expected.contains(&answer.status), "{path}: {} {}", answer.status, answer.body);
            assert!(!answer.header("x-request-id").is_empty(), "{path}");
        }
    }
    for call in [Call::get("/nowhere"), Call::get("/login"), Call::post("/health", &json!({}))] {
        assert_eq!(stack.send(call).await.problem(404), "not_found");
    }
}

#[tokio::test]
async fn a_payment_is_credited_once_despite_a_closed_browser_and_repeated_webhooks() {
    let stack = Stack::running();
    let student = stack.student("webhook").await;
    let checkout = stack.pay_for_tokens(&student, 10, true).await;
    eventually("the webhook credits", async || {
        (stack.token_count(&student).await == 10).then_some(())
    })
    .await;
    let url = format!("{}/razorpay/sandbox/webhooks", stack.variable("SANDBOX_URL"));
    let again =
        json!({ "event": "payment.captured", "payment_id": checkout["payment_id"], "times": 5 });
    let again = stack.http.post(url).json(&again).send().await.expect("the sandbox answers");
    assert!(again.status().is_success(), "{}", again.status());
    let verify = Call::post("/verify-payment", &checkout).bearer(&student.token);
    let verified = stack.send(verify).await.expect(200);
    assert_eq!(verified.body["balance"], 10);
    assert_eq!(stack.token_count(&student).await, 10);
    eventually("a receipt is mailed", async || {
        let mails = stack.mails_to(&student.email).await;
        mails.iter().any(|mail| mail.contains("10 meal tokens")).then_some(())
    })
    .await;
}

#[tokio::test]
async fn fifty_concurrent_submissions_redeem_exactly_the_ten_available_tokens() {
    let stack = Stack::running();
    let student = stack.student("rush").await;
    stack.buy_tokens(&student, 10).await;

    let body = json!({ "count": 1, "security_code": PASSWORD });
    let submit = async |number: u32| {
        let call = Call::post("/student/token-submission", &body)
            .bearer(&student.token)
            .header("idempotency-key", &format!("rush-{number}"));
        // A client without an outcome retries with the same key.
        eventually("an outcome", async || {
            let answer = stack.send(call.clone()).await;
            match answer.status {
                201 | 409 => Some(answer),
                429 | 503 => None,
                status => panic!("{status} {}", answer.body),
            }
        })
        .await
    };
    let answers = futures_util::future::join_all((0..50).map(submit)).await;
    let accepted: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
    let tokens: HashSet<String> =
        accepted.iter().map(|answer| answer.body["token_ids"].to_string()).collect();
    assert_eq!((accepted.len(), tokens.len()), (10, 10));
    for refused in answers.iter().filter(|answer| answer.status == 409) {
        assert_eq!(refused.problem(409), "insufficient_tokens");
    }
    assert_eq!(stack.token_count(&student).await, 0);
}

#[tokio::test]
async fn the_audit_trail_records_a_students_actions_without_secrets() {
    let stack = Stack::running();
    let student = stack.student("audited").await;
    stack.pay_for_tokens(&student, 2, true).await;
    let client = aws_sdk_dynamodb::Client::new(&stack.aws().await);
    let wanted = ["account", "purchase", "session"];
    let records = eventually("the trail has it all", async || {
        let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
        let mut pages = client
            .query()
            .table_name(stack.name("audit"))
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(
                ":pk",
                aws_sdk_dynamodb::types::AttributeValue::S(format!("mess_demo#{today}")),
            )
            .into_paginator()
            .items()
            .send();
        let mut texts = Vec::new();
        while let Some(record) = pages.next().await {
            let text = format!("{:?}", record.expect("the trail can be read"));
            if text.contains(&student.account_id) {
                texts.push(text);
            }
        }
        let has = |kind: &str| texts.iter().any(|text| text.contains(&format!("S(\"{kind}\")")));
        let captured = texts.iter().any(|text| text.contains("S(\"captured\")"));
        (wanted.iter().all(|kind| has(kind)) && captured).then_some(texts)
    })
    .await;
    for record in records {
        for secret in ["argon2", "password_hash", "refresh_hash"] {
            assert!(!record.contains(secret), "{secret} in {record}");
        }
    }
}
