//! `reconcile-payments`: queries Razorpay for payments and refunds without news. So a payment is
//! credited even if the browser was closed and the webhook was lost, and a refund is finished
//! even if its messages failed. The job uses the same transactions as the webhook, so a run at
//! the same time as a webhook, a browser or another run credits a payment only once.

use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::{StreamExt, stream};
use jiff::SignedDuration;
use serde::Serialize;
use serde_json::Value;
use thali_domain::payments::refunds::Refund;
use thali_domain::payments::settlement::{PaymentStatus, Reconciliation, is_due, reconcile};
use thali_domain::tokens::purchases::{Purchase, PurchaseState, Waiting};
use thali_platform::app::App;
use thali_platform::config::Part;
use thali_platform::razorpay::RazorpayError;
use thali_platform::store::{StoreError, keys};
use thali_platform::telemetry;
use thali_platform::worker::Job;

use super::{Count, Run, walk};
use crate::payments::refunding::{Outcome, RefundingError, push};
use crate::payments::settle::settle;

pub static JOB: Job = Job {
    name: "reconcile-payments",
    parts: &[Part::Cache, Part::Razorpay],
    run: |app, event| Box::pin(run(app, event)),
};

/// How many seconds old a purchase or refund must be before Razorpay is queried, unless the event
/// says otherwise. By then the browser and the webhook have had their chance.
const OLDER_THAN_S: u32 = 300;

/// How many partitions of the index are processed concurrently.
const AT_ONCE: usize = 4;

/// After this many failures in a row, Razorpay is not queried again until the next run.
const FAILURES_IN_A_ROW_MAX: u32 = 5;

/// The only option of a manual run.
const OPTION: &str = "older_than_s";

/// The event has an invalid option.
#[derive(Debug, thiserror::Error)]
enum BadEvent {
    #[error("{OPTION} must be a number of seconds")]
    NoNumber,
    #[error("the only option is {OPTION}")]
    UnknownOption,
}

/// What a run did.
#[derive(Debug, Default, Serialize)]
struct Counts {
    /// Purchases and refunds for which Razorpay was queried.
    asked: Count,
    /// Purchases that turned out to be paid.
    credited: Count,
    /// Purchases whose payments turned out to have failed.
    failed: Count,
    /// Purchases that were given up.
    closed: Count,
    /// Purchases and refunds for which Razorpay is to be queried again.
    waiting: Count,
    /// Refunds that were paid or have failed.
    refunds_finished: Count,
    /// Failed queries and writes, which are to be tried again.
    errors: Count,
}

/// One run, and what it has done so far.
struct Reconciling<'a> {
    run: Run<'a>,
    older_than: SignedDuration,
    /// Whether the backoff applies. A manual run queries everything that is old enough, and
    /// leaves the backoff unchanged.
    is_scheduled: bool,
    failures_in_a_row: AtomicU32,
    did: Counts,
}

async fn run(app: &App, event: &Value) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
    let option = option(event)?;
    let reconciling = Reconciling {
        run: Run::begin(app, &JOB),
        older_than: SignedDuration::from_secs(option.unwrap_or(OLDER_THAN_S).into()),
        is_scheduled: option.is_none(),
        failures_in_a_row: AtomicU32::new(0),
        did: Counts::default(),
    };
    // Each run starts with another partition, so that no partition always runs out of time.
    let rotation = app.clock.now().as_second() / i64::from(OLDER_THAN_S);
    let first = u8::try_from(rotation.rem_euclid(keys::SHARDS.into()))?;
    let shards = (0..keys::SHARDS).map(|shard| (first + shard) % keys::SHARDS);
    stream::iter(shards)
        .map(|shard| reconciling.shard(shard))
        .buffer_unordered(AT_ONCE)
        .collect::<()>()
        .await;
    Ok(serde_json::to_value(reconciling.did)?)
}

/// The option of a manual run; none in the event of a schedule. An unknown option is a mistake
/// of the invoker, and is refused.
fn option(event: &Value) -> Result<Option<u32>, BadEvent> {
    // Only a schedule's event has a `source`. It may get further members in the future.
    let by_hand = event.get("source").is_none();
    let mut names = event.as_object().into_iter().flat_map(|event| event.keys());
    if by_hand && names.any(|name| name != OPTION) {
        return Err(BadEvent::UnknownOption);
    }
    match &event[OPTION] {
        Value::Null => Ok(None),
        given => {
            let seconds = given.as_u64().and_then(|seconds| u32::try_from(seconds).ok());
            seconds.map(Some).ok_or(BadEvent::NoNumber)
        }
    }
}

