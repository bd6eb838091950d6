//! `cache-evictor`: reads the change streams of orders and tokens and takes out of the
//! cache what a change has made old. Whoever makes the change does the same at once. This
//! is for those who were killed or cut off from Redis just then, and for functions that
//! have no Redis.
//!
//! A change comes again for as long as Redis does not answer. After ten minutes it is given
//! up, because an entry does not live longer than that.

use aws_lambda_events::dynamodb::Event;
use thali_domain::ids::{AccountId, OrderId};
use thali_platform::app::App;
use thali_platform::cache::Entry;
use thali_platform::config::Part;
use thali_platform::store::{Change, Changed};
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
        let change = Change::from(record);
        let evicted = match change.of.as_ref().and_then(outdated) {
            Some(Outdated::Order { order_id, version }) => {
                app.cache.drop_before(Entry::Order(order_id), version).await
            }
            Some(Outdated::Tokens { account_id }) => counted::changed(app, account_id).await,
            None => true,
        };
        if !evicted {
            response.add_failure(change.sequence_number);
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

/// What a change has made old, if it is of something that is cached.
fn outdated(of: &Changed) -> Option<Outdated> {
    match of {
        Changed::Order(order) => {
            let removed = order.after.is_none();
            // What is removed was of its last version, and that is old too.
            order.last().map(|order| Outdated::Order {
                order_id: order.order_id,
                version: u64::from(order.version) + u64::from(removed),
            })
        }
        Changed::Purchase(purchase) => {
            let account_id = purchase.last()?.purchase.account_id;
            Some(Outdated::Tokens { account_id })
        }
        Changed::Account(_)
        | Changed::Guard(_)
        | Changed::Session(_)
        | Changed::Registration(_)
        | Changed::NewestRegistration(_)
        | Changed::Invite(_)
        | Changed::PasswordReset(_)
        | Changed::LoginFailures(_)
        | Changed::StaffToken(_)
        | Changed::Mess(_)
        | Changed::Member(_)
        | Changed::Cycle(_)
        | Changed::Cut(_)
        | Changed::Closure(_)
        | Changed::Plate(_)
        | Changed::Stray(_)
        | Changed::Notification(_)
        | Changed::MenuItem(_)
        | Changed::Stock(_)
        | Changed::Submission(_)
        | Changed::Refund(_)
        | Changed::Idempotency(_) => None,
    }
}
