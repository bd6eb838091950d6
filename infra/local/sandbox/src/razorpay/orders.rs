//! Orders: made by the merchant, paid through Checkout.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State as Shared};
use serde_json::Value;

use super::entities::{Order, OrderStatus, Payment, now, random_id};
use super::errors::ApiError;
use super::input::{Input, id_check};
use super::{Razorpay, collection};

/// `POST /v1/orders`. Payments are captured at once only where the order says so, as in an
/// account that captures by hand.
pub(super) async fn create(
    Shared(razorpay): Shared<Razorpay>,
    body: Bytes,
) -> Result<Json<Order>, ApiError> {
    let fields = ["amount", "currency", "receipt", "notes", "payment_capture", "payment"];
    let input = Input::parse(&body, &fields)?;
    let at_once = input.captures_at_once()?;
    let amount = input.amount()?;
    let order = Order {
        id: format!("order_{}", random_id()),
        entity: "order".to_owned(),
        amount,
        amount_paid: 0,
        amount_due: amount,
        currency: input.currency()?,
        receipt: input.receipt()?,
        offer_id: None,
        status: OrderStatus::Created,
        attempts: 0,
        notes: input.notes()?,
        created_at: now(),
    };
    razorpay.change(|state| {
        if at_once {
            state.captured_at_once.insert(order.id.clone());
        }
        state.order_add(order.clone());
        Ok::<_, ApiError>(())
    })?;
    Ok(Json(order))
}

/// `GET /v1/orders/{id}`.
pub(super) async fn fetch(
    Shared(razorpay): Shared<Razorpay>,
    Path(id): Path<String>,
) -> Result<Json<Order>, ApiError> {
    id_check(&id, "order_")?;
    let order = razorpay.read(|state| state.order(&id).cloned());
    order.map(Json).ok_or_else(ApiError::id_unknown)
}

/// `GET /v1/orders/{id}/payments`: every attempt to pay it, newest first.
pub(super) async fn payments(
    Shared(razorpay): Shared<Razorpay>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    id_check(&id, "order_")?;
    razorpay.read(|state| {
        state.order(&id).ok_or_else(ApiError::id_unknown)?;
        let of_order = |payment: &&Payment| payment.order_id == id;
        let payments: Vec<&Payment> = state.payments.iter().rev().filter(of_order).collect();
        Ok(collection(&payments))
    })
}
