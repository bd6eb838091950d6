//! Refunds: whole or in parts, never more than was paid.
//! <https://razorpay.com/docs/api/refunds/>

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State as Shared};
use axum::http::HeaderMap;
use serde_json::{Map, Value};

use super::entities::{
    Notes, Payment, PaymentStatus, Refund, RefundKey, RefundProgress, RefundStatus, State, now,
    random_id,
};
use super::errors::ApiError;
use super::input::{Input, id_check};
use super::webhooks::{Event, EventName};
use super::{Razorpay, collection};

const IDEMPOTENCY_HEADER: &str = "x-refund-idempotency";
const IDEMPOTENCY_KEY_CHARS_MIN: usize = 10;

/// `POST /v1/payments/{id}/refund`. Without an amount all that is left goes back. The
/// same `X-Refund-Idempotency` with the same body answers the first refund; with another
/// body it is refused. Razorpay's 409 for a repeat while the first is in hand cannot
/// happen here, since a refund takes no time; a fault with status 409 stands for it.
pub(super) async fn create(
    Shared(razorpay): Shared<Razorpay>,
    Path(payment_id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Refund>, ApiError> {
    id_check(&payment_id, "pay_")?;
    let key = idempotency_key(&headers)?;
    let wanted = Wanted::parse(&body)?;
    let (refund, events) = razorpay.change(|state| {
        if let Some(key) = &key
            && let Some(first) = state.refund_first(key, &payment_id, &wanted.body)?
        {
            return Ok((first, Vec::new()));
        }
        let (refund, events) = state.refund_make(&payment_id, &wanted)?;
        if let Some(key) = key {
            state.refund_keys.push(RefundKey {
                key,
                payment_id: payment_id.clone(),
                body: wanted.body,
                refund_id: refund.id.clone(),
            });
        }
        Ok::<_, ApiError>((refund, events))
    })?;
    razorpay.webhooks().deliver_in_background(events);
    Ok(Json(refund))
}

/// `GET /v1/payments/{id}/refunds`, newest first.
pub(super) async fn of_payment(
    Shared(razorpay): Shared<Razorpay>,
    Path(payment_id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    id_check(&payment_id, "pay_")?;
    razorpay.read(|state| {
        state.payment(&payment_id).ok_or_else(ApiError::id_unknown)?;
        let of_payment = |refund: &&Refund| refund.payment_id == payment_id;
        let refunds: Vec<&Refund> = state.refunds.iter().rev().filter(of_payment).collect();
        Ok(collection(&refunds))
    })
}

/// `GET /v1/refunds/{id}`.
pub(super) async fn fetch(
    Shared(razorpay): Shared<Razorpay>,
    Path(id): Path<String>,
) -> Result<Json<Refund>, ApiError> {
    id_check(&id, "rfnd_")?;
    let refund = razorpay.read(|state| state.refund(&id).cloned());
    refund.map(Json).ok_or_else(ApiError::id_unknown)
}

/// `GET /v1/payments/{id}/refunds/{refund_id}`.
pub(super) async fn fetch_of_payment(
    Shared(razorpay): Shared<Razorpay>,
    Path((payment_id, refund_id)): Path<(String, String)>,
) -> Result<Json<Refund>, ApiError> {
    id_check(&payment_id, "pay_")?;
    id_check(&refund_id, "rfnd_")?;
    let refund = razorpay.read(|state| state.refund(&refund_id).cloned());
    refund
        .filter(|refund| refund.payment_id == payment_id)
        .map(Json)
        .ok_or_else(ApiError::id_unknown)
}

/// What a refund request asks for.
struct Wanted {
    amount: Option<u64>,
    speed: String,
    notes: Notes,
    receipt: Option<String>,
    /// The request as it came, for comparing a repeat with the first.
    body: Value,
}

impl Wanted {
    fn parse(body: &Bytes) -> Result<Self, ApiError> {
        let input = Input::parse(body, &["amount", "speed", "notes", "receipt"])?;
        let speed = input.text("speed")?.unwrap_or_else(|| "normal".to_owned());
        if !["normal", "optimum"].contains(&speed.as_str()) {
            return Err(ApiError::field("speed", "The speed should be normal or optimum"));
        }
        Ok(Self {
            amount: input.amount_if_any()?,
            speed,
            notes: input.notes()?,
            receipt: input.receipt()?,
            body: input.into_value(),
        })
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(value) = headers.get(IDEMPOTENCY_HEADER) else {
        return Ok(None);
    };
    let is_key_char = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    match value.to_str() {
        Ok(key) if key.len() >= IDEMPOTENCY_KEY_CHARS_MIN && key.bytes().all(is_key_char) => {
            Ok(Some(key.to_owned()))
        }
        _ => Err(ApiError::bad_request(
            "The idempotency key must have 10 or more letters, digits, hyphens and underscores",
        )),
    }
}

impl State {
    fn refund(&self, id: &str) -> Option<&Refund> {
        self.refunds.iter().find(|refund| refund.id == id)
    }

    /// The refund that this key made before, if it did.
    fn refund_first(
        &self,
        key: &str,
        payment_id: &str,
        body: &Value,
    ) -> Result<Option<Refund>, ApiError> {
        let Some(first) = self.refund_keys.iter().find(|first| first.key == key) else {
            return Ok(None);
        };
        if first.payment_id != payment_id || first.body != *body {
            return Err(ApiError::bad_request(
                "Different request body sent for the same idempotency key",
            ));
        }
        Ok(self.refund(&first.refund_id).cloned())
    }

    fn refund_make(
        &mut self,
        payment_id: &str,
        wanted: &Wanted,
    ) -> Result<(Refund, Vec<Event>), ApiError> {
        let of_id = |payment: &&mut Payment| payment.id == payment_id;
        let payment = self.payments.iter_mut().find(of_id).ok_or_else(ApiError::id_unknown)?;
        let amount = amount_to_refund(payment, wanted.amount)?;
        payment.refunded(payment.amount_refunded + amount);
        let refund = Refund { status: self.refunds_begin, ..refund_new(payment, amount, wanted) };
        let mut events = vec![Event::of_refund(EventName::RefundCreated, payment, &refund)];
        if refund.status == RefundProgress::Processed {
            events.push(Event::of_refund(EventName::RefundProcessed, payment, &refund));
        }
        self.refunds.push(refund.clone());
        self.events.extend(events.iter().cloned());
        Ok((refund, events))
    }

    /// Ends a pending refund, well or not. `None` where none of this id is pending.
    pub(super) fn refund_end(
        &mut self,
        id: &str,
        is_processed: bool,
    ) -> Option<(Payment, Vec<Event>)> {
        let is_it = |it: &&mut Refund| it.id == id && it.status == RefundProgress::Pending;
        let refund = self.refunds.iter_mut().find(is_it)?;
        let payment = self.payments.iter_mut().find(|it| it.id == refund.payment_id)?;
        let name = if is_processed {
            refund.status = RefundProgress::Processed;
            EventName::RefundProcessed
        } else {
            refund.status = RefundProgress::Failed;
            payment.refunded(payment.amount_refunded - refund.amount);
            EventName::RefundFailed
        };
        let event = Event::of_refund(name, payment, refund);
        self.events.push(event.clone());
        Some((payment.clone(), vec![event]))
    }
}

impl Payment {
    /// Notes how much of it has gone back.
    fn refunded(&mut self, amount: u64) {
        self.amount_refunded = amount;
        (self.status, self.refund_status) = match amount {
            0 => (PaymentStatus::Captured, None),
            all if all == self.amount => (PaymentStatus::Refunded, Some(RefundStatus::Full)),
            _ => (PaymentStatus::Captured, Some(RefundStatus::Partial)),
        };
    }
}

/// What goes back, or why nothing can.
fn amount_to_refund(payment: &Payment, wanted: Option<u64>) -> Result<u64, ApiError> {
    match payment.status {
        PaymentStatus::Captured => {}
        PaymentStatus::Refunded => {
            return Err(ApiError::bad_request("The payment has been fully refunded already"));
        }
        PaymentStatus::Authorized | PaymentStatus::Failed => {
            return Err(ApiError::bad_request(
                "The payment status should be captured for action to be taken",
            ));
        }
    }
    let left = payment.amount - payment.amount_refunded;
    let amount = wanted.unwrap_or(left);
    if amount > left {
        return Err(ApiError::field(
            "amount",
            "The total refund amount is greater than the refund payment amount",
        ));
    }
    Ok(amount)
}

fn refund_new(payment: &Payment, amount: u64, wanted: &Wanted) -> Refund {
    let mut acquirer_data = Map::new();
    acquirer_data.insert("arn".to_owned(), Value::Null);
    Refund {
        id: format!("rfnd_{}", random_id()),
        entity: "refund".to_owned(),
        amount,
        currency: payment.currency.clone(),
        payment_id: payment.id.clone(),
        notes: wanted.notes.clone(),
        receipt: wanted.receipt.clone(),
        acquirer_data,
        created_at: now(),
        batch_id: None,
        status: RefundProgress::Processed,
        speed_processed: "normal".to_owned(),
        speed_requested: wanted.speed.clone(),
    }
}
