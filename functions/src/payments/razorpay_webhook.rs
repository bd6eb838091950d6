//! `POST /webhooks/razorpay`: receives Razorpay's events about payments and refunds. Events come
//! at least once and in any order. An event has an effect only if the state of the purchase or
//! the refund allows it, so handled events need not be stored.
//!
//! A signed event that cannot be read is ignored: Razorpay would only send the same event again,
//! and the `reconcile-payments` job finds what the event was about.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use thali_domain::ids::{AccountId, RazorpayOrderId};
use thali_domain::payments::refunds::PartnerRefund;
use thali_domain::payments::settlement::{Payment, PaymentStatus};
use thali_domain::tokens::purchases::Purchase;
use thali_platform::app::App;
use thali_platform::config::Part;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Problem, Request, Response, schema};
use thali_platform::problems;
use thali_platform::razorpay::{PaymentEntity, RefundEntity, webhook_signature_is_valid};
use thali_platform::store::Stamp;
use utoipa::ToSchema;

use super::refunding::{Outcome, finish};
use super::settle::{ask_again, record, settle};

pub static ENDPOINT: Endpoint = Endpoint::post(
    "razorpay-webhook",
    &["/webhooks/razorpay"],
    Access::Partner,
    handler!(razorpay_webhook),
)
.needs(&[Part::WebhookSecrets])
.summary("Receives Razorpay's signed events")
.signed("X-Razorpay-Signature")
.answers(200, schema::<Taken>)
.refuses(&["signature_wrong", "malformed_json"]);

/// Confirms that an event was received.
#[derive(Serialize, ToSchema)]
struct Taken {
    #[schema(pattern = "^ok$")]
    status: &'static str,
}

/// The envelope of an event; the payload depends on the event's name.
#[derive(Deserialize)]
struct Event {
    event: String,
    #[serde(default)]
    payload: Value,
}

async fn razorpay_webhook(
    app: &App,
    caller: &Caller,
    request: &Request,
) -> Result<Response, Problem> {
    let body = request.raw_body();
    let signature = request.header("x-razorpay-signature").unwrap_or_default();
    if !webhook_signature_is_valid(app.webhook_secrets(), body, signature) {
        return Err(problems::webhook_signature_wrong());
    }
    let unreadable = |_| Problem::malformed_json("The body is not JSON.");
    let body: Value = serde_json::from_slice(body).map_err(unreadable)?;
    let Some(event) = read::<Event>(&body) else { return Ok(taken()) };
    let stamp = Stamp { actor: "razorpay".to_owned(), ..caller.stamp(app, request) };
    match event.event.as_str() {
        "payment.authorized" | "payment.captured" | "order.paid" | "payment.failed" => {
            if let Some(payment) = event.entity::<PaymentEntity>("payment") {
                take_payment(app, &event, &payment.into(), &stamp).await?;
            }
        }
        "refund.processed" | "refund.failed" => {
            if let Some(refund) = event.entity("refund") {
                take_refund(app, &event, refund, &stamp).await?;
            }
        }
        _ => {}
    }
    Ok(taken())
}

fn taken() -> Response {
    Response::ok(&Taken { status: "ok" })
}

/// Reads a part of a signed body; `None` if it is not of the expected form.
fn read<T: DeserializeOwned>(part: &Value) -> Option<T> {
    T::deserialize(part)
        .inspect_err(|error| tracing::error!(%error, "a signed event cannot be read"))
        .ok()
}

impl Event {
    /// The entity with this name in the payload.
    fn entity<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        read(&self.payload[name]["entity"])
    }
}

/// Applies an event to its refund. A refund that was made at Razorpay's dashboard does not refund
/// tokens: it has none of our notes. It only ends the wait for a decision about its payment.
async fn take_refund(
    app: &App,
    event: &Event,
    entity: RefundEntity,
    stamp: &Stamp,
) -> Result<(), Problem> {
    let refund = match entity.noted() {
        Some((account_id, refund_id)) => app.store.refund_get(account_id, refund_id).await?,
        None => None,
    };
    let found = entity.into();
    let Some(refund) = refund else {
        let PartnerRefund { razorpay_refund_id, payment_id, .. } = found;
        tracing::warn!(
            razorpay_refund_id = razorpay_refund_id.as_str(),
            payment_id = payment_id.as_str(),
            "a refund was not requested here",
        );
        let payment: Option<Payment> = event.entity::<PaymentEntity>("payment").map(Into::into);
        if let Some(payment) = payment
            && let Some(order_id) = &payment.order_id
            && let Some(purchase) = find(app, event, order_id).await?
        {
            record(app, &purchase, &payment, stamp).await?;
        }
        return Ok(());
    };
    if finish(app, &refund, &found, stamp).await? == Outcome::Overtaken {
        // Another caller ended the refund at the same time. Decide again, in case that end
        // contradicts the event.
        let (account_id, refund_id) = (refund.account_id, refund.refund_id);
        if let Some(ended) = app.store.refund_get(account_id, refund_id).await? {
            finish(app, &ended, &found, stamp).await?;
        }
    }
    Ok(())
}

/// Applies an event to the purchase that its payment is for.
async fn take_payment(
    app: &App,
    event: &Event,
    payment: &Payment,
    stamp: &Stamp,
) -> Result<(), Problem> {
    let Some(order_id) = &payment.order_id else { return Ok(()) };
    let Some(purchase) = find(app, event, order_id).await? else {
        let payment_id = payment.payment_id.as_str();
        tracing::info!(order_id = order_id.as_str(), payment_id, "the order is unknown");
        return Ok(());
    };
    if payment.status == PaymentStatus::Failed {
        return Ok(app.store.purchase_failed(purchase.account_id, order_id, stamp).await?);
    }
    if payment.status == PaymentStatus::Authorized {
        // The next run of the `reconcile-payments` job captures the payment, unless Razorpay does.
        // Not here: Razorpay gives a webhook five seconds, and capturing takes a call to Razorpay.
        return Ok(ask_again(app, &purchase, stamp).await?);
    }
    match settle(app, purchase, payment, stamp).await {
        Ok(_) => Ok(()),
        Err(problem) if problem.status.is_server_error() => Err(problem),
        Err(problem) => {
            // A retry would end the same way. The purchase stays open and uncredited.
            tracing::warn!(
                code = problem.code,
                order_id = order_id.as_str(),
                payment_id = payment.payment_id.as_str(),
                "an event credits nothing",
            );
            Ok(())
        }
    }
}

/// The purchase that an event is about. `order.paid` carries the order with our note of the
/// account, so the purchase is read by its key. The other events name only the order, which is
/// looked up in the index of unpaid purchases, then in the index of all purchases. Both indexes
/// may be a moment behind; a payment that they do not show yet is credited by `order.paid`.
async fn find(
    app: &App,
    event: &Event,
    order_id: &RazorpayOrderId,
) -> Result<Option<Purchase>, Problem> {
    let noted = event.payload["order"]["entity"]["notes"]["account_id"].as_str();
    match noted.and_then(|account| AccountId::parse(account).ok()) {
        Some(account) => Ok(app.store.purchase_get(account, order_id).await?),
        None => match app.store.purchase_find_open(order_id).await? {
            Some(open) => Ok(Some(open)),
            None => Ok(app.store.purchase_find(order_id).await?),
        },
    }
}
