//! The jobs that a schedule invokes, and the code that their runs share.

pub mod expire_tokens;
pub mod reconcile_payments;
pub mod sweep_orders;

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;
use thali_platform::app::App;
use thali_platform::store::{PageStart, Stamp, StoreError, WaitingPage};
use thali_platform::telemetry;
use thali_platform::worker::Job;

/// How long a run starts new work: a page, or an item of a page. The work in progress then (at
/// worst three calls to Razorpay and three writes) ends before the Lambda times out after 60 s.
const RUN_TIME_MAX: Duration = Duration::from_secs(30);

/// One run of a job.
struct Run<'a> {
    app: &'a App,
    job: &'static Job,
    request_id: String,
    began: Instant,
}

impl<'a> Run<'a> {
    fn begin(app: &'a App, job: &'static Job) -> Self {
        Self { app, job, request_id: app.clock.ulid().to_string(), began: Instant::now() }
    }

    /// Whether the run's time is over, so that the rest is left to the next run.
    fn is_out_of_time(&self) -> bool {
        self.began.elapsed() >= RUN_TIME_MAX
    }

    /// The stamp of a write at this moment.
    fn stamp(&self) -> Stamp {
        Stamp {
            actor: self.job.name.to_owned(),
            request_id: self.request_id.clone(),
            at: self.app.clock.now(),
        }
    }
}

/// Reads a partition of an index page by page and calls `deal` for each item, until all items
/// are done or the run `is_over`. Counts failed reads and writes in `errors`: a failed page ends
/// the walk, a failed item does not. Returns whether `deal` was called for each item.
async fn walk<T, P, D>(
    is_over: impl Fn() -> bool,
    errors: &Count,
    page: impl Fn(Option<PageStart>) -> P,
    deal: impl Fn(T) -> D,
) -> bool
where
    P: Future<Output = Result<WaitingPage<T>, StoreError>>,
    D: Future<Output = Result<(), StoreError>>,
{
    let mut start = None;
    while !is_over() {
        let WaitingPage { items, next } = match page(start).await {
            Ok(page) => page,
            Err(error) => {
                errors.add_error(&error);
                return false;
            }
        };
        for waiting in items {
            if is_over() {
                return false;
            }
            if let Err(error) = deal(waiting).await {
                errors.add_error(&error);
            }
        }
        if next.is_none() {
            return true;
        }
        start = next;
    }
    false
}

/// A counter of a run, whose partitions are processed concurrently.
#[derive(Debug, Default, Serialize)]
struct Count(AtomicU32);

impl Count {
    fn add_one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a failed read or write, and logs the cause.
    fn add_error(&self, error: &StoreError) {
        tracing::error!(cause = telemetry::chain(error), "something is left for the next run");
        self.add_one();
    }
}
