//! Messages into SQS. Only the relay sends, and only to the queues of [`QueueName`].

use std::sync::Mutex;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use serde::Serialize;

use crate::config::QueueUrls;

/// The most messages that one call takes, as SQS sets it.
pub const BATCH_MAX: usize = 10;

/// The most bytes that one call takes, all messages together: SQS took 256 KiB for many years,
/// and takes 1 MiB now. A batch beyond it is refused as a whole, at every try.
const CALL_BYTES_MAX: usize = 256 * 1024;

/// How many bytes of messages are put into one call, which leaves room for what is around them.
const BATCH_BYTES_MAX: usize = 200 * 1024;

/// Cuts messages into batches that one call takes. A message that is too long for any call is
/// a batch of its own, so that it keeps back no other.
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

/// A queue that the relay fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueName {
    /// Mail to be sent.
    Mail,
    /// Changes to be recorded.
    Audit,
    /// Refunds to be asked for.
    Refunds,
    /// Orders to be processed.
    Orders,
    /// What owners are to find in their list of notifications.
    Notices,
    /// What all students of a mess are to be told.
    Announcements,
}

/// Where messages go.
pub enum Queues {
    /// SQS.
    Sqs {
        /// The client.
        client: Client,
        /// The queues' addresses.
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
    /// Sends at most [`BATCH_MAX`] messages and answers, message by message, which got in.
    pub async fn send(
        &self,
        queue: QueueName,
        messages: &[impl Serialize],
    ) -> Result<Vec<bool>, QueueError> {
        debug_assert!(messages.len() <= BATCH_MAX, "SQS takes ten messages at a time");
        let bodies = messages.iter().map(|message| {
            serde_json::to_string(message).expect("messages are plain data and serialise")
        });
        match self {
            Self::Memory(sent) => {
                let bodies: Vec<String> = bodies.collect();
                if bodies.iter().map(String::len).sum::<usize>() > CALL_BYTES_MAX {
                    return Err(QueueError { queue, cause: "the batch is too long".into() });
                }
                let mut sent = sent.lock().expect("no holder of the list panics");
                sent.extend(bodies.into_iter().map(|body| (queue, body)));
                Ok(vec![true; messages.len()])
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
                send_batch(client, url, bodies.collect())
                    .await
                    .map_err(|cause| QueueError { queue, cause })
            }
        }
    }

    /// Takes the messages of `queue` out of the memory backend; none from SQS.
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
) -> Result<Vec<bool>, Box<dyn std::error::Error + Send + Sync>> {
    let count = bodies.len();
    let mut request = client.send_message_batch().queue_url(url);
    for (index, body) in bodies.into_iter().enumerate() {
        let entry = SendMessageBatchRequestEntry::builder().id(index.to_string());
        request = request.entries(entry.message_body(body).build()?);
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
