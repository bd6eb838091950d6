//! `expire-tokens`: has each student warned once of each purchase's tokens that expire within
//! seven days. The job reads the index of purchases without a warning, by date of expiry, and
//! marks each purchase; the relay makes the mail from the mark. Each run reads all seven days,
//! so that the next run makes up for a missed one. It also reads the two days before today, so
//! that purchases that expired without a warning leave the index too.
//!
//! The expiry itself needs no job: expired tokens do not count from that moment on.

use futures_util::{StreamExt, stream};
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::Value;
use thali_domain::tokens::expiry::{WARNED_BEFORE, Warning, warning};
use thali_platform::app::App;
use thali_platform::store::StoreError;
use thali_platform::store::keys::{self, Key};
use thali_platform::worker::Job;

use super::{Count, Run, walk};

pub static JOB: Job = Job {
    name: "expire-tokens",
    parts: &[],
    metrics: &[],
    run: |app, event| Box::pin(run(app, event)),
};

/// How many partitions of the index are processed concurrently.
const AT_ONCE: usize = 8;

/// How many days before today each run reads, for purchases that earlier runs missed.
const DAYS_BACK: i64 = 2;

/// What a run did.
#[derive(Debug, Default, Serialize)]
struct Counts {
    /// Purchases that were found in the index.
    looked_at: Count,
    /// Purchases with a student who is warned now.
    warned: Count,
    /// Purchases that need no warning.
    gone: Count,
    /// Failed reads and writes; the next run tries them again.
    errors: Count,
}

async fn run(app: &App, _event: &Value) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
    let expiry = Expiry { run: Run::begin(app, &JOB), did: Counts::default() };
    let today = app.clock.now().to_zoned(TimeZone::UTC).date();
    let days = WARNED_BEFORE.as_hours() / 24;
    let partitions = (-DAYS_BACK..=days).flat_map(|day| {
        let date = today.saturating_add(day.days());
        (0..keys::SHARDS).map(move |shard| (date, shard))
    });
    stream::iter(partitions)
        .map(|(date, shard)| expiry.partition(date, shard))
        .buffer_unordered(AT_ONCE)
        .collect::<()>()
        .await;
    Ok(serde_json::to_value(expiry.did)?)
}

/// One run, and what it has done so far.
struct Expiry<'a> {
    run: Run<'a>,
    did: Counts,
}

impl Expiry<'_> {
    async fn partition(&self, date: Date, shard: u8) {
        walk(
            || self.run.is_out_of_time(),
            &self.did.errors,
            |start| self.run.app.store.purchases_expiring(date, shard, start),
            |key| self.purchase(key),
        )
        .await;
    }

    async fn purchase(&self, key: Key) -> Result<(), StoreError> {
        let store = &self.run.app.store;
        self.did.looked_at.add_one();
        let Some(purchase) = store.purchase_at(&key).await? else { return Ok(()) };
        let stamp = self.run.stamp();
        match warning(&purchase, stamp.at) {
            Warning::Later => {}
            // If tokens are redeemed or refunded at the same moment, the next run decides.
            Warning::Now(tokens) => {
                if store.purchase_warn(&purchase, tokens, &stamp).await? {
                    self.did.warned.add_one();
                }
            }
            Warning::Never => {
                self.did.gone.add_one();
                store.purchase_skip_warning(&purchase, &stamp).await?;
            }
        }
        Ok(())
    }
}
