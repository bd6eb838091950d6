//! The control calls: what Razorpay's customers, banks and networks do by themselves.
//!
//! | call | what happens |
//! |---|---|
//! | `POST /sandbox/orders/{order_id}/pay` `{outcome, amount_paise?, currency?, customer_fee_paise?, webhook?, events?, wait?}` | someone pays, or fails to |
//! | `POST /sandbox/payments/{payment_id}/capture` `{webhook?, events?, wait?}` | late authorisation: an authorized or a failed payment becomes captured |
//! | `PUT /sandbox/refunds` `{begin: pending or processed}` | how refunds begin from now on; processed at first |
//! | `POST /sandbox/refunds/{refund_id}/end` `{outcome: processed or failed, webhook?, events?, wait?}` | a pending refund ends |
//! | `POST /sandbox/webhooks` `{event, payment_id, times?, delay_ms?, secret?}` | an event arrives again, late, or badly signed |
//! | `GET /sandbox/webhooks` | the last attempts to deliver, oldest first |
//!
//! The calls about payments, and the end of a refund, answer `{order_id, payment_id,
//! signature}`, which is what Checkout hands back, for a failed payment too: a merchant has
//! to look at the status. Webhooks:
//!
//! - Without `webhook: true` nothing is delivered; the events are there to be delivered
//!   with `POST /sandbox/webhooks`, in any order.
//! - With it, they are delivered after the answer, as in reality, in the order in which
//!   they happened.
//! - `events` names which to deliver and in which order, among those that happened; each
//!   is tried before the next.
//! - `wait: true` answers only after each was tried once, and adds `deliveries`.
//!
//! `POST /sandbox/webhooks` delivers what happened, byte for byte and with the same event
//! id; with `times` all at once. Without `delay_ms` it answers after they were tried
//! once, with `deliveries`; with it, 202 at once. `secret` signs with another secret.
//! Of several refunds' events it takes the last.

use std::io;
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::entities::{OrderStatus, Payment, PaymentStatus, RefundProgress};
use super::payments::{Attempt, Outcome, PAYMENTS_PER_ORDER_MAX};
use super::webhooks::{Event, EventName};
use super::{Razorpay, answer};

