//! `relay`: reads the change streams of the tables and puts what follows from a change on
//! the queues: every change on `audit`, on `mail` what somebody is to be told, on
//! `refunds` what the partner is to be asked for, on `orders` what is to be processed, and on
//! `announcements` what all students of a mess are to be told.
//!
//! It decides nothing and keeps nothing; a record that comes twice makes the same
//! messages again, and their consumers do each once.
//!
//! | file | its subject |
//! |---|---|
//! | this one | reading a batch of changes, and sending what follows from them |
//! | `change` | one change, as the stream tells it |
//! | `deriving` | the messages that follow from a change |
//! | `notices` | what owners are told of a change |
//! | `masking` | a change as the audit trail records it, without what nobody may see |

mod change;
mod deriving;
mod masking;
mod notices;

use aws_lambda_events::dynamodb::Event;
use thali_platform::app::App;
use thali_platform::config::Part;
use thali_platform::queue::{QueueName, batches};
use thali_platform::telemetry;
use thali_platform::worker::{BatchResponse, StreamReader};

use self::change::Change;

/// What the streams invoke.
pub static READER: StreamReader = StreamReader {
    name: "relay",
    parts: &[Part::Queues],
    read: |app, event| Box::pin(relay(app, event)),
};

/// Sends what follows from a batch of changes. Where a message did not get into its
/// queue, the batch comes again from that record on.
pub async fn relay(app: &App, event: Event) -> BatchResponse {
    let changes: Vec<Change> = event.records.into_iter().map(Change::from).collect();
    let audits = changes.iter().enumerate().filter_map(|(i, c)| Some((i, c.audit_record()?)));
    let mails = changes.iter().enumerate().filter_map(|(i, c)| Some((i, c.mail()?)));
    let refunds = changes.iter().enumerate().filter_map(|(i, c)| Some((i, c.refund()?)));
    let orders = changes.iter().enumerate().filter_map(|(i, c)| Some((i, c.order()?)));
    let notices = changes.iter().enumerate().filter_map(|(i, c)| Some((i, c.notice()?)));
    let announced = changes.iter().enumerate().filter_map(|(i, c)| Some((i, c.announcement()?)));
    let first_failures = [
        send(app, QueueName::Audit, &audits.collect::<Vec<_>>()).await,
        send(app, QueueName::Mail, &mails.collect::<Vec<_>>()).await,
        send(app, QueueName::Refunds, &refunds.collect::<Vec<_>>()).await,
        send(app, QueueName::Orders, &orders.collect::<Vec<_>>()).await,
        send(app, QueueName::Notices, &notices.collect::<Vec<_>>()).await,
        send(app, QueueName::Announcements, &announced.collect::<Vec<_>>()).await,
    ];
    let mut response = BatchResponse::default();
    if let Some(index) = first_failures.into_iter().flatten().min() {
        response.add_failure(changes[index].sequence_number.clone());
    }
    tracing::info!(records = changes.len(), failed = response.batch_item_failures.len(), "relayed");
    response
}

/// Sends messages, each with the index of its change; answers the first index that did
/// not get through.
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
