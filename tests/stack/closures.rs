//! Cuts and closures on the deployed stack: a student's cut, and the mails about a closure, of
//! which each student gets one.

use aws_sdk_sqs::types::QueueAttributeName;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{Stack, eventually};
use crate::support::Call;

/// The date `days` days from now, in UTC.
fn in_days(days: i64) -> String {
    let then = Timestamp::now() + SignedDuration::from_hours(24 * days);
    then.strftime("%Y-%m-%d").to_string()
}

#[tokio::test]
async fn a_student_cuts_a_meal_and_cancels_the_cut() {
    let stack = Stack::running();
    let owner = stack.owner().await;
    let asha = stack.student_of(&owner, "asha").await;
    let body = json!({ "from": in_days(5), "to": in_days(6), "meals": ["LUNCH"] });
    let cut = || {
        let call = Call::post("/api/v1/mess-cuts", &body).bearer(&asha.token);
        call.header("idempotency-key", "k-1")
    };
    let made = stack.send(cut()).await.expect(201);
    let again = stack.send(cut()).await.expect(201);
    assert_eq!((again.header("idempotent-replay"), &again.body), ("true", &made.body));
    let list = Call::get("/api/v1/mess-cuts").bearer(&asha.token);
    let listed = stack.send(list.clone()).await.expect(200);
    assert_eq!(listed.body["items"][0]["cut_id"], made.body["cut_id"]);
    let path = format!("/api/v1/mess-cuts/{}", made.text("cut_id"));
    let cancel_cut = || Call::new("DELETE", &path).bearer(&asha.token);
    stack.send(cancel_cut()).await.expect(204);
    assert_eq!(stack.send(cancel_cut()).await.problem(404), "cut_not_found");
    assert_eq!(stack.send(list).await.expect(200).body["items"], json!([]));
}

/// Whether a queue has no messages, neither waiting nor in progress.
async fn is_empty(stack: &Stack, queue: &str) -> bool {
    let sqs = aws_sdk_sqs::Client::new(&stack.aws().await);
    let found = sqs.get_queue_url().queue_name(stack.name(queue)).send().await;
    let url = found.expect("it is there").queue_url.expect("a queue has an address");
    let counts = [
        QueueAttributeName::ApproximateNumberOfMessages,
        QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
    ];
    let request = sqs.get_queue_attributes().queue_url(url);
    let request = request.set_attribute_names(Some(counts.to_vec()));
    let found = request.send().await.expect("they can be read").attributes.unwrap_or_default();
    counts.iter().all(|count| found.get(count).is_some_and(|count| count == "0"))
}

#[tokio::test]
async fn all_students_are_notified_of_a_closure_once() {
    let stack = Stack::running();
    let owner = stack.owner().await;
    let asha = stack.student_of(&owner, "asha").await;
    let ravi = stack.student_of(&owner, "ravi").await;
    let reason = format!("Repairs of {}", super::ulid_now());
    let body = json!({ "from": in_days(5), "to": in_days(6), "reason": reason });
    let close = || {
        let call = Call::post("/api/v1/closures", &body).bearer(&owner.token);
        call.header("idempotency-key", "k-1")
    };
    let made = stack.send(close()).await.expect(201);
    assert_eq!(stack.send(close()).await.expect(201).body, made.body);
    let told = async |email: &str| {
        let mails = stack.mails_to(email).await;
        mails.iter().filter(|mail| mail.contains(&reason)).count()
    };
    for student in [&asha, &ravi] {
        let told = async || (told(&student.email).await > 0).then_some(());
        eventually("the student is notified", told).await;
    }
    // A second mail could come only from messages that are still in the queues. The first queue
    // fills the second.
    for queue in ["announcements", "mail"] {
        let is_empty = async || is_empty(&stack, queue).await.then_some(());
        eventually("the queue is empty", is_empty).await;
    }
    let list = Call::get("/api/v1/closures").bearer(&asha.token);
    let listed = stack.send(list).await.expect(200);
    assert_eq!(listed.body["items"], json!([made.body]));
    let path = format!("/api/v1/closures/{}", made.text("closure_id"));
    let reopen = Call::new("DELETE", &path).bearer(&owner.token);
    stack.send(reopen).await.expect(204);
    assert_eq!((told(&asha.email).await, told(&ravi.email).await), (1, 1));
}
