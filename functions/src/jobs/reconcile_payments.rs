//! `reconcile-payments`: asks the partner for what nobody told. A payment is credited though
//! the browser was closed and the webhook got lost; a refund is finished though its messages
//! came to nothing. Whatever it finds goes the way of the webhook's news, so a run beside a
//! webhook, a browser or another run credits once.

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

/// The job.
pub static JOB: Job = Job {
    name: "reconcile-payments",
    parts: &[Part::Cache, Part::Razorpay],
    run: |app, event| Box::pin(run(app, event)),
};

/// How old something must be to be asked about, unless the event says otherwise: by then
/// the browser and the webhook have had their chance.
const OLDER_THAN_S: u32 = 300;

/// How many partitions of the index are dealt with at once.
const AT_ONCE: usize = 4;

/// After so many failures in a row the partner is left alone until the next run.
const FAILURES_IN_A_ROW_MAX: u32 = 5;

/// The one option of a run by hand.
const OPTION: &str = "older_than_s";

/// The event asks for something that cannot be done.
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
    /// Purchases and refunds that the partner was asked about.
    asked: Count,
    /// Purchases that turned out to be paid.
    credited: Count,
    /// Purchases whose payments turned out to have failed.
    failed: Count,
    /// Purchases that are given up.
    closed: Count,
    /// Purchases and refunds that are to be asked about again.
    waiting: Count,
    /// Refunds that came to their end.
    refunds_finished: Count,
    /// What could not be asked or written, and is to be asked about again.
    errors: Count,
}

/// One run, and what it did so far.
struct Reconciling<'a> {
    run: Run<'a>,
    older_than: SignedDuration,
    /// Whether the backoff holds. A run by hand asks about everything that is old enough,
    /// and does not count as having asked.
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
    // Another partition first each time, so that none is always the one without time left.
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

/// The option of a run by hand; none in the event of a schedule. Another option is a slip
/// of whoever invoked it, and is not passed over.
fn option(event: &Value) -> Result<Option<u32>, BadEvent> {
    // A schedule names itself as the source, and may come with more than today's members.
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
    /// Deals with one partition of each kind.
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

    /// Whether the run ends here: it has had its time, or the partner does not answer.
    fn is_over(&self) -> bool {
        self.run.is_out_of_time()
            || self.failures_in_a_row.load(Ordering::Relaxed) >= FAILURES_IN_A_ROW_MAX
    }

    fn is_to_be_asked(&self, purchase: &Purchase) -> bool {
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
                self.partner_failed(&error);
                return Ok(());
            }
            Err(RefundingError::Store(error)) => Err(error),
            Ok(outcome) => Ok(outcome),
        };
        self.partner_answered();
        match outcome? {
            Outcome::Ended => self.did.refunds_finished.add_one(),
            Outcome::Unchanged => self.did.waiting.add_one(),
            // Whoever ended it has counted it, or is no job.
            Outcome::Overtaken => {}
        }
        Ok(())
    }

    async fn purchase(&self, purchase: Purchase) -> Result<(), StoreError> {
        if !self.is_to_be_asked(&purchase) {
            return Ok(());
        }
        let purchase = &purchase;
        self.did.asked.add_one();
        let app = self.run.app;
        let order_id = purchase.order_id.as_str();
        let payments = match app.razorpay().order_payments(&purchase.order_id).await {
            Ok(payments) => payments,
            // The partner does not know the order, so there are no payments.
            Err(refusal) if refusal.is_final() => {
                tracing::error!(order_id, "an order is refused");
                Vec::new()
            }
            Err(error) => {
                let cause = telemetry::chain(&error);
                tracing::error!(order_id, cause, "the partner is to be asked again");
                self.partner_failed(&error);
                return Ok(());
            }
        };
        self.partner_answered();
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

    /// Remembers that the partner was asked, and whether it is news that payments failed.
    /// A run by hand leaves the schedule's next question where it is.
    async fn asked(&self, purchase: &Purchase, failed: bool) -> Result<(), StoreError> {
        let (store, stamp) = (&self.run.app.store, self.run.stamp());
        if self.is_scheduled {
            store.purchase_asked(purchase, failed, &stamp).await
        } else if failed {
            store.purchase_failed(purchase.account_id, &purchase.order_id, &stamp).await
        } else {
            Ok(())
        }
    }

    fn partner_answered(&self) {
        self.failures_in_a_row.store(0, Ordering::Relaxed);
    }

    /// Counts what the partner did not tell. A refusal of this one thing is an answer, and
    /// keeps no other waiting.
    fn partner_failed(&self, error: &RazorpayError) {
        if error.is_final() {
            self.partner_answered();
        } else {
            self.failures_in_a_row.fetch_add(1, Ordering::Relaxed);
        }
        self.did.errors.add_one();
    }
}
