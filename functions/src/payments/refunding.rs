//! What brings a refund to its end, whoever learns of it: the worker that asks the partner
//! for it, the partner's webhook, and the reconcile job, which does the worker's part
//! where its messages came to nothing. All end in the same conditional transaction.

use jiff::Timestamp;
use thali_domain::payments::refunds::{
    PartnerRefund, Refund, RefundFailure, RefundNews, is_late, judge, refusal_is_believed,
};
use thali_platform::app::App;
use thali_platform::razorpay::{Razorpay, RazorpayError};
use thali_platform::store::{Stamp, StoreError};
use thali_platform::telemetry;

use crate::tokens::counted;

/// Why a refund could not be brought on. The next try may succeed, and is safe.
#[derive(Debug, thiserror::Error)]
pub enum RefundingError {
    /// The partner gave no usable answer.
    #[error(transparent)]
    Partner(#[from] RazorpayError),
    /// The store gave none.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What became of a refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It came to its end now.
    Ended,
    /// It is as it was.
    Unchanged,
    /// Somebody else brought it to its end since it was read.
    Overtaken,
}

/// Asks the partner for a pending refund and carries out what it says.
pub async fn push(app: &App, refund: &Refund, stamp: &Stamp) -> Result<Outcome, RefundingError> {
    let asked = ask(app.razorpay(), refund, stamp.at).await.inspect_err(|error| {
        let cause = telemetry::chain(error);
        tracing::error!(refund_id = %refund.refund_id, cause, "the partner is to be asked again");
    });
    let Some(found) = asked? else {
        tracing::error!(refund_id = %refund.refund_id, "the partner refuses a refund");
        let failure = RefundFailure::RefusedByPartner;
        return Ok(fail(app, refund, failure, stamp).await?);
    };
    Ok(finish(app, refund, &found, stamp).await?)
}

/// Carries out what the partner says of a refund.
pub async fn finish(
    app: &App,
    refund: &Refund,
    found: &PartnerRefund,
    stamp: &Stamp,
) -> Result<Outcome, StoreError> {
    let razorpay_refund_id = &found.razorpay_refund_id;
    match judge(refund, found) {
        RefundNews::Processed => {
            Ok(outcome(app.store.refund_processed(refund, razorpay_refund_id, stamp).await?))
        }
        RefundNews::Failed(failure) => fail(app, refund, failure, stamp).await,
        RefundNews::Begun => {
            app.store.refund_begun(refund, razorpay_refund_id, stamp).await?;
            Ok(Outcome::Unchanged)
        }
        RefundNews::Old => Ok(Outcome::Unchanged),
        RefundNews::Contradiction => {
            tracing::error!(
                refund_id = %refund.refund_id,
                razorpay_refund_id = razorpay_refund_id.as_str(),
                "the partner says the opposite of how a refund ended",
            );
            Ok(Outcome::Unchanged)
        }
        RefundNews::Foreign => {
            tracing::error!(
                refund_id = %refund.refund_id,
                razorpay_refund_id = razorpay_refund_id.as_str(),
                "the partner's refund is not the one that was asked for",
            );
            Ok(Outcome::Unchanged)
        }
    }
}

/// Ends a pending refund without money: the tokens are the student's again.
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

/// What a write that ends a pending refund came to.
const fn outcome(was_pending: bool) -> Outcome {
    if was_pending { Outcome::Ended } else { Outcome::Overtaken }
}

/// What the partner has of a refund, which it is asked for if it has nothing. `None` where
/// it refuses it for good.
///
/// A repeated request is safe by its idempotency key, as long as the partner remembers the
/// key. Later, and before a refusal is believed (it may say that the money has already gone
/// back), the partner's own list is asked. A refusal that comes early is not believed at
/// all: it may be about a try that the list does not show yet.
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
        Err(refusal) if refusal.is_final() && refusal_is_believed(refund, now) => {
            find(partner, refund).await
        }
        created => created.map(Some),
    }
}

/// The refund in the partner's list, if it is there. Where even the list is refused for
/// good, the partner does not know the payment, and there can be no refund of it.
async fn find(partner: &Razorpay, refund: &Refund) -> Result<Option<PartnerRefund>, RazorpayError> {
    match partner.refund_find(refund).await {
        Err(refusal) if refusal.is_final() => Ok(None),
        found => found,
    }
}