impl Reconciling<'_> {
    /// Processes one partition of the refunds and one of the purchases.
    async fn shard(&self, shard: u8) {
        let (store, errors) = (&self.run.app.store, &self.did.errors);
        walk(
            || self.is_over(),
            errors,
            |start| store.refunds_waiting(shard, start),
            |refund| self.refund(refund),
        )
        .await;
        walk(
            || self.is_over(),
            errors,
            |start| store.purchases_waiting(shard, start),
            |purchase| self.purchase(purchase),
        )
        .await;
    }

    /// Whether the run ends here: its time is over, or Razorpay has failed too often.
    fn is_over(&self) -> bool {
        self.run.is_out_of_time()
            || self.failures_in_a_row.load(Ordering::Relaxed) >= FAILURES_IN_A_ROW_MAX
    }

    fn is_to_be_queried(&self, purchase: &Purchase) -> bool {
        let now = self.run.app.clock.now();
        if self.is_scheduled {
            is_due(purchase, self.older_than, now)
        } else {
            now.duration_since(purchase.created_at) >= self.older_than
        }
    }

    async fn refund(&self, refund: Refund) -> Result<(), StoreError> {
        if self.run.app.clock.now().duration_since(refund.requested_at) < self.older_than {
            return Ok(());
        }
        self.did.asked.add_one();
        let outcome = match push(self.run.app, &refund, &self.run.stamp()).await {
            Err(RefundingError::Partner(error)) => {
                self.query_failed(&error);
                return Ok(());
            }
            Err(RefundingError::Store(error)) => Err(error),
            Ok(outcome) => Ok(outcome),
        };
        self.reset_failures();
        match outcome? {
            Outcome::Ended => self.did.refunds_finished.add_one(),
            Outcome::Unchanged => self.did.waiting.add_one(),
            // Another process has ended the refund, and has counted it if it is a job.
            Outcome::Overtaken => {}
        }
        Ok(())
    }

    async fn purchase(&self, purchase: Purchase) -> Result<(), StoreError> {
        if !self.is_to_be_queried(&purchase) {
            return Ok(());
        }
        let purchase = &purchase;
        self.did.asked.add_one();
        let app = self.run.app;
        let order_id = purchase.order_id.as_str();
        let payments = match app.razorpay().order_payments(&purchase.order_id).await {
            Ok(payments) => payments,
            // Razorpay does not know the order, so there are no payments.
            Err(refusal) if refusal.is_final() => {
                tracing::error!(order_id, "an order is refused");
                Vec::new()
            }
            Err(error) => {
                let cause = telemetry::chain(&error);
                tracing::error!(order_id, cause, "Razorpay must be asked again");
                self.query_failed(&error);
                return Ok(());
            }
        };
        self.reset_failures();
        let stamp = self.run.stamp();
        match reconcile(purchase, &payments, stamp.at) {
            Reconciliation::Capture(payment) => {
                match settle(app, purchase.clone(), &payment, &stamp).await {
                    Ok(_) => self.did.credited.add_one(),
                    Err(problem) => {
                        tracing::error!(code = problem.code, order_id, "a payment is not credited");
                        self.did.errors.add_one();
                    }
                }
            }
            Reconciliation::Wait => {
                self.did.waiting.add_one();
                if payments.iter().any(|payment| payment.status == PaymentStatus::Captured) {
                    tracing::error!(order_id, "a payment does not pay for its purchase");
                }
                self.asked(purchase, false).await?;
            }
            Reconciliation::Failed => {
                let is_news = matches!(
                    &purchase.state,
                    PurchaseState::Created(Waiting { failed_at: None, .. })
                );
                if is_news { &self.did.failed } else { &self.did.waiting }.add_one();
                self.asked(purchase, is_news).await?;
            }
            Reconciliation::Close => {
                self.did.closed.add_one();
                app.store.purchase_close(purchase, &stamp).await?;
            }
        }
        Ok(())
    }

    /// Stores that Razorpay was queried and, if `failed`, that the payments have failed. A
    /// manual run does not change when the schedule queries next.
    async fn asked(&self, purchase: &Purchase, failed: bool) -> Result<(), StoreError> {
        let (store, stamp) = (&self.run.app.store, self.run.stamp());
        if self.is_scheduled {
            store.purchase_queried(purchase, failed, &stamp).await
        } else if failed {
            store.purchase_failed(purchase.account_id, &purchase.order_id, &stamp).await
        } else {
            Ok(())
        }
    }

    fn reset_failures(&self) {
        self.failures_in_a_row.store(0, Ordering::Relaxed);
    }

    /// Counts a failed query. A final refusal concerns only this item, and so does not count as
    /// a failure in a row.
    fn query_failed(&self, error: &RazorpayError) {
        if error.is_final() {
            self.reset_failures();
        } else {
            self.failures_in_a_row.fetch_add(1, Ordering::Relaxed);
        }
        self.did.errors.add_one();
    }
}
