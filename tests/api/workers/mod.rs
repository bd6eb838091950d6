//! The workers that process changes: the relay, the mailer, the notifier and the audit writer,
//! also with messages that are repeated, late or malformed.

mod audit;
mod mailer;
mod mails;
mod notifier;
mod outage;
mod relay;

use serde_json::{Value, json};
use thali_functions::workers::mailer::CONSUMER as MAILER;
use thali_platform::app::App;
use thali_platform::mail::Mail;
use thali_platform::queue::QueueName;
use thali_platform::worker::{BatchResponse, Consumer, consume};

use crate::support::TestApp;

/// The ids of the messages to be retried.
pub(super) fn failed(response: &BatchResponse) -> Vec<&str> {
    response.batch_item_failures.iter().map(|failure| failure.item_identifier.as_str()).collect()
}

/// Invokes a consumer of another process with messages, whose ids are their indices.
pub(super) async fn consume_at(app: &App, consumer: &Consumer, bodies: &[String]) -> BatchResponse {
    let message =
        |(id, body): (usize, &String)| json!({ "messageId": id.to_string(), "body": body });
    let records: Vec<Value> = bodies.iter().enumerate().map(message).collect();
    let event = serde_json::from_value(json!({ "Records": records })).expect("SQS's format");
    consume(app, consumer, event).await
}

impl TestApp {
    /// Signs up with these addresses and relays the changes; returns the mailer's messages, not
    /// yet consumed.
    async fn messages_of_sign_ups(&self, emails: &[&str]) -> Vec<String> {
        for email in emails {
            self.sign_up(email).await.expect(202);
        }
        self.messages().await
    }

    /// Relays the new changes; returns the mailer's messages, not yet consumed.
    async fn messages(&self) -> Vec<String> {
        let changes = self.dynamo.new_changes().await;
        assert_eq!(self.relay(&changes).await, BatchResponse::default());
        self.app.queues().take(QueueName::Mail)
    }

    /// Lets the mailer handle messages and asserts that none fails; returns the mails.
    async fn mails_of(&self, messages: &[String]) -> Vec<Mail> {
        assert_eq!(self.consume(&MAILER, messages).await, BatchResponse::default());
        self.app.mailer().take()
    }
}
