//! Faults of services under the deployed stack: SES refuses a mail, Redis hangs.

use aws_sdk_sesv2::types::MailType;
use serde_json::json;

use super::logs::mailer_tries;
use super::{Stack, eventually, ulid_now};
use crate::support::Call;
use crate::support::people::PASSWORD;

/// Puts SES into its sandbox mode, as in every new AWS account: it sends only to verified
/// addresses and domains.
pub(super) async fn put_ses_into_its_sandbox(stack: &Stack) {
    let ses = aws_sdk_sesv2::Client::new(&stack.aws().await);
    // The domains of all other tests on this stack. They may be verified already.
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

/// Waits until the mail of a registration is a dead letter. Returns the message's id, which was
/// the same on its queue.
pub(super) async fn dead_letter(stack: &Stack, registration_id: &str) -> String {
    let sqs = aws_sdk_sqs::Client::new(&stack.aws().await);
    let queue = sqs.get_queue_url().queue_name(stack.name("mail-dead-letters")).send().await;
    let queue = queue.expect("it is deployed").queue_url.expect("it has an address");
    eventually("the message is a dead letter", async || {
        // Invisible for only a second, because another test may wait for its own message, and so
        // that the next call gets the messages behind these.
        let request = sqs.receive_message().queue_url(&queue).visibility_timeout(1);
        let answer = request.max_number_of_messages(10).send().await.expect("the queue answers");
        let is_it = |body: &str| body.contains(registration_id);
        let found = answer.messages().iter().find(|m| m.body().is_some_and(is_it));
        found.and_then(|message| message.message_id().map(str::to_owned))
    })
    .await
}

#[tokio::test]
async fn a_mail_refused_five_times_is_dead_lettered_and_blocks_no_other() {
    let stack = Stack::running();
    put_ses_into_its_sandbox(&stack).await;
    let email = format!("refused-{}@nowhere.test", ulid_now());
    let body = json!({ "email": email, "password": PASSWORD });
    let registration = stack.send(Call::post("/sign-up", &body)).await.expect(202);
    stack.student("not-refused").await;

    let message_id = dead_letter(&stack, registration.text("registration_id")).await;
    assert_eq!(mailer_tries(&stack, &message_id).await, 5);
    assert_eq!(stack.mails_to(&email).await.len(), 0);
}

#[tokio::test]
async fn requests_succeed_while_redis_hangs() {
    let stack = Stack::running();
    let student = stack.student("hanging").await;
    let buyer = stack.student("hanging-buyer").await;
    let checkout = stack.pay_for_tokens(&buyer, 3, false).await;
    let redis = redis::Client::open(stack.variable("REDIS_URL")).expect("an address");
    let mut redis = redis.get_multiplexed_async_connection().await.expect("it runs");
    let pause = redis::cmd("CLIENT").arg("PAUSE").arg(6_000).arg("ALL").to_owned();
    pause.query_async::<String>(&mut redis).await.expect("it pauses");

    let verify = Call::post("/verify-payment", &checkout).bearer(&buyer.token);
    assert_eq!(stack.send(verify).await.expect(200).body["balance"], 3);
    let submit = json!({ "count": 1, "security_code": PASSWORD });
    let submit = Call::post("/student/token-submission", &submit).bearer(&buyer.token);
    assert_eq!(stack.send(submit).await.expect(201).body["balance"], 2);
    // `degraded` proves that Redis was still hanging during the calls above.
    let health = stack.send(Call::get("/health")).await.expect(200);
    assert_eq!(health.body["status"], "degraded");

    assert_eq!(stack.token_count(&student).await, 0);
    let logout = Call::post("/student/logout", &json!({})).bearer(&student.token);
    stack.send(logout).await.expect(204);
    let refused = stack.send(Call::get("/student/tokens").bearer(&student.token)).await;
    assert_eq!(refused.problem(401), "unauthenticated");
}
