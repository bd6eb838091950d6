//! The relay: from the tables' change streams to the queues.

use serde_json::{Value, json};
use thali_functions::workers::relay::relay;
use thali_platform::queue::QueueName;
use thali_platform::worker::BatchResponse;

use super::failed;
use crate::support::{TestApp, unreachable_queues};

fn sequence_number(change: &Value) -> &str {
    change["dynamodb"]["SequenceNumber"].as_str().expect("a change has one")
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_delivered_twice_cause_one_mail() {
    let test = TestApp::start().await;
    test.sign_up("asha@example.com").await.expect(202);
    let changes = test.dynamo.new_changes().await;
    for _ in 0..2 {
        assert_eq!(test.relay(&changes).await, BatchResponse::default());
    }
    let messages = test.app.queues().take(QueueName::Mail);
    assert_eq!(messages.len(), 2, "the relay keeps no state");
    assert_eq!(messages[0], messages[1]);
    assert_eq!(test.mails_of(&messages).await.len(), 1);
    assert_eq!(test.mails_of(&messages).await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_causes_one_receipt_when_it_is_captured() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let order_id = test.order_tokens(&asha, 10).await;
    test.messages().await;
    let failed = test.pay(&order_id, json!({ "outcome": "failed" })).await;
    assert_eq!(test.send(failed.verify(&asha.token)).await.problem(409), "payment_not_captured");
    assert_eq!(test.messages().await, [""; 0], "the order is unpaid");

    let checkout = test.pay(&order_id, json!({ "outcome": "captured" })).await;
    test.send(checkout.verify(&asha.token)).await.expect(200);
    let messages = test.messages().await;
    assert_eq!(messages.len(), 1);
    let message: Value = serde_json::from_str(&messages[0]).expect("JSON");
    assert_eq!((&message["mail"], &message["order_id"]), (&json!("receipt"), &json!(order_id)));

    test.send(TestApp::submit(&asha, 3)).await.expect(201);
    assert_eq!(test.messages().await, [""; 0], "only a purchase has one");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_mail_message_contains_a_code() {
    let test = TestApp::start().await;
    let messages = test.messages_of_sign_ups(&["asha@example.com"]).await;
    let mail = test.mails_of(&messages).await.remove(0);
    let code = crate::support::people::code_in(&mail);
    assert!(!messages[0].contains(&code), "{}", messages[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_queue_call_retries_the_batch_from_its_first_record() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    test.settle().await;
    test.buy_tokens(&asha, 10).await;
    test.sign_up("ravi@example.com").await.expect(202);
    let changes = test.dynamo.new_changes().await;
    assert!(changes.len() > 2, "{changes:?}");

    let app = test.process_with(|backends| backends.queues = Some(unreachable_queues()));
    let event = serde_json::from_value(json!({ "Records": changes })).expect("the stream's format");
    let response = relay(&app, event).await;
    assert_eq!(failed(&response), [sequence_number(&changes[0])]);

    assert_eq!(test.relay(&changes).await, BatchResponse::default());
    let messages = test.app.queues().take(QueueName::Mail);
    assert_eq!(test.mails_of(&messages).await.len(), 2, "nothing is lost");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_larger_than_one_queue_call_is_relayed_completely() {
    let test = TestApp::start().await;
    let emails: Vec<String> = (0..25).map(|number| format!("s{number}@example.com")).collect();
    let emails: Vec<&str> = emails.iter().map(String::as_str).collect();
    let messages = test.messages_of_sign_ups(&emails).await;
    let mut sent: Vec<String> =
        test.mails_of(&messages).await.iter().map(|mail| mail.to.to_string()).collect();
    sent.sort();
    let mut expected = emails;
    expected.sort_unstable();
    assert_eq!(sent, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_too_large_for_one_queue_call_are_relayed_separately() {
    let test = TestApp::start().await;
    test.student("asha@example.com").await;
    let changes = test.dynamo.new_changes().await;
    let of_account = |change: &&Value| change["dynamodb"]["NewImage"]["kind"]["S"] == "account";
    let mut change = changes.iter().find(of_account).expect("the account was made").clone();
    change["dynamodb"]["NewImage"]["decision_reason"] = json!({ "S": "n".repeat(90 * 1024) });
    let large: Vec<Value> = (0..10)
        .map(|number| {
            let mut change = change.clone();
            change["eventID"] = json!(format!("event-{number}"));
            change
        })
        .collect();
    assert_eq!(test.relay(&large).await, BatchResponse::default());
    let records = test.app.queues().take(QueueName::Audit);
    assert_eq!(records.len(), large.len());
    assert!(records.iter().all(|record| record.len() > 90 * 1024), "the trail shows the reason");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_item_is_audited_and_does_not_block_others() {
    let test = TestApp::start().await;
    test.sign_up("asha@example.com").await.expect(202);
    test.sign_up("ravi@example.com").await.expect(202);
    let mut changes = test.dynamo.new_changes().await;
    let of_registration =
        |it: &&mut Value| it["dynamodb"]["NewImage"]["kind"]["S"] == "registration";
    let first = changes.iter_mut().find(of_registration).expect("somebody signs up");
    first["dynamodb"]["NewImage"]["known"] = json!({ "S": "perhaps" });
    assert_eq!(test.relay(&changes).await, BatchResponse::default());
    assert_eq!(test.app.queues().take(QueueName::Mail).len(), 1, "the other one gets a code");
    let records = test.app.queues().take(QueueName::Audit);
    let records: Vec<Value> =
        records.iter().map(|it| serde_json::from_str(it).expect("JSON")).collect();
    let of_registration = |it: &&Value| it["kind"] == "registration";
    let registrations: Vec<&Value> = records.iter().filter(of_registration).collect();
    assert_eq!(registrations.len(), 2);
    assert!(registrations.iter().all(|it| it["after"]["email"].is_null()), "{registrations:?}");
}
