//! The log of sent mails: it ensures that a message which is delivered twice causes only one mail.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use jiff::{SignedDuration, Timestamp};

use super::{Store, StoreError, condition_failed, keys, millis, number};

/// How long one attempt to send blocks other attempts. Longer than the maximum run time of the
/// mailer.
const LEASE: SignedDuration = SignedDuration::from_secs(60);

/// How long a mail is remembered. No message is delivered again later than that.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(15 * 24);

/// Whether the caller should send a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailTurn {
    /// The caller has the lease: send the mail.
    Ours,
    /// The mail was sent before.
    Sent,
    /// Another attempt is sending the mail, or crashed less than a minute ago.
    Theirs,
}

impl Store {
    /// Takes the lease to send the mail `message_id`, for a minute.
    pub async fn mail_begin(
        &self,
        message_id: &str,
        now: Timestamp,
    ) -> Result<MailTurn, StoreError> {
        let request = self
            .client
            .update_item()
            .table_name(&self.tables.audit)
            .set_key(Some(keys::mail(message_id).attributes()))
            .update_expression("SET sending_until = :until, #ttl = :ttl")
            .condition_expression(
                "attribute_not_exists(sent_at) AND \
                 (attribute_not_exists(sending_until) OR sending_until <= :now)",
            )
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":until", millis(now + LEASE))
            .expression_attribute_values(":ttl", number((now + REMEMBERED).as_second()))
            .expression_attribute_values(":now", millis(now))
            .return_values_on_condition_check_failure("ALL_OLD".into());
        match request.send().await {
            Ok(_) => Ok(MailTurn::Ours),
            Err(error) if condition_failed(&error) => Ok(turn_if_taken(&error)),
            Err(error) => Err(error.into()),
        }
    }

    /// Records that the mail was sent.
    pub async fn mail_sent(&self, message_id: &str, now: Timestamp) -> Result<(), StoreError> {
        self.mail_set(message_id, "SET sent_at = :now REMOVE sending_until", now).await
    }

    /// Releases the lease after a failed attempt, so that the next attempt does not have to wait.
    pub async fn mail_give_back(&self, message_id: &str, now: Timestamp) -> Result<(), StoreError> {
        self.mail_set(message_id, "SET failed_at = :now REMOVE sending_until", now).await
    }

    async fn mail_set(
        &self,
        message_id: &str,
        expression: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let request = self.client.update_item().table_name(&self.tables.audit);
        request
            .set_key(Some(keys::mail(message_id).attributes()))
            .update_expression(expression)
            .expression_attribute_values(":now", millis(now))
            .send()
            .await?;
        Ok(())
    }
}

fn turn_if_taken<R>(error: &SdkError<UpdateItemError, R>) -> MailTurn {
    let found = match error.as_service_error() {
        Some(UpdateItemError::ConditionalCheckFailedException(failed)) => failed.item(),
        _ => None,
    };
    if found.is_some_and(|item| item.contains_key("sent_at")) {
        MailTurn::Sent
    } else {
        MailTurn::Theirs
    }
}
