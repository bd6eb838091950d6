//! Sends messages to SQS. Only the relay and the announcer send, to the queues of
//! [`QueueName`].

use std::sync::Mutex;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use serde::Serialize;

use crate::config::QueueUrls;

/// SQS' limit of messages in one call.
pub const BATCH_MAX: usize = 10;

/// The limit of bytes in one call, all messages together. SQS' limit was 256 KiB for many years
/// and is 1 MiB now. SQS refuses a larger batch as a whole, at every retry.
const CALL_BYTES_MAX: usize = 256 * 1024;

/// How many bytes of messages one batch holds. The rest of the call is room for the request.
const BATCH_BYTES_MAX: usize = 200 * 1024;

/// Splits messages into batches that fit into one call. A message that is too long for any call
/// is a batch of its own, so that it does not block the others.
pub fn batches<T, M: Serialize>(
    messages: &[T],
    message: impl Fn(&T) -> &M,
) -> impl Iterator<Item = &[T]> {
    let mut rest = messages;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = |one: &&T| {
            bytes += serde_json::to_vec(message(one)).map_or(0, |body| body.len());
            bytes <= BATCH_BYTES_MAX
        };
        let count = rest.iter().take(BATCH_MAX).take_while(fits).count().max(1);
        let (batch, left) = rest.split_at_checked(count)?;
        rest = left;
        Some(batch)
    })
}

/// A queue that the relay or the announcer fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueName {
    /// Mail to be sent.
    Mail,
    /// Changes to be recorded.
    Audit,
    /// Refunds to be requested from Razorpay.
    Refunds,
    /// Orders to be processed.
    Orders,
    /// Notifications for the owners of a mess.
    Notices,
    /// Announcements to all students of a mess.
    Announcements,
}

/// Where messages go.
pub enum Queues {
    Sqs {
        client: Client,
        urls: QueueUrls,
    },
    /// A list in memory, for tests.
    Memory(Mutex<Vec<(QueueName, String)>>),
}

/// A message that did not get into its queue.
#[derive(Debug, thiserror::Error)]
#[error("{queue:?}: the queue did not take the message")]
pub struct QueueError {
    queue: QueueName,
    #[source]
    cause: Box<dyn std::error::Error + Send + Sync>,
}

impl Queues {
    /// Sends at most [`BATCH_MAX`] messages. Returns for each whether the queue accepted it.
    pub async fn send(
        &self,
        queue: QueueName,
        messages: &[impl Serialize],
    ) -> Result<Vec<bool>, QueueError> {
        debug_assert!(messages.len() <= BATCH_MAX, "SQS takes ten messages at a time");
        let bodies = messages.iter().map(|message| {
            serde_json::to_string(message).expect("messages are plain data and serialise")
        });
        self.send_bodies(queue, bodies.collect(), 0).await
    }

    /// Sends one message, which is delivered `delay_s` seconds later, at most fifteen minutes.
    pub async fn send_later(
        &self,
        queue: QueueName,
        message: &impl Serialize,
        delay_s: i32,
    ) -> Result<bool, QueueError> {
        let body = serde_json::to_string(message).expect("messages are plain data and serialise");
        Ok(self.send_bodies(queue, vec![body], delay_s).await? == [true])
    }

    async fn send_bodies(
        &self,
        queue: QueueName,
        bodies: Vec<String>,
        delay_s: i32,
    ) -> Result<Vec<bool>, QueueError> {
        match self {
            Self::Memory(sent) => {
                if bodies.iter().map(String::len).sum::<usize>() > CALL_BYTES_MAX {
                    return Err(QueueError { queue, cause: "the batch is too long".into() });
                }
                let mut sent = sent.lock().expect("no holder of the list panics");
                let count = bodies.len();
                sent.extend(bodies.into_iter().map(|body| (queue, body)));
                Ok(vec![true; count])
            }
            Self::Sqs { client, urls } => {
                let url = match queue {
                    QueueName::Mail => &urls.mail,
                    QueueName::Audit => &urls.audit,
                    QueueName::Refunds => &urls.refunds,
                    QueueName::Orders => &urls.orders,
                    QueueName::Notices => &urls.notices,
                    QueueName::Announcements => &urls.announcements,
                };
                send_batch(client, url, bodies, delay_s)
                    .await
                    .map_err(|cause| QueueError { queue, cause })
            }
        }
    }

    /// Removes and returns the messages of `queue` in the memory backend; none for SQS.
    pub fn take(&self, queue: QueueName) -> Vec<String> {
        let Self::Memory(sent) = self else { return Vec::new() };
        let mut sent = sent.lock().expect("no holder of the list panics");
        let (taken, left) = sent.drain(..).partition(|(name, _)| *name == queue);
        *sent = left;
        taken.into_iter().map(|(_, body): (QueueName, String)| body).collect()
    }
}

async fn send_batch(
    client: &Client,
    url: &str,
    bodies: Vec<String>,
    delay_s: i32,
) -> Result<Vec<bool>, Box<dyn std::error::Error + Send + Sync>> {
    let count = bodies.len();
    let mut request = client.send_message_batch().queue_url(url);
    for (index, body) in bodies.into_iter().enumerate() {
        let entry = SendMessageBatchRequestEntry::builder().id(index.to_string());
        request = request.entries(entry.message_body(body).delay_seconds(delay_s).build()?);
    }
    let answer = request.send().await?;
    let mut taken = vec![false; count];
    for success in answer.successful() {
        if let Some(taken) = success.id().parse::<usize>().ok().and_then(|i| taken.get_mut(i)) {
            *taken = true;
        }
    }
    Ok(taken)
}
