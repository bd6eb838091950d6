//! `reconcile-payments`: queries Razorpay for payments and refunds without news. So a payment is
//! credited even if the browser was closed and the webhook was lost, an authorized payment is
//! captured, a payment that pays for nothing is shown to the owners, and a refund is finished even
//! if its messages failed. The job uses the same transactions as the webhook, so a run at
//! the same time as a webhook, a browser or another run credits a payment only once.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use futures_util::{StreamExt, stream};
use jiff::SignedDuration;
use serde::Serialize;
use serde_json::Value;
use thali_domain::ids::RazorpayPaymentId;
use thali_domain::payments::refunds::Refund;
use thali_domain::payments::settlement::{
    Payment, PaymentStatus, Reconciliation, is_due, reconcile,
};
use thali_domain::tokens::purchases::{Purchase, PurchaseState, Waiting};
use thali_platform::app::App;
use thali_platform::config::Part;
use thali_platform::metrics::Metric;
use thali_platform::razorpay::RazorpayError;
use thali_platform::store::{Stamp, StoreError, keys};
use thali_platform::telemetry;
use thali_platform::worker::Job;

use super::{Count, Run, walk};
use crate::payments::refunding::{Outcome, RefundingError, push};
use crate::payments::settle::{record, settle};

pub static JOB: Job = Job {
    name: "reconcile-payments",
    parts: &[Part::Cache, Part::Razorpay],
    metrics: &[Metric { name: "PaidNotCredited", counted_as: "paid_not_credited" }],
    run: |app, event| Box::pin(run(app, event)),
};

/// How many seconds old a purchase or refund must be before Razorpay is queried, unless the event
/// says otherwise. By then the browser and the webhook have had their chance.
const OLDER_THAN_S: u32 = 300;

/// How many partitions of the index are processed concurrently.
const AT_ONCE: usize = 4;

/// After this many failures in a row, Razorpay is not queried again until the next run.
const FAILURES_IN_A_ROW_MAX: u32 = 5;

/// How old a purchase is when it is an alarm that Razorpay has the money and the student has no
/// tokens. By then the browser, the webhook and a run of the job have failed to credit it.
const CREDITED_WITHIN: SignedDuration = SignedDuration::from_mins(10);

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
    /// Authorized payments that were captured.
    captured: Count,
    /// Payments that were taken and pay for nothing, found now.
    mismatches: Count,
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
    /// Purchases that are paid and too old not to be credited, and are not, for all that the run
    /// did. Absent if the run does not know it of every purchase that was due.
    #[serde(skip_serializing)]
    paid_not_credited: Count,
}

/// One run, and what it has done so far.
struct Reconciling<'a> {
    run: Run<'a>,
    older_than: SignedDuration,
    /// Whether the backoff applies. A manual run queries everything that is old enough, and
    /// leaves the backoff unchanged.
    is_scheduled: bool,
    failures_in_a_row: AtomicU32,
    /// Whether there are purchases about which the run could not ask.
    is_incomplete: AtomicBool,
    did: Counts,
}

