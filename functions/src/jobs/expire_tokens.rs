//! `expire-tokens`: lets each student be warned once of each purchase's tokens that expire
//! within seven days. It reads the index of those who were not warned, by the date on which
//! their tokens expire; the relay makes the mail of the mark that it leaves. Each run looks
//! at all seven days, so one that did not take place is made up for by the next; and at two
//! days before, so that what nobody was warned of in time leaves the index too.
//!
//! That tokens expire needs no job: what is expired counts for nothing from that moment on.

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

/// The job.
pub static JOB: Job =
    Job { name: "expire-tokens", parts: &[], run: |app, event| Box::pin(run(app, event)) };

/// How many partitions of the index are dealt with at once.
const AT_ONCE: usize = 8;

/// How many days back the index is looked through for what earlier runs missed.
const DAYS_BACK: i64 = 2;

/// What a run did.
#[derive(Debug, Default, Serialize)]
struct Counts {
    /// Purchases that the index named.
    looked_at: Count,
    /// Students who are warned now.
    warned: Count,
    /// Purchases of which nobody needs to be warned.
    gone: Count,
    /// What could not be read or written, and is tried again by the next run.
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

/// One run, and what it did so far.
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
            // Where tokens are redeemed or given back at this moment, the next run decides.
            Warning::Now(tokens) => {
                if store.purchase_warn(&purchase, tokens, &stamp).await? {
                    self.did.warned.add_one();
                }
            }
            Warning::Never => {
                self.did.gone.add_one();
                store.purchase_warn_never(&purchase, &stamp).await?;
            }
        }
        Ok(())
    }
}
