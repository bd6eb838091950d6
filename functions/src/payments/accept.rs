//! `POST /payments/{order_id}/accept`: an owner accepts a payment of another amount than the price.
//! The student gets the tokens as ordered. The payment is read at Razorpay again, because it may
//! have been refunded there. A repeated request returns the same purchase.

use serde::Serialize;
use thali_domain::ids::{RazorpayOrderId, RazorpayPaymentId};
use thali_domain::payments::mismatches::{Acceptable, accept as decide, check_accepted};
use thali_domain::tokens::purchases::Purchase;
use thali_platform::app::App;
use thali_platform::config::Part;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Problem, Request, Response, schema};
use thali_platform::problems;
use thali_platform::store::{Attempt, CaptureError, retry_overtaken};
use utoipa::ToSchema;

use super::view::PaymentView;
use crate::tokens::counted;

pub static ENDPOINT: Endpoint = Endpoint::post(
    "payment-accept",
    &["/payments/{order_id}/accept"],
    Access::Owner,
    handler!(accept),
)
.needs(&[Part::Razorpay])
.summary("Gives the ordered tokens for a payment of another amount")
.takes_optional(schema::<AcceptPayment>)
.answers(200, schema::<Accepted>)
.refuses(&["order_not_found", "underpaid", "nothing_to_accept", "partner_unavailable"]);

/// The payment to accept; the oldest that covers the price if left out, or without a body.
#[derive(Default, eserde::Deserialize, ToSchema)]
struct AcceptPayment {
    #[serde(default, alias = "paymentId", alias = "razorpay_payment_id")]
    #[eserde(compat)]
    payment_id: Option<RazorpayPaymentId>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = AcceptedPayment)]
struct Accepted {
    payment: PaymentView,
    tokens_issued: u16,
}

async fn accept(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let session = caller.session()?;
    let AcceptPayment { payment_id } = request.json_if_any()?.unwrap_or_default();
    let order_id: RazorpayOrderId =
        request.param("order_id").ok_or_else(problems::order_not_found)?;
    let stamp = caller.stamp(app, request);
    let (order_id, payment_id, stamp) = (&order_id, payment_id.as_ref(), &stamp);
    let purchase = retry_overtaken(|_| async move {
        let purchase = app.store.purchase_find(order_id).await?;
        let ours = |purchase: &Purchase| purchase.mess_id == session.mess_id;
        let purchase = purchase.filter(ours).ok_or_else(problems::order_not_found)?;
        let chosen = match decide(&purchase, payment_id)? {
            Acceptable::Before => return Ok(Attempt::Done(purchase)),
            Acceptable::Now(mismatch) => mismatch.payment_id.clone(),
        };
        let payment = app.razorpay().payment_fetch(&chosen).await?;
        check_accepted(&purchase, &payment)?;
        match app.store.purchase_capture(&purchase, &payment, stamp).await {
            Ok(captured) => Ok(Attempt::Done(captured)),
            Err(CaptureError::NotOpen(_)) => Ok(Attempt::Overtaken),
            Err(CaptureError::Store(error)) => Err(Problem::from(error)),
        }
    })
    .await?;
    counted::changed(app, purchase.account_id).await;
    let tokens_issued = purchase.token_count;
    Ok(Response::ok(&Accepted { payment: purchase.into(), tokens_issued }))
}
