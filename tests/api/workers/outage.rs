//! `DynamoDB` is unavailable: every request gets 503, and every message is retried.

use std::sync::Arc;

use serde_json::json;
use thali_functions::workers::audit_writer::CONSUMER as AUDIT_WRITER;
use thali_functions::workers::mailer::CONSUMER as MAILER;
use thali_platform::queue::QueueName;
use thali_sandbox::signature;
use tokio::task::JoinSet;

use super::{consume_at, failed};
use crate::support::people::PASSWORD;
use crate::support::{Call, RAZORPAY_WEBHOOK_SECRET, TestApp};

/// A signed event about a captured payment of an order.
fn webhook(order_id: &str) -> Call {
    let payment = json!({
        "id": "pay_AAAAAAAAAAAAAA",
        "order_id": order_id,
        "amount": 50_000,
        "currency": "INR",
        "status": "captured",
    });
    let body =
        json!({ "event": "payment.captured", "payload": { "payment": { "entity": payment } } });
    let body = body.to_string();
    let signature = signature::webhook(RAZORPAY_WEBHOOK_SECRET, body.as_bytes());
    Call::post_raw("/webhooks/razorpay", "application/json", &body)
        .header("x-razorpay-signature", &signature)
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_database_requests_get_503_and_lose_no_tokens() {
    let test = Arc::new(TestApp::start().await);
    let asha = test.student("asha@example.com").await;
    let checkout = test.buy_tokens(&asha, 10).await;
    let body = json!({ "email": "ravi@example.com", "password": PASSWORD });
    let calls = [
        Call::post("/sign-up", &body),
        Call::post("/login", &body),
        Call::post("/create-order", &json!({ "token_count": 1 })).bearer(&asha.token),
        checkout.verify(&asha.token),
        Call::get("/payment-history").bearer(&asha.token),
        Call::get("/student/tokens").bearer(&asha.token),
        Call::get("/student/token-data").bearer(&asha.token),
        Call::get("/student/token-history").bearer(&asha.token),
        Call::get("/student/submitted-tokens").bearer(&asha.token),
        TestApp::submit(&asha, 1).header("idempotency-key", "k-1"),
        webhook(&checkout.order_id),
    ];
    let app = Arc::new(test.without_database());
    let mut tasks = JoinSet::new();
    for call in calls.clone() {
        let (test, app) = (Arc::clone(&test), Arc::clone(&app));
        tasks.spawn(async move { (call.path().to_owned(), test.send_to(&app, call).await) });
    }
    let answers = tasks.join_all().await;
    assert_eq!(answers.len(), calls.len());
    for (path, answer) in answers {
        assert_eq!(answer.problem(503), "database_unavailable", "{path}");
        let seconds: u64 = answer.header("retry-after").parse().expect("a number of seconds");
        assert!(seconds > 0, "{path}");
        assert!(!answer.body.to_string().contains("127.0.0.1"), "{}", answer.body);
    }
    assert_eq!(test.token_count(&asha).await, 10);
    let retried = TestApp::submit(&asha, 1).header("idempotency-key", "k-1");
    assert_eq!(test.send(retried).await.expect(201).header("idempotent-replay"), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_database_every_message_is_retried_and_none_is_lost() {
    let test = TestApp::start().await;
    test.sign_up("asha@example.com").await.expect(202);
    let mails = test.messages().await;
    let audits = test.app.queues().take(QueueName::Audit);
    assert!(!audits.is_empty() && mails.len() == 1);

    let app = test.without_database();
    let response = consume_at(&app, &MAILER, &mails).await;
    assert_eq!(failed(&response), ["0"]);
    assert_eq!(app.mailer().take().len(), 0, "a mail that cannot be logged is not sent");
    let response = consume_at(&app, &AUDIT_WRITER, &audits[..1]).await;
    assert_eq!(failed(&response), ["0"]);

    assert_eq!(test.mails_of(&mails).await.len(), 1);
    assert_eq!(failed(&test.consume(&AUDIT_WRITER, &audits).await), [""; 0]);
}
