//! `cache-evictor`: reads the change streams of orders and tokens and takes out of the
//! cache what a change has made old. Whoever makes the change does the same at once. This
//! is for those who were killed or cut off from Redis just then, and for functions that
//! have no Redis.
//!
//! A change comes again for as long as Redis does not answer. After ten minutes it is given
//! up, because an entry does not live longer than that.

use aws_lambda_events::dynamodb::{Event, EventRecord};
use serde::Deserialize;
use thali_domain::ids::{AccountId, OrderId};
use thali_platform::app::App;
use thali_platform::cache::Entry;
use thali_platform::config::Part;
use thali_platform::worker::{BatchResponse, StreamReader};

use crate::tokens::counted;

/// What the streams invoke.
pub static READER: StreamReader = StreamReader {
    name: "cache-evictor",
    parts: &[Part::Cache],
    read: |app, event| Box::pin(evict(app, event)),
};

/// Takes out of the cache what the changes of a batch have made old. Where Redis does not
/// answer, the batch comes again from that record on.
pub async fn evict(app: &App, event: Event) -> BatchResponse {
    let mut response = BatchResponse::default();
    let records = event.records.len();
    for record in event.records {
        let sequence_number = record.change.sequence_number.clone().unwrap_or_default();
        let evicted = match outdated(record) {
            Some(Outdated::Order { order_id, version }) => {
                app.cache.drop_before(Entry::Order(order_id), version).await
            }
            Some(Outdated::Tokens { account_id }) => counted::changed(app, account_id).await,
            None => true,
        };
        if !evicted {
            response.add_failure(sequence_number);
            break;
        }
    }
    tracing::info!(records, failed = response.batch_item_failures.len(), "evicted");
    response
}

/// What a change has made old.
enum Outdated {
    /// All that an order was before it had this version.
    Order { order_id: OrderId, version: u64 },
    /// What an account had left.
    Tokens { account_id: AccountId },
}

/// The parts of an item that say what it is.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Image {
    Order {
        order_id: OrderId,
        version: u32,
    },
    Purchase {
        account_id: AccountId,
    },
    #[serde(other)]
    Other,
}

/// What a change has made old, if it is of something that is cached. An image that cannot
/// be read is our mistake and would be as unreadable the next time: it is logged, and the
/// changes behind it go on.
fn outdated(record: EventRecord) -> Option<Outdated> {
    let change = record.change;
    let removed = change.new_image.is_empty();
    let image = if removed { change.old_image } else { change.new_image };
    match serde_dynamo::from_item(image) {
        // What is removed was of its last version, and that is old too.
        Ok(Image::Order { order_id, version }) => {
            Some(Outdated::Order { order_id, version: u64::from(version) + u64::from(removed) })
        }
        Ok(Image::Purchase { account_id }) => Some(Outdated::Tokens { account_id }),
        Ok(Image::Other) => None,
        Err(_) => {
            // Not the error itself: it may quote the item.
            let event_id = record.event_id;
            tracing::error!(event_id, "an item cannot be read, so nothing is evicted for it");
            None
        }
    }
}
