//! Credits a payment, whether the browser, the webhook or the `reconcile-payments` job reports it.
//! All use the same conditional update, so one payment credits once.

use thali_domain::payments::settlement::{Payment, Settlement, settle as decide};
use thali_domain::tokens::purchases::Purchase;
use thali_platform::app::App;
use thali_platform::http::Problem;
use thali_platform::store::{CaptureError, Stamp};

use crate::tokens::counted;

/// Settles `purchase` with `payment` and returns the captured purchase. Returns the same if this
/// payment settled it before.
pub async fn settle(
    app: &App,
    purchase: Purchase,
    payment: &Payment,
    stamp: &Stamp,
) -> Result<Purchase, Problem> {
    let captured = match decide(&purchase, payment)? {
        Settlement::AlreadyCaptured => purchase,
        Settlement::Capture => {
            match app.store.purchase_capture(&purchase, payment, stamp).await {
                Ok(captured) => captured,
                Err(CaptureError::NotOpen(found)) => {
                    // The webhook and the browser came at the same time: decide by the state now.
                    decide(&found, payment)?;
                    *found
                }
                Err(CaptureError::Store(error)) => return Err(error.into()),
            }
        }
    };
    counted::changed(app, captured.account_id).await;
    Ok(captured)
}
