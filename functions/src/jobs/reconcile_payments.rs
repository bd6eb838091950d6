//! `reconcile-payments`: asks the partner for what nobody told. A payment is credited though
//! the browser was closed and the webhook got lost; a refund is finished though its messages
//! came to nothing. Whatever it finds goes the way of the webhook's news, so a run beside a
//! webhook, a browser or another run credits once.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use futures_util::{StreamExt, stream};
use jiff::SignedDuration;
use serde::Serialize;
use serde_json::Value;
use thali_domain::payments::{PaymentStatus, Reconciliation, is_due, reconcile};
use thali_domain::refunds::Refund;
use thali_domain::tokens::{Purchase, PurchaseState, Waiting};
use thali_platform::app::App;
use thali_platform::config::Part;
use thali_platform::razorpay::RazorpayError;
use thali_platform::store::{Stamp, StoreError, keys};
use thali_platform::telemetry;
use thali_platform::worker::Job;

use super::RUN_TIME_MAX;
use crate::payments::refunding::{RefundingError, push};
use crate::payments::settle::settle;

/// The job.
pub static JOB: Job = Job {
    name: "reconcile-payments",
    parts: &[Part::Razorpay],
    run: |app, event| Box::pin(run(app, event)),
};

/// How old something must be to be asked about, unless the event says otherwise: by then
/// the browser and the webhook have had their chance.
const OLDER_THAN_S: u32 = 300;

/// How many partitions of the index are dealt with at once.
const AT_ONCE: usize = 4;

/// After so many failures in a row the partner is left alone until the next run.
const FAILURES_IN_A_ROW_MAX: u32 = 5;

/// The event's option is no number of seconds.
#[derive(Debug, thiserror::Error)]
#[error("older_than_s must be a number of seconds")]
struct BadOption;

/// What a run did.
#[derive(Debug, Default, Serialize)]
struct Counts {
    /// Purchases and refunds that the partner was asked about.
    asked: u32,
    /// Purchases that turned out to be paid.
    credited: u32,
    /// Purchases whose payments turned out to have failed.
    failed: u32,
    /// Purchases that are given up.
    closed: u32,
    /// Purchases and refunds that are to be asked about again.
    waiting: u32,
    /// Refunds that came to their end.
    refunds_finished: u32,
    /// What could not be asked or written, and is to be asked about again.
    errors: u32,
}

impl std::ops::Add for Counts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            asked: self.asked + other.asked,
            credited: self.credited + other.credited,
            failed: self.failed + other.failed,
            closed: self.closed + other.closed,
            waiting: self.waiting + other.waiting,
            refunds_finished: self.refunds_finished + other.refunds_finished,
            errors: self.errors + other.errors,
        }
    }
}

/// One run.
struct Run<'a> {
    app: &'a App,
    older_than: SignedDuration,
    /// Whether the backoff holds. A run by hand asks about everything that is old enough.
    is_scheduled: bool,
    began: Instant,
    request_id: String,
    failures_in_a_row: AtomicU32,
}

async fn run(app: &App, event: &Value) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
    let option = match &event["older_than_s"] {
        Value::Null => None,
        given => {
            Some(given.as_u64().and_then(|seconds| u32::try_from(seconds).ok()).ok_or(BadOption)?)
        }
    };
    let run = Run {
        app,
        older_than: SignedDuration::from_secs(option.unwrap_or(OLDER_THAN_S).into()),
        is_scheduled: option.is_none(),
        began: Instant::now(),
        request_id: app.clock.ulid().to_string(),
        failures_in_a_row: AtomicU32::new(0),
    };
    // Another partition first each time, so that none is always the one without time left.
    let rotation = app.clock.now().as_second() / i64::from(OLDER_THAN_S);
    let first = u8::try_from(rotation.rem_euclid(keys::SHARDS.into()))?;
    let shards = (0..keys::SHARDS).map(|shard| (first + shard) % keys::SHARDS);
    let counts: Vec<Counts> = stream::iter(shards)
        .map(|shard| run.shard(shard))
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    Ok(serde_json::to_value(counts.into_iter().fold(Counts::default(), std::ops::Add::add))?)
}

