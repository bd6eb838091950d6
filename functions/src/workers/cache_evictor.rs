//! `cache-evictor`: reads the change streams of orders and tokens, and removes outdated entries
//! from the cache. A function that makes a change does the same at once. The evictor is for
//! functions that were killed or could not reach Redis at that moment, and for functions
//! without Redis.
//!
//! A change is delivered again while Redis does not respond. After ten minutes it is given up,
//! because no entry lives longer than that.

use aws_lambda_events::dynamodb::Event;
use thali_domain::ids::{AccountId, OrderId};
use thali_platform::app::App;
use thali_platform::cache::Entry;
use thali_platform::config::Part;
use thali_platform::store::{Change, Changed};
use thali_platform::worker::{BatchResponse, StreamReader};

use crate::tokens::counted;

pub static READER: StreamReader = StreamReader {
    name: "cache-evictor",
    parts: &[Part::Cache],
    read: |app, event| Box::pin(evict(app, event)),
};

/// Removes the entries that the changes of a batch have outdated. If Redis does not respond, the
/// batch is delivered again from that record on.
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

/// The entry that a change has outdated.
enum Outdated {
    /// An order in the versions before this one.
    Order { order_id: OrderId, version: u64 },
    /// The token count of an account.
    Tokens { account_id: AccountId },
}

/// The entry that a change has outdated; `None` if the changed item is not cached.
fn outdated(of: &Changed) -> Option<Outdated> {
    match of {
        Changed::Order(order) => {
            let removed = order.after.is_none();
            // After a removal, the order's last version is outdated too.
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
        | Changed::EmailChange(_)
        | Changed::LoginFailures(_)
        | Changed::StaffToken(_)
        | Changed::Mess(_)
        | Changed::Member(_)
        | Changed::Cycle(_)
        | Changed::Cut(_)
        | Changed::Closure(_)
        | Changed::Plate(_)
        | Changed::Stray(_)
        | Changed::Lookup(_)
        | Changed::Notification(_)
        | Changed::MenuItem(_)
        | Changed::Stock(_)
        | Changed::Submission(_)
        | Changed::Refund(_)
        | Changed::Idempotency(_) => None,
    }
}
