//! `expire-tokens`: lets each student be warned once of each purchase's tokens that expire
//! within seven days. It reads the index of those who were not warned, by the date on which
//! their tokens expire; the relay makes the mail of the mark that it leaves. Each run looks
//! at all seven days, so one that did not take place is made up for by the next.
//!
//! That tokens expire needs no job: what is expired counts for nothing from that moment on.

use std::time::Instant;

use futures_util::{StreamExt, stream};
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::Value;
use thali_domain::expiry::{WARNED_BEFORE, Warning, warning};
use thali_platform::app::App;
use thali_platform::store::keys::{self, Key};
use thali_platform::store::{Stamp, StoreError};
use thali_platform::telemetry;
use thali_platform::worker::Job;

use super::RUN_TIME_MAX;

/// The job.
pub static JOB: Job =
    Job { name: "expire-tokens", parts: &[], run: |app, event| Box::pin(run(app, event)) };

/// How many partitions of the index are dealt with at once.
const AT_ONCE: usize = 8;

/// What a run did.
#[derive(Debug, Default, Serialize)]
struct Counts {
    /// Purchases that the index named.
    looked_at: u32,
    /// Students who are warned now.
    warned: u32,
    /// Purchases of which nobody needs to be warned.
    gone: u32,
    /// What could not be read or written, and is tried again by the next run.
    errors: u32,
}

impl std::ops::Add for Counts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            looked_at: self.looked_at + other.looked_at,
            warned: self.warned + other.warned,
            gone: self.gone + other.gone,
            errors: self.errors + other.errors,
        }
    }
}

async fn run(app: &App, _event: &Value) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
    let run = Run { app, began: Instant::now(), request_id: app.clock.ulid().to_string() };
    let today = app.clock.now().to_zoned(TimeZone::UTC).date();
    let days = WARNED_BEFORE.as_hours() / 24;
    let partitions = (0..=days).flat_map(|day| {
        let date = today.saturating_add(day.days());
        (0..keys::SHARDS).map(move |shard| (date, shard))
    });
    let counts: Vec<Counts> = stream::iter(partitions)
        .map(|(date, shard)| run.partition(date, shard))
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    Ok(serde_json::to_value(counts.into_iter().fold(Counts::default(), std::ops::Add::add))?)
}

/// One run.
struct Run<'a> {
    app: &'a App,
    began: Instant,
    request_id: String,
}

impl Run<'_> {
    async fn partition(&self, date: Date, shard: u8) -> Counts {
        let mut counts = Counts::default();
        let mut start = None;
        while self.began.elapsed() < RUN_TIME_MAX {
            let page = match self.app.store.purchases_expiring(date, shard, start).await {
                Ok(page) => page,
                Err(error) => {
                    count_error(&error, &mut counts);
                    break;
                }
            };
            for key in &page.items {
                if let Err(error) = self.purchase(key, &mut counts).await {
                    count_error(&error, &mut counts);
                }
            }
            start = page.next;
            if start.is_none() {
                break;
            }
        }
        counts
    }

    async fn purchase(&self, key: &Key, counts: &mut Counts) -> Result<(), StoreError> {
        counts.looked_at += 1;
        let Some(purchase) = self.app.store.purchase_read(key).await? else { return Ok(()) };
        let stamp = Stamp {
            actor: JOB.name.to_owned(),
            request_id: self.request_id.clone(),
            at: self.app.clock.now(),
        };
        match warning(&purchase, stamp.at) {
            Warning::Later => {}
            Warning::Now => {
                let is_first = self.app.store.purchase_warn(&purchase, &stamp).await?;
                counts.warned += u32::from(is_first);
            }
            Warning::Never => {
                counts.gone += 1;
                self.app.store.purchase_warn_never(&purchase, &stamp).await?;
            }
        }
        Ok(())
    }
}

fn count_error(error: &StoreError, counts: &mut Counts) {
    tracing::error!(cause = telemetry::chain(error), "something is left for the next run");
    counts.errors += 1;
}
