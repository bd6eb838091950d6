//! Payments: read and captured by the merchant, and what happens to one, whoever asks.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State as Shared};
use serde::Deserialize;
use serde_json::{Map, json};

use super::Razorpay;
use super::entities::{Notes, Order, OrderStatus, Payment, PaymentStatus, State, now, random_id};
use super::errors::ApiError;
use super::input::{Input, id_check};
use super::webhooks::{Event, EventName};

/// Attempts to pay one order, failed ones included.
pub(super) const PAYMENTS_PER_ORDER_MAX: usize = 100;

/// `GET /v1/payments/{id}`.
pub(super) async fn fetch(
    Shared(razorpay): Shared<Razorpay>,
    Path(id): Path<String>,
) -> Result<Json<Payment>, ApiError> {
    id_check(&id, "pay_")?;
    let payment = razorpay.read(|state| state.payment(&id).cloned());
    payment.map(Json).ok_or_else(ApiError::id_unknown)
}

/// `POST /v1/payments/{id}/capture` takes an authorized payment, at its full amount, and
/// sends `payment.captured` and `order.paid`.
pub(super) async fn capture(
    Shared(razorpay): Shared<Razorpay>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<Payment>, ApiError> {
    id_check(&id, "pay_")?;
    let input = Input::parse(&body, &["amount", "currency"])?;
    let amount = input.amount()?;
    let currency = input.text("currency")?;
    let (payment, events) = razorpay.change(|state| {
        let payment = state.payment(&id).ok_or_else(ApiError::id_unknown)?;
        match payment.status {
            PaymentStatus::Authorized => {}
            PaymentStatus::Captured | PaymentStatus::Refunded => {
                return Err(ApiError::bad_request("This payment has already been captured"));
            }
            PaymentStatus::Failed => {
                return Err(ApiError::bad_request(
                    "Only payments which have been authorized and not yet captured can be captured",
                ));
            }
        }
        if payment.amount != amount {
            let description = "Capture amount must be equal to the amount authorized";
            return Err(ApiError::field("amount", description));
        }
        if currency.is_some_and(|currency| currency != payment.currency) {
            let description = "Payment currency and capture currency are not the same";
            return Err(ApiError::field("currency", description));
        }
        state.payment_capture(&id).ok_or_else(ApiError::id_unknown)
    })?;
    razorpay.webhooks().deliver_in_background(events);
    Ok(Json(payment))
}

/// An attempt to pay. What is left out is the order's.
pub(super) struct Attempt {
    pub(super) outcome: Outcome,
    pub(super) amount: Option<u64>,
    pub(super) currency: Option<String>,
    /// The fee that the customer pays on top, listed as such in the payment.
    pub(super) customer_fee: Option<u64>,
}

impl From<Outcome> for Attempt {
    fn from(outcome: Outcome) -> Self {
        Self { outcome, amount: None, currency: None, customer_fee: None }
    }
}

/// How an attempt to pay ends.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    /// The money is taken, where the order asked for it; else it is held.
    Captured,
    /// The money is held, and taken or let go later: the bank says so after the time in
    /// which payments are captured at once.
    Authorized,
    /// The customer's bank said no, as far as is known now.
    Failed,
}

impl State {
    pub(super) fn payments_count(&self, order_id: &str) -> usize {
        let of_order = |payment: &&Payment| payment.order_id == order_id;
        self.payments.iter().filter(of_order).count()
    }

    /// Records an attempt to pay an order. The amount and the currency may differ from
    /// the order's, which Razorpay rules out and a careful merchant still checks.
    /// `None` where there is no such order.
    pub(super) fn payment_make(
        &mut self,
        order_id: &str,
        attempt: Attempt,
    ) -> Option<(Payment, Vec<Event>)> {
        let outcome = attempt.outcome;
        let order = self.orders.iter_mut().find(|order| order.id == order_id)?;
        let mut payment = payment_new(order, attempt);
        order.attempts = order.attempts.saturating_add(1);
        if order.status == OrderStatus::Created {
            order.status = OrderStatus::Attempted;
        }
        if outcome == Outcome::Failed {
            payment.fail();
        }
        let first = match payment.status {
            PaymentStatus::Failed => EventName::PaymentFailed,
            _ => EventName::PaymentAuthorized,
        };
        let mut events = vec![Event::of_payment(first, &payment)];
        self.events.extend(events.iter().cloned());
        self.payments.push(payment.clone());
        if outcome == Outcome::Captured && self.captured_at_once.contains(order_id) {
            let (captured, more) = self.payment_capture(&payment.id)?;
            payment = captured;
            events.extend(more);
        }
        Some((payment, events))
    }

