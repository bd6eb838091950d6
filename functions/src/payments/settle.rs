//! Credits a payment, whether the browser, the webhook or the `reconcile-payments` job reports it.
//! All use the same conditional update, so one payment credits once. A payment that was taken and
//! does not pay for its purchase is recorded, so that an owner can decide about it.

use thali_domain::payments::mismatches::{mismatch, was_refunded_elsewhere};
use thali_domain::payments::settlement::{Payment, Settlement, settle as decide};
use thali_domain::tokens::purchases::{Purchase, PurchaseState};
use thali_platform::app::App;
use thali_platform::http::Problem;
use thali_platform::store::{CaptureError, Stamp, StoreError};

use crate::tokens::counted;

/// Settles `purchase` with `payment` and returns the captured purchase. Returns the same if this
/// payment settled it before.
pub async fn settle(
    app: &App,
    purchase: Purchase,
    payment: &Payment,
    stamp: &Stamp,
) -> Result<Purchase, Problem> {
    let settlement = match decide(&purchase, payment) {
        Ok(settlement) => settlement,
        Err(refusal) => {
            record(app, &purchase, payment, stamp).await?;
            return Err(refusal.into());
        }
    };
    let captured = match settlement {
        Settlement::AlreadyCaptured => purchase,
        Settlement::Capture => {
            match app.store.purchase_capture(&purchase, payment, stamp).await {
                Ok(captured) => captured,
                Err(CaptureError::NotOpen(found)) => {
                    // The webhook and the browser came at the same time: decide by the state now.
                    if let Err(refusal) = decide(&found, payment) {
                        record(app, &found, payment, stamp).await?;
                        return Err(refusal.into());
                    }
                    *found
                }
                Err(CaptureError::Store(error)) => return Err(error.into()),
            }
        }
    };
    counted::changed(app, captured.account_id).await;
    Ok(captured)
}

/// Records `payment` as a mismatch of `purchase`, if it is one, or that it was refunded at
/// Razorpay. Returns whether this call recorded a mismatch.
pub async fn record(
    app: &App,
    purchase: &Purchase,
    payment: &Payment,
    stamp: &Stamp,
) -> Result<bool, StoreError> {
    if was_refunded_elsewhere(purchase, payment) {
        app.store.mismatch_refunded_elsewhere(purchase, &payment.payment_id, stamp).await?;
    }
    let Some(found) = mismatch(purchase, payment, stamp.at) else { return Ok(false) };
    tracing::error!(
        order_id = purchase.order_id.as_str(),
        payment_id = payment.payment_id.as_str(),
        reason = ?found.reason,
        "a payment does not pay for its purchase",
    );
    app.store.mismatch_record(purchase, &found, stamp).await
}

/// Lets the next run of the `reconcile-payments` job ask Razorpay about an unpaid purchase, because
/// a payment was authorized. Writes only if the job would otherwise ask later, or not at all.
pub async fn ask_again(app: &App, purchase: &Purchase, stamp: &Stamp) -> Result<(), StoreError> {
    let PurchaseState::Created(waiting) = &purchase.state else { return Ok(()) };
    if waiting.asked_at.is_none() && waiting.closed_at.is_none() {
        return Ok(());
    }
    app.store.purchase_ask_again(purchase, stamp).await
}