const AMOUNT_PAISE_MAX: u64 = 1_000_000_000;
const TIMES_MAX: u32 = 100;
const DELAY_MS_MAX: u64 = 600_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pay {
    outcome: Outcome,
    amount_paise: Option<u64>,
    currency: Option<String>,
    customer_fee_paise: Option<u64>,
    #[serde(default)]
    webhook: bool,
    events: Option<Vec<EventName>>,
    #[serde(default)]
    wait: bool,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Capture {
    #[serde(default)]
    webhook: bool,
    events: Option<Vec<EventName>>,
    #[serde(default)]
    wait: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RefundsBegin {
    begin: RefundProgress,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RefundEnd {
    outcome: RefundProgress,
    #[serde(default)]
    webhook: bool,
    events: Option<Vec<EventName>>,
    #[serde(default)]
    wait: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Deliver {
    event: EventName,
    payment_id: String,
    times: Option<u32>,
    delay_ms: Option<u64>,
    secret: Option<String>,
}

/// Why a control call did nothing.
pub(super) struct Refused(StatusCode, String);

impl Refused {
    pub(super) fn order_unknown(order_id: &str) -> Self {
        Self(StatusCode::NOT_FOUND, format!("there is no order {order_id}"))
    }

    pub(super) fn conflict(why: &str) -> Self {
        Self(StatusCode::CONFLICT, why.to_owned())
    }

    fn payment_unknown(payment_id: &str) -> Self {
        Self(StatusCode::NOT_FOUND, format!("there is no payment {payment_id}"))
    }

    fn invalid(why: impl Into<String>) -> Self {
        Self(StatusCode::UNPROCESSABLE_ENTITY, why.into())
    }

    pub(super) fn status(&self) -> StatusCode {
        self.0
    }

    pub(super) fn why(&self) -> &str {
        &self.1
    }
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        let why = format!("the state file was not written: {error}");
        Self(StatusCode::INTERNAL_SERVER_ERROR, why)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        answer(self.0, json!({ "error": self.1 }))
    }
}

/// `POST /sandbox/orders/{order_id}/pay`.
pub(super) async fn pay(
    Shared(razorpay): Shared<Razorpay>,
    Path(order_id): Path<String>,
    body: Bytes,
) -> Result<Response, Refused> {
    let pay: Pay = parse(&body)?;
    if pay.amount_paise.is_some_and(|paise| !(1..=AMOUNT_PAISE_MAX).contains(&paise)) {
        return Err(Refused::invalid("amount_paise must be 1 to 1000000000"));
    }
    if pay.currency.as_ref().is_some_and(|currency| currency.len() != 3) {
        return Err(Refused::invalid("currency must have three letters"));
    }
    if pay.customer_fee_paise.is_some_and(|paise| paise > AMOUNT_PAISE_MAX) {
        return Err(Refused::invalid("customer_fee_paise must be at most 1000000000"));
    }
    let attempt = Attempt {
        outcome: pay.outcome,
        amount: pay.amount_paise,
        currency: pay.currency,
        customer_fee: pay.customer_fee_paise,
    };
    let (payment, happened) = razorpay.order_pay(&order_id, attempt)?;
    let told = Telling { webhook: pay.webhook, events: pay.events, wait: pay.wait };
    Ok(razorpay.tell(&payment, happened, told).await)
}

/// `POST /sandbox/payments/{payment_id}/capture`.
pub(super) async fn capture(
    Shared(razorpay): Shared<Razorpay>,
    Path(payment_id): Path<String>,
    body: Bytes,
) -> Result<Response, Refused> {
    let capture: Capture = if body.is_empty() { Capture::default() } else { parse(&body)? };
    let (payment, happened) = razorpay.change(|state| {
        let unknown = || Refused::payment_unknown(&payment_id);
        let payment = state.payment(&payment_id).ok_or_else(unknown)?;
        if matches!(payment.status, PaymentStatus::Captured | PaymentStatus::Refunded) {
            return Err(Refused::conflict("the payment is captured already"));
        }
        state.payment_capture(&payment_id).ok_or_else(unknown)
    })?;
    let told = Telling { webhook: capture.webhook, events: capture.events, wait: capture.wait };
    Ok(razorpay.tell(&payment, happened, told).await)
}

/// `PUT /sandbox/refunds`.
pub(super) async fn refunds_begin(
    Shared(razorpay): Shared<Razorpay>,
    body: Bytes,
) -> Result<StatusCode, Refused> {
    let RefundsBegin { begin } = parse(&body)?;
    if begin == RefundProgress::Failed {
        return Err(Refused::invalid("begin must be pending or processed"));
    }
    razorpay.change(|state| {
        state.refunds_begin = begin;
        Ok::<_, Refused>(StatusCode::NO_CONTENT)
    })
}

/// `POST /sandbox/refunds/{refund_id}/end`.
pub(super) async fn refund_end(
    Shared(razorpay): Shared<Razorpay>,
    Path(refund_id): Path<String>,
    body: Bytes,
) -> Result<Response, Refused> {
    let end: RefundEnd = parse(&body)?;
    let is_processed = match end.outcome {
        RefundProgress::Processed => true,
        RefundProgress::Failed => false,
        RefundProgress::Pending => {
            return Err(Refused::invalid("outcome must be processed or failed"));
        }
    };
    let (payment, happened) = razorpay.change(|state| {
        let not_pending = || Refused::conflict("no refund of this id is pending");
        state.refund_end(&refund_id, is_processed).ok_or_else(not_pending)
    })?;
    let told = Telling { webhook: end.webhook, events: end.events, wait: end.wait };
    Ok(razorpay.tell(&payment, happened, told).await)
}

/// `POST /sandbox/webhooks`.
pub(super) async fn deliver(
    Shared(razorpay): Shared<Razorpay>,
    body: Bytes,
) -> Result<Response, Refused> {
    let deliver: Deliver = parse(&body)?;
    let times = deliver.times.unwrap_or(1);
    if !(1..=TIMES_MAX).contains(&times) {
        return Err(Refused::invalid("times must be 1 to 100"));
    }
    if deliver.delay_ms.is_some_and(|delay| delay > DELAY_MS_MAX) {
        return Err(Refused::invalid("delay_ms must be at most 600000"));
    }
    if !razorpay.webhooks().has_url() {
        return Err(Refused::conflict("the sandbox was started without a webhook address"));
    }
    let event = razorpay.event(deliver.event, &deliver.payment_id)?;
    let secret = deliver.secret.as_deref();
    if let Some(delay_ms) = deliver.delay_ms {
        let delay = Duration::from_millis(delay_ms);
        razorpay.webhooks().repeat_late(&event, times, secret, delay);
        let scheduled = json!({ "event_id": event.id, "scheduled": times });
        return Ok(answer(StatusCode::ACCEPTED, scheduled));
    }
    let deliveries = razorpay.webhooks().repeat(&event, times, secret).await;
    let delivered = json!({ "event_id": event.id, "deliveries": deliveries });
    Ok(answer(StatusCode::OK, delivered))
}

/// `GET /sandbox/webhooks`.
pub(super) async fn deliveries(Shared(razorpay): Shared<Razorpay>) -> Json<Value> {
    Json(json!({ "deliveries": razorpay.webhooks().deliveries() }))
}

/// Whether, which and how the events of a change are delivered.
struct Telling {
    webhook: bool,
    events: Option<Vec<EventName>>,
    wait: bool,
}

impl Razorpay {
    /// Lets someone pay an order. An order that is paid takes no further payment, as in
    /// Checkout.
    pub(super) fn order_pay(
        &self,
        order_id: &str,
        attempt: Attempt,
    ) -> Result<(Payment, Vec<Event>), Refused> {
        self.change(|state| {
            let unknown = || Refused::order_unknown(order_id);
            let order = state.order(order_id).ok_or_else(unknown)?;
            if order.status == OrderStatus::Paid {
                return Err(Refused::conflict("the order is paid already"));
            }
            if state.payments_count(order_id) >= PAYMENTS_PER_ORDER_MAX {
                return Err(Refused::conflict("the order was tried too often"));
            }
            state.payment_make(order_id, attempt).ok_or_else(unknown)
        })
    }

    /// The event of this name that happened to this payment, the last one of several.
    fn event(&self, name: EventName, payment_id: &str) -> Result<Event, Refused> {
        self.read(|state| {
            state.payment(payment_id).ok_or_else(|| Refused::payment_unknown(payment_id))?;
            let is_it = |event: &&Event| event.name == name && event.payment_id == payment_id;
            let event = state.events.iter().rev().find(is_it).cloned();
            event.ok_or_else(|| Refused::conflict("that has not happened to this payment"))
        })
    }

    /// Delivers the events as the caller wants it, and answers as Checkout does.
    async fn tell(&self, payment: &Payment, happened: Vec<Event>, told: Telling) -> Response {
        let mut handed_back = json!({
            "order_id": payment.order_id,
            "payment_id": payment.id,
            "signature": self.checkout_signature(&payment.order_id, &payment.id),
        });
        let events = match told.events {
            Some(names) => in_order(&names, &happened),
            None => happened,
        };
        if told.webhook && told.wait {
            handed_back["deliveries"] = json!(self.webhooks().deliver(events).await);
        } else if told.webhook {
            self.webhooks().deliver_in_background(events);
        }
        answer(StatusCode::OK, handed_back)
    }
}

fn in_order(names: &[EventName], happened: &[Event]) -> Vec<Event> {
    names
        .iter()
        .filter_map(|name| happened.iter().find(|event| event.name == *name))
        .cloned()
        .collect()
}

fn parse<T: DeserializeOwned>(body: &Bytes) -> Result<T, Refused> {
    serde_json::from_slice(body).map_err(|error| Refused::invalid(error.to_string()))
}
