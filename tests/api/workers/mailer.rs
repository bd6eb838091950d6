//! The mailer sends each mail once, and a failed mail does not delay the others.

use std::sync::Arc;

use jiff::SignedDuration;
use tokio::task::JoinSet;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use thali_domain::ids::AccountId;
use thali_functions::workers::mailer::CONSUMER as MAILER;
use thali_platform::store::{MailTurn, keys};

use super::{consume_at, failed};
use crate::support::{Call, TestApp, people::Student};

/// The id under which a sign-up's mail is logged.
fn mail_id(message: &str) -> String {
    let message: Value = serde_json::from_str(message).expect("JSON");
    format!("registration#{}#0", message["registration_id"].as_str().expect("an id"))
}

async fn set_address(test: &TestApp, student: &Student, address: &str) {
    let key = keys::account(AccountId::parse(&student.account_id).expect("an account's id"));
    let address = AttributeValue::S(address.to_owned());
    test.dynamo.set("accounts", &key, "email", address).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_concurrent_deliveries_of_a_message_send_one_mail() {
    let test = Arc::new(TestApp::start().await);
    let messages = test.messages_of_sign_ups(&["asha@example.com"]).await;
    assert_eq!(messages.len(), 1);
    let mut invocations = JoinSet::new();
    for _ in 0..10 {
        let (test, messages) = (Arc::clone(&test), messages.clone());
        invocations.spawn(async move { test.consume(&MAILER, &messages).await });
    }
    for response in invocations.join_all().await {
        assert!(failed(&response).len() <= 1, "{response:?}");
    }
    assert_eq!(test.app.mailer().take().len(), 1);
    assert_eq!(test.mails_of(&messages).await.len(), 0, "a retry finds it sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_handled_by_another_process_sends_no_second_mail() {
    let test = TestApp::start().await;
    let messages = test.messages_of_sign_ups(&["asha@example.com"]).await;
    assert_eq!(test.mails_of(&messages).await.len(), 1);
    let other = test.another_process(&[]);
    assert_eq!(failed(&consume_at(&other, &MAILER, &messages).await), [""; 0]);
    assert_eq!(other.mailer().take().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_mail_is_reported_and_the_others_are_sent() {
    let test = TestApp::start().await;
    let emails = ["asha@example.com", "refused@example.com", "ravi@example.com"];
    let messages = test.messages_of_sign_ups(&emails).await;
    let position = |email: &str| {
        messages.iter().position(|message| message.contains(email)).expect("it is there")
    };
    let refused = position("refused@example.com").to_string();
    let sent = |mails: Vec<thali_platform::mail::Mail>| {
        let mut to: Vec<String> = mails.iter().map(|mail| mail.to.to_string()).collect();
        to.sort();
        to
    };
    let response = test.consume(&MAILER, &messages).await;
    assert_eq!(failed(&response), [refused.as_str()]);
    assert_eq!(sent(test.app.mailer().take()), ["asha@example.com", "ravi@example.com"]);
    let response = test.consume(&MAILER, &messages).await;
    assert_eq!(failed(&response), [refused.as_str()], "retried at once");
    assert_eq!(sent(test.app.mailer().take()), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_retry_sends_a_mail_that_was_refused() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    test.settle().await;
    set_address(&test, &asha, "refused@example.com").await;
    // The mail about the changed address is not the subject.
    test.dynamo.new_changes().await;
    test.buy_tokens(&asha, 10).await;
    let messages = test.messages().await;
    for _ in 0..3 {
        assert_eq!(failed(&test.consume(&MAILER, &messages).await), ["0"]);
        assert_eq!(test.app.mailer().take().len(), 0);
    }
    set_address(&test, &asha, "asha@example.com").await;
    let other = test.another_process(&[]);
    assert_eq!(failed(&consume_at(&other, &MAILER, &messages).await), [""; 0]);
    let mails = other.mailer().take();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].to.as_str(), "asha@example.com");
    assert_eq!(test.mails_of(&messages).await.len(), 0, "not sent again");
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_messages_are_reported_and_the_others_are_handled() {
    let test = TestApp::start().await;
    let good = test.messages_of_sign_ups(&["asha@example.com"]).await.remove(0);
    let without_mess = good.replace("mess_demo", "mess_gone");
    let receipt = json!({
        "mail": "receipt",
        "order_id": "order_AAAAAAAAAAAAAA",
        "account_id": "acc_01KF05HFJ08SYGGAMNFSDDMR63",
        "mess_id": "mess_demo",
        "token_count": 1,
        "amount_paise": 5_000,
        "expires_at": 0,
    });
    let messages = [
        "not JSON".to_owned(),
        "{}".to_owned(),
        json!({ "mail": "birthday", "email": "asha@example.com" }).to_string(),
        without_mess,
        receipt.to_string(),
        String::new(),
        good,
    ];
    let response = test.consume(&MAILER, &messages).await;
    assert_eq!(failed(&response), ["0", "1", "2", "3", "4", "5"]);
    let mails = test.app.mailer().take();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].to.as_str(), "asha@example.com");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_whose_sender_crashed_is_retried_only_after_a_minute() {
    let test = TestApp::start().await;
    let messages = test.messages_of_sign_ups(&["asha@example.com"]).await;
    // A mailer began, and crashed before it sent the mail.
    let turn = test.app.store.mail_begin(&mail_id(&messages[0]), test.now()).await;
    assert_eq!(turn.expect("the store answers"), MailTurn::Ours);

    for wait_ms in [0, 30_000, 29_999] {
        test.advance(SignedDuration::from_millis(wait_ms));
        assert_eq!(failed(&test.consume(&MAILER, &messages).await), ["0"], "to be retried");
        assert_eq!(test.app.mailer().take().len(), 0);
    }
    test.advance(SignedDuration::from_millis(1));
    assert_eq!(test.mails_of(&messages).await.len(), 1);
    assert_eq!(test.mails_of(&messages).await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_is_no_longer_valid_is_not_mailed() {
    let test = TestApp::start().await;
    let messages = test.messages_of_sign_ups(&["asha@example.com", "ravi@example.com"]).await;
    let again = json!({ "email": "asha@example.com" });
    test.send(Call::post("/sign-up/otp-resend", &again)).await.expect(202);
    let mails = test.mails_of(&messages).await;
    let to: Vec<&str> = mails.iter().map(|mail| mail.to.as_str()).collect();
    assert_eq!(to, ["ravi@example.com"], "a resend voids the first code");

    let late = test.messages_of_sign_ups(&["mina@example.com"]).await;
    test.advance(SignedDuration::from_mins(15));
    assert_eq!(test.mails_of(&late).await.len(), 0);
}