async fn run(app: &App, event: &Value) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
    let option = option(event)?;
    let reconciling = Reconciling {
        run: Run::begin(app, &JOB),
        older_than: SignedDuration::from_secs(option.unwrap_or(OLDER_THAN_S).into()),
        is_scheduled: option.is_none(),
        failures_in_a_row: AtomicU32::new(0),
        is_incomplete: AtomicBool::new(false),
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
    let mut done = serde_json::to_value(&reconciling.did)?;
    if !reconciling.is_incomplete.into_inner() {
        done["paid_not_credited"] = serde_json::to_value(&reconciling.did.paid_not_credited)?;
    }
    Ok(done)
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

/// What came of the capture of an authorized payment.
enum Capturing {
    /// Razorpay has captured the payment.
    Done(Payment),
    /// Razorpay has not captured it, or another payment was chosen.
    NotNow,
    /// Razorpay did not answer: the next run asks again.
    Unknown,
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
        let has_seen_all = walk(
            || self.is_over(),
            errors,
            |start| store.purchases_waiting(shard, start),
            |purchase| self.purchase(purchase),
        )
        .await;
        if !has_seen_all {
            self.is_incomplete.store(true, Ordering::Relaxed);
        }
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
                self.is_incomplete.store(true, Ordering::Relaxed);
                self.query_failed(&error);
                return Ok(());
            }
        };
        self.reset_failures();
        let stamp = self.run.stamp();
        let decided = reconcile(purchase, &payments, stamp.at);
        let is_paid = matches!(decided, Reconciliation::Settle(_) | Reconciliation::Capture { .. });
        let is_settled = self.apply(decided, purchase, &payments, &stamp).await;
        let age = stamp.at.duration_since(purchase.created_at);
        if is_paid && age >= CREDITED_WITHIN && !matches!(is_settled, Ok(true)) {
            tracing::error!(order_id, "a paid purchase is not credited");
            self.did.paid_not_credited.add_one();
        }
        is_settled.map(|_| ())
    }

    /// Does what was decided. Returns whether a payment is settled, see [`Self::settle`].
    async fn apply(
        &self,
        decided: Reconciliation,
        purchase: &Purchase,
        payments: &[Payment],
        stamp: &Stamp,
    ) -> Result<bool, StoreError> {
        if !matches!(decided, Reconciliation::Settle(_)) {
            self.record(purchase, payments, stamp).await?;
        }
        match decided {
            Reconciliation::Settle(payment) => {
                return self.settle(purchase, &payment, payments, stamp).await;
            }
            Reconciliation::Capture { payment, instead_of } => {
                let chosen = (&payment, instead_of.as_ref());
                match self.capture(purchase, chosen, stamp).await? {
                    Capturing::Done(captured) => {
                        return self.settle(purchase, &captured, payments, stamp).await;
                    }
                    Capturing::NotNow => {
                        self.did.waiting.add_one();
                        self.asked(purchase, false).await?;
                    }
                    Capturing::Unknown => {}
                }
            }
            Reconciliation::Wait => {
                self.did.waiting.add_one();
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
                self.run.app.store.purchase_close(purchase, stamp).await?;
            }
        }
        Ok(false)
    }

    /// Credits a payment, and records the others that were taken too. Returns whether it is
    /// settled: credited, or refused because the purchase has changed since it was read.
    async fn settle(
        &self,
        purchase: &Purchase,
        payment: &Payment,
        payments: &[Payment],
        stamp: &Stamp,
    ) -> Result<bool, StoreError> {
        match settle(self.run.app, purchase.clone(), payment, stamp).await {
            Ok(captured) => {
                self.did.credited.add_one();
                self.record(&captured, payments, stamp).await?;
                Ok(true)
            }
            Err(problem) => {
                let order_id = purchase.order_id.as_str();
                tracing::error!(code = problem.code, order_id, "a payment is not credited");
                self.did.errors.add_one();
                Ok(problem.status.is_client_error())
            }
        }
    }

    /// Records the payments that were taken and do not pay for the purchase, or that they were
    /// refunded at Razorpay.
    async fn record(
        &self,
        purchase: &Purchase,
        payments: &[Payment],
        stamp: &Stamp,
    ) -> Result<(), StoreError> {
        for payment in payments {
            if record(self.run.app, purchase, payment, stamp).await? {
                self.did.mismatches.add_one();
            }
        }
        Ok(())
    }

    /// Captures an authorized payment at Razorpay. First the payment is chosen by a conditional
    /// write, so that concurrent runs capture the same payment and not two.
    async fn capture(
        &self,
        purchase: &Purchase,
        (payment, instead_of): (&Payment, Option<&RazorpayPaymentId>),
        stamp: &Stamp,
    ) -> Result<Capturing, StoreError> {
        let app = self.run.app;
        let id = &payment.payment_id;
        if !app.store.purchase_capturing(purchase, id, instead_of, stamp).await? {
            return Ok(Capturing::NotNow);
        }
        let answer = match app.razorpay().payment_capture(payment).await {
            // Another run, or Razorpay itself, may have captured it a moment ago.
            Err(refusal) if refusal.is_final() => app.razorpay().payment_fetch(id).await,
            answer => answer.inspect(|_| self.did.captured.add_one()),
        };
        match answer {
            Ok(found) if found.status == PaymentStatus::Captured => Ok(Capturing::Done(found)),
            Ok(_) => Ok(Capturing::NotNow),
            Err(error) => {
                let (cause, payment_id) = (telemetry::chain(&error), id.as_str());
                tracing::error!(payment_id, cause, "a payment is to be captured again");
                self.query_failed(&error);
                Ok(Capturing::Unknown)
            }
        }
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
