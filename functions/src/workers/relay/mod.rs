//! `relay`: reads the change streams of the tables and queues the messages that follow from each
//! change: audit records to `audit`, mails to `mail`, refunds for Razorpay to `refunds`, orders
//! to be processed to `orders`, notifications for owners to `notices`, and closures to be
//! announced to `announcements`.
//!
//! The relay decides nothing and stores nothing. A record that is delivered twice makes the same
//! messages again, and their consumers handle each message only once.
//!
//! | file | its subject |
//! |---|---|
//! | this one | reading a batch of changes, and sending their messages |
//! | `deriving` | the messages that follow from a change |
//! | `notices` | the notifications for owners that follow from a change |

mod deriving;
mod notices;

use aws_lambda_events::dynamodb::Event;
use thali_platform::app::App;
use thali_platform::config::Part;
use thali_platform::queue::{QueueName, batches};
use thali_platform::store::Change;
use thali_platform::telemetry;
use thali_platform::worker::{BatchResponse, StreamReader};

use self::deriving::FollowUps;

pub static READER: StreamReader = StreamReader {
    name: "relay",
    parts: &[Part::Queues],
    read: |app, event| Box::pin(relay(app, event)),
};

/// Sends the messages that follow from a batch of changes. If a queue does not take a message,
/// the batch is delivered again from that record on.
pub async fn relay(app: &App, event: Event) -> BatchResponse {
    let changes: Vec<Change> = event.records.into_iter().map(Change::from).collect();
    let follows: Vec<FollowUps> = changes.iter().map(FollowUps::from).collect();
    let audits = numbered(changes.iter().map(Change::audit_record));
    let mails = numbered(follows.iter().map(|it| it.mail.as_ref()));
    let refunds = numbered(follows.iter().map(|it| it.refund.as_ref()));
    let orders = numbered(follows.iter().map(|it| it.order.as_ref()));
    let notices = numbered(follows.iter().map(|it| it.notice.as_ref()));
    let announcements = numbered(follows.iter().map(|it| it.announcement.as_ref()));
    let first_failures = [
        send(app, QueueName::Audit, &audits).await,
        send(app, QueueName::Mail, &mails).await,
        send(app, QueueName::Refunds, &refunds).await,
        send(app, QueueName::Orders, &orders).await,
        send(app, QueueName::Notices, &notices).await,
        send(app, QueueName::Announcements, &announcements).await,
    ];
    let mut response = BatchResponse::default();
    if let Some(index) = first_failures.into_iter().flatten().min() {
        response.add_failure(changes[index].sequence_number.clone());
    }
    tracing::info!(records = changes.len(), failed = response.batch_item_failures.len(), "relayed");
    response
}

/// The messages that are present, each with the index of its change.
fn numbered<M>(messages: impl Iterator<Item = Option<M>>) -> Vec<(usize, M)> {
    messages.enumerate().filter_map(|(index, message)| Some((index, message?))).collect()
}

/// Sends messages, each with the index of its change. Returns the lowest index of a message that
/// the queue did not take.
async fn send(
    app: &App,
    queue: QueueName,
    messages: &[(usize, impl serde::Serialize)],
) -> Option<usize> {
    let mut failed = Vec::new();
    for batch in batches(messages, |(_, body)| body) {
        let bodies: Vec<_> = batch.iter().map(|(_, body)| body).collect();
        let taken = app.queues().send(queue, &bodies).await.unwrap_or_else(|error| {
            tracing::error!(cause = telemetry::chain(&error), "a queue took nothing");
            vec![false; batch.len()]
        });
        let refused = batch.iter().zip(taken).filter(|(_, taken)| !taken);
        failed.extend(refused.map(|((index, _), _)| *index));
    }
    failed.into_iter().min()
}