    /// Captures a payment, a failed one too: late authorisation, where the bank reports
    /// days later that the money was taken after all. The order becomes paid unless
    /// another payment had paid it. `None` where there is no such payment.
    pub(super) fn payment_capture(&mut self, payment_id: &str) -> Option<(Payment, Vec<Event>)> {
        let payment = self.payments.iter_mut().find(|payment| payment.id == payment_id)?;
        let order = self.orders.iter_mut().find(|order| order.id == payment.order_id)?;
        let mut events = Vec::new();
        if payment.status == PaymentStatus::Failed {
            payment.authorize();
            events.push(Event::of_payment(EventName::PaymentAuthorized, payment));
        }
        payment.capture();
        events.push(Event::of_payment(EventName::PaymentCaptured, payment));
        if order.status != OrderStatus::Paid && order.currency == payment.currency {
            order.amount_paid = order.amount.min(order.amount_paid + payment.amount);
            order.amount_due = order.amount - order.amount_paid;
            if order.amount_due == 0 {
                order.status = OrderStatus::Paid;
                events.push(Event::of_order(EventName::OrderPaid, payment, order));
            }
        }
        self.events.extend(events.iter().cloned());
        Some((payment.clone(), events))
    }
}

impl Payment {
    fn fail(&mut self) {
        self.status = PaymentStatus::Failed;
        self.vpa = Some("failure@razorpay".to_owned());
        self.error_code = Some("BAD_REQUEST_ERROR".to_owned());
        self.error_description = Some("Payment was unsuccessful at the customer's bank".to_owned());
        self.error_source = Some("bank".to_owned());
        self.error_step = Some("payment_authorization".to_owned());
        self.error_reason = Some("payment_failed".to_owned());
    }

    fn authorize(&mut self) {
        self.status = PaymentStatus::Authorized;
        self.error_code = None;
        self.error_description = None;
        self.error_source = None;
        self.error_step = None;
        self.error_reason = None;
    }

    fn capture(&mut self) {
        self.status = PaymentStatus::Captured;
        self.captured = true;
        if self.fee_bearer.is_some() {
            // The fee is known since the customer paid it.
            return;
        }
        // Two per cent, and 18 % GST on that.
        let fee = self.amount / 50;
        let tax = fee * 18 / 100;
        self.fee = Some(fee + tax);
        self.tax = Some(tax);
    }
}

/// A payment of this order as it is authorized.
fn payment_new(order: &Order, attempt: Attempt) -> Payment {
    let Attempt { outcome: _, amount, currency, customer_fee } = attempt;
    let amount = amount.unwrap_or(order.amount).saturating_add(customer_fee.unwrap_or(0));
    let mut acquirer_data = Map::new();
    acquirer_data.insert("rrn".to_owned(), json!("322206890934"));
    acquirer_data.insert("upi_transaction_id".to_owned(), json!(random_id()));
    Payment {
        id: format!("pay_{}", random_id()),
        entity: "payment".to_owned(),
        amount,
        currency: currency.unwrap_or_else(|| order.currency.clone()),
        status: PaymentStatus::Authorized,
        order_id: order.id.clone(),
        invoice_id: None,
        international: false,
        method: "upi".to_owned(),
        amount_refunded: 0,
        refund_status: None,
        captured: false,
        description: None,
        card_id: None,
        bank: None,
        wallet: None,
        vpa: Some("success@razorpay".to_owned()),
        email: "customer@example.com".to_owned(),
        contact: "+919999999999".to_owned(),
        notes: Notes::default(),
        fee: customer_fee,
        tax: customer_fee.map(|fee| fee * 18 / 118),
        fee_bearer: customer_fee.map(|_| "customer".to_owned()),
        error_code: None,
        error_description: None,
        error_source: None,
        error_step: None,
        error_reason: None,
        acquirer_data,
        created_at: now(),
    }
}
