//! `POST /verify-payment`: the browser sends what the checkout gave it, and gets the tokens. The
//! webhook may report the same payment at the same time; it is credited once.

use serde::Serialize;
use thali_domain::ids::{RazorpayOrderId, RazorpayPaymentId};
use thali_domain::payments::settlement::PaymentStatus;
use thali_domain::tokens::purchases::{Purchase, balance};
use thali_platform::app::App;
use thali_platform::config::Part;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Problem, Request, Response, schema};
use thali_platform::problems;
use thali_platform::store::Consistency;
use utoipa::ToSchema;

use super::settle::{ask_again, settle};
use super::view::PaymentView;
use crate::tokens::counted;

pub static ENDPOINT: Endpoint = Endpoint::post(
    "verify-payment",
    &["/verify-payment", "/verify-payment/"],
    Access::Student,
    handler!(verify_payment),
)
.needs(&[Part::Razorpay])
.summary("Credits the tokens that a checkout paid for")
.takes(schema::<VerifyPayment>)
.answers(200, schema::<Verified>)
.refuses(&[
    "order_not_found",
    "signature_mismatch",
    "payment_not_captured",
    "amount_mismatch",
    "already_paid",
    "partner_unavailable",
]);

#[derive(eserde::Deserialize, ToSchema)]
struct VerifyPayment {
    #[serde(alias = "orderId", alias = "razorpay_order_id")]
    #[eserde(compat)]
    order_id: RazorpayOrderId,
    #[serde(alias = "paymentId", alias = "razorpay_payment_id")]
    #[eserde(compat)]
    payment_id: RazorpayPaymentId,
    #[serde(alias = "razorpay_signature")]
    signature: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = VerifiedPayment)]
struct Verified {
    payment: PaymentView,
    tokens_issued: u16,
    balance: usize,
}

async fn verify_payment(
    app: &App,
    caller: &Caller,
    request: &Request,
) -> Result<Response, Problem> {
    let account = caller.session()?.account_id;
    let VerifyPayment { order_id, payment_id, signature } = request.json()?;
    let mut purchases = app.store.purchases_of(account, Consistency::Strong).await?;
    let ours = |purchase: &Purchase| purchase.order_id == order_id;
    let position = purchases.iter().position(ours).ok_or_else(problems::order_not_found)?;
    let partner = app.razorpay();
    if !partner.checkout_signature_is_valid(&order_id, &payment_id, &signature) {
        return Err(problems::signature_mismatch());
    }
    let purchase = purchases.swap_remove(position);
    let settled_before = purchase.lot().is_some_and(|lot| lot.payment_id == payment_id);
    let stamp = caller.stamp(app, request);
    let captured = if settled_before {
        counted::changed(app, account).await;
        purchase
    } else {
        let payment = partner.payment_fetch(&payment_id).await?;
        if payment.status == PaymentStatus::Authorized {
            ask_again(app, &purchase, &stamp).await?;
        }
        settle(app, purchase, &payment, &stamp).await?
    };
    let tokens_issued = captured.token_count;
    purchases.push(captured.clone());
    let balance = balance(&purchases, stamp.at);
    Ok(Response::ok(&Verified { payment: captured.into(), tokens_issued, balance }))
}
