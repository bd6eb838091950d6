//! Parts that are switched off under the deployed stack.

use aws_sdk_sesv2::types::MailType;
use serde_json::json;

use super::{Stack, eventually, ulid_now};
use crate::support::Call;
use crate::support::people::PASSWORD;

/// As in every new AWS account, SES now sends to verified addresses and domains alone.
async fn put_ses_into_its_sandbox(stack: &Stack) {
    let ses = aws_sdk_sesv2::Client::new(&stack.aws().await);
    // The domains of everybody else on this stack. They may be verified already.
    for domain in ["example.com", "thali.test"] {
        let _ = ses.create_email_identity().email_identity(domain).send().await;
    }
    ses.put_account_details()
        .mail_type(MailType::Transactional)
        .website_url("https://example.com")
        .production_access_enabled(false)
        .send()
        .await
        .expect("SES takes the account's details");
}

#[tokio::test]
async fn a_mail_that_ses_refuses_is_kept_as_a_dead_letter_and_nobody_elses_mail_suffers() {
    let stack = Stack::running();
    put_ses_into_its_sandbox(&stack).await;
    let email = format!("refused-{}@nowhere.test", ulid_now());
    let body = json!({ "email": email, "password": PASSWORD });
    let registration = stack.send(Call::post("/sign-up", &body)).await.expect(202);
    stack.student("not-refused").await;

    let sqs = aws_sdk_sqs::Client::new(&stack.aws().await);
    let queue = sqs.get_queue_url().queue_name(stack.name("mail-dead-letters")).send().await;
    let queue = queue.expect("it is deployed").queue_url.expect("it has an address");
    let id = registration.text("registration_id");
    eventually("the message is a dead letter", async || {
        let request = sqs.receive_message().queue_url(&queue).max_number_of_messages(10);
        let answer = request.send().await.expect("the queue answers");
        let found = answer.messages().iter().any(|m| m.body().is_some_and(|b| b.contains(id)));
        found.then_some(())
    })
    .await;
    assert_eq!(stack.mails_to(&email).await.len(), 0);
}

#[tokio::test]
async fn with_a_redis_that_hangs_everything_goes_on() {
    let stack = Stack::running();
    let student = stack.student("hanging").await;
    let redis = redis::Client::open(stack.variable("REDIS_URL")).expect("an address");
    let mut redis = redis.get_multiplexed_async_connection().await.expect("it runs");
    let pause = redis::cmd("CLIENT").arg("PAUSE").arg(4_000).arg("ALL").to_owned();
    pause.query_async::<String>(&mut redis).await.expect("it pauses");

    assert_eq!(stack.token_count(&student).await, 0);
    let health = stack.send(Call::get("/health")).await.expect(200);
    assert_eq!(health.body["status"], "degraded");
    let logout = Call::post("/student/logout", &json!({})).bearer(&student.token);
    stack.send(logout).await.expect(204);
    let refused = stack.send(Call::get("/student/tokens").bearer(&student.token)).await;
    assert_eq!(refused.problem(401), "unauthenticated");
}