impl Run<'_> {
    /// Deals with one partition of each kind.
    async fn shard(&self, shard: u8) -> Counts {
        let mut counts = Counts::default();
        for done in
            [self.refunds(shard, &mut counts).await, self.purchases(shard, &mut counts).await]
        {
            if let Err(error) = done {
                count_error(&error, &mut counts);
            }
        }
        counts
    }

    async fn refunds(&self, shard: u8, counts: &mut Counts) -> Result<(), StoreError> {
        let mut start = None;
        loop {
            let page = self.app.store.refunds_waiting(shard, start).await?;
            for refund in &page.items {
                if self.is_over() {
                    return Ok(());
                }
                if self.app.clock.now().duration_since(refund.requested_at) >= self.older_than {
                    self.refund(refund, counts).await;
                }
            }
            start = page.next;
            if start.is_none() {
                return Ok(());
            }
        }
    }

    async fn purchases(&self, shard: u8, counts: &mut Counts) -> Result<(), StoreError> {
        let mut start = None;
        loop {
            let page = self.app.store.purchases_waiting(shard, start).await?;
            for purchase in &page.items {
                if self.is_over() {
                    return Ok(());
                }
                if self.is_to_be_asked(purchase)
                    && let Err(error) = self.purchase(purchase, counts).await
                {
                    count_error(&error, counts);
                }
            }
            start = page.next;
            if start.is_none() {
                return Ok(());
            }
        }
    }

    /// Whether the run ends here: it has had its time, or the partner does not answer.
    fn is_over(&self) -> bool {
        self.began.elapsed() >= RUN_TIME_MAX
            || self.failures_in_a_row.load(Ordering::Relaxed) >= FAILURES_IN_A_ROW_MAX
    }

    fn is_to_be_asked(&self, purchase: &Purchase) -> bool {
        let now = self.app.clock.now();
        if self.is_scheduled {
            is_due(purchase, self.older_than, now)
        } else {
            now.duration_since(purchase.created_at) >= self.older_than
        }
    }

    async fn refund(&self, refund: &Refund, counts: &mut Counts) {
        counts.asked += 1;
        let done = match push(self.app, refund, &self.stamp()).await {
            Err(RefundingError::Partner(error)) => return self.partner_failed(&error, counts),
            Err(RefundingError::Store(error)) => Err(error),
            Ok(done) => Ok(done),
        };
        self.failures_in_a_row.store(0, Ordering::Relaxed);
        match done {
            Ok(true) => counts.refunds_finished += 1,
            Ok(false) => counts.waiting += 1,
            Err(error) => count_error(&error, counts),
        }
    }

    async fn purchase(&self, purchase: &Purchase, counts: &mut Counts) -> Result<(), StoreError> {
        counts.asked += 1;
        let payments = match self.app.razorpay().order_payments(&purchase.order_id).await {
            Ok(payments) => payments,
            // The partner does not know the order, so there are no payments.
            Err(refusal) if refusal.is_final() => {
                tracing::error!(order_id = purchase.order_id.as_str(), "an order is refused");
                Vec::new()
            }
            Err(error) => {
                self.partner_failed(&error, counts);
                return Ok(());
            }
        };
        self.failures_in_a_row.store(0, Ordering::Relaxed);
        let stamp = self.stamp();
        match reconcile(purchase, &payments, stamp.at) {
            Reconciliation::Capture(payment) => {
                match settle(self.app, purchase.clone(), &payment, &stamp).await {
                    Ok(_) => counts.credited += 1,
                    Err(problem) => {
                        tracing::error!(code = problem.code, "a payment is not credited");
                        counts.errors += 1;
                    }
                }
            }
            Reconciliation::Wait => {
                counts.waiting += 1;
                if payments.iter().any(|payment| payment.status == PaymentStatus::Captured) {
                    let order_id = purchase.order_id.as_str();
                    tracing::error!(order_id, "a payment does not pay for its purchase");
                }
                self.app.store.purchase_asked(purchase, false, &stamp).await?;
            }
            Reconciliation::Failed => {
                let is_news = matches!(
                    &purchase.state,
                    PurchaseState::Created(Waiting { failed_at: None, .. })
                );
                *(if is_news { &mut counts.failed } else { &mut counts.waiting }) += 1;
                self.app.store.purchase_asked(purchase, true, &stamp).await?;
            }
            Reconciliation::Close => {
                counts.closed += 1;
                self.app.store.purchase_close(purchase, &stamp).await?;
            }
        }
        Ok(())
    }

    fn stamp(&self) -> Stamp {
        Stamp {
            actor: JOB.name.to_owned(),
            request_id: self.request_id.clone(),
            at: self.app.clock.now(),
        }
    }

    fn partner_failed(&self, error: &RazorpayError, counts: &mut Counts) {
        tracing::error!(cause = telemetry::chain(error), "the partner gives no answer");
        self.failures_in_a_row.fetch_add(1, Ordering::Relaxed);
        counts.errors += 1;
    }
}

/// Counts what could not be read or written.
fn count_error(error: &StoreError, counts: &mut Counts) {
    tracing::error!(cause = telemetry::chain(error), "something is left for the next run");
    counts.errors += 1;
}
