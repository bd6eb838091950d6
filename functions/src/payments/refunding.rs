//! Completes refunds. Three callers learn how a refund ends: the `refunder`, which requests it
//! from Razorpay; Razorpay's webhook; and the `reconcile-payments` job, which replaces the
//! `refunder` if its messages were lost. All end in the same conditional transaction.

use jiff::Timestamp;
use thali_domain::payments::refunds::{
    PartnerRefund, Refund, RefundFailure, RefundUpdate, is_late, judge, refusal_is_final,
};
use thali_platform::app::App;
use thali_platform::razorpay::{Razorpay, RazorpayError};
use thali_platform::store::{Stamp, StoreError};
use thali_platform::telemetry;

use crate::tokens::counted;

/// Why a refund made no progress. A retry may succeed, and is safe.
#[derive(Debug, thiserror::Error)]
pub enum RefundingError {
    /// Razorpay gave no usable response.
    #[error(transparent)]
    Partner(#[from] RazorpayError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a call did to a refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// This call ended the refund.
    Ended,
    /// This call did not end the refund.
    Unchanged,
    /// Another caller ended the refund since it was read.
    Overtaken,
}

/// Requests a pending refund from Razorpay and applies the response.
pub async fn push(app: &App, refund: &Refund, stamp: &Stamp) -> Result<Outcome, RefundingError> {
    let asked = ask(app.razorpay(), refund, stamp.at).await.inspect_err(|error| {
        let cause = telemetry::chain(error);
        tracing::error!(refund_id = %refund.refund_id, cause, "Razorpay must be asked again");
    });
    let Some(found) = asked? else {
        tracing::error!(refund_id = %refund.refund_id, "Razorpay refuses a refund");
        let failure = RefundFailure::RefusedByPartner;
        return Ok(fail(app, refund, failure, stamp).await?);
    };
    Ok(finish(app, refund, &found, stamp).await?)
}

/// Applies what Razorpay reports about a refund.
pub async fn finish(
    app: &App,
    refund: &Refund,
    found: &PartnerRefund,
    stamp: &Stamp,
) -> Result<Outcome, StoreError> {
    let razorpay_refund_id = &found.razorpay_refund_id;
    match judge(refund, found) {
        RefundUpdate::Processed => {
            Ok(outcome(app.store.refund_processed(refund, razorpay_refund_id, stamp).await?))
        }
        RefundUpdate::Failed(failure) => fail(app, refund, failure, stamp).await,
        RefundUpdate::Begun => {
            app.store.refund_begun(refund, razorpay_refund_id, stamp).await?;
            Ok(Outcome::Unchanged)
        }
        RefundUpdate::Old => Ok(Outcome::Unchanged),
        RefundUpdate::Contradiction => {
            tracing::error!(
                refund_id = %refund.refund_id,
                razorpay_refund_id = razorpay_refund_id.as_str(),
                "Razorpay reports the opposite of how a refund ended",
            );
            Ok(Outcome::Unchanged)
        }
        RefundUpdate::Foreign => {
            tracing::error!(
                refund_id = %refund.refund_id,
                razorpay_refund_id = razorpay_refund_id.as_str(),
                "Razorpay's refund is not the one that was requested",
            );
            Ok(Outcome::Unchanged)
        }
    }
}

/// Ends a pending refund as failed: the student has the tokens again.
async fn fail(
    app: &App,
    refund: &Refund,
    failure: RefundFailure,
    stamp: &Stamp,
) -> Result<Outcome, StoreError> {
    let was_pending = app.store.refund_failed(refund, failure, stamp).await?;
    counted::changed(app, refund.account_id).await;
    Ok(outcome(was_pending))
}

/// The outcome of a write that ends a refund only if it is still pending.
const fn outcome(was_pending: bool) -> Outcome {
    if was_pending { Outcome::Ended } else { Outcome::Overtaken }
}

/// Reads the refund at Razorpay, or requests it if Razorpay does not have it yet. `None` if
/// Razorpay refuses it for good.
///
/// A repeated request is safe by its idempotency key, as long as Razorpay remembers the key.
/// After that, and before a refusal is trusted (the money may already have been refunded), the
/// refund is looked up in Razorpay's list. An early refusal is not trusted at all: its cause may
/// be an earlier attempt that the list does not show yet.
async fn ask(
    partner: &Razorpay,
    refund: &Refund,
    now: Timestamp,
) -> Result<Option<PartnerRefund>, RazorpayError> {
    if let Some(id) = &refund.razorpay_refund_id {
        return partner.refund_fetch(id).await.map(Some);
    }
    if is_late(refund, now)
        && let Some(found) = find(partner, refund).await?
    {
        return Ok(Some(found));
    }
    match partner.refund_create(refund).await {
        Err(refusal) if refusal.is_final() && refusal_is_final(refund, now) => {
            find(partner, refund).await
        }
        created => created.map(Some),
    }
}

/// The refund in Razorpay's list, if it is there. If Razorpay refuses even the list for good, it
/// does not know the payment, and there can be no refund of it.
async fn find(partner: &Razorpay, refund: &Refund) -> Result<Option<PartnerRefund>, RazorpayError> {
    match partner.refund_find(refund).await {
        Err(refusal) if refusal.is_final() => Ok(None),
        found => found,
    }
}
