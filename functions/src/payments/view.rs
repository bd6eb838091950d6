//! A purchase as clients see it: a payment.

use jiff::Timestamp;
use serde::Serialize;
use thali_domain::ids::{RazorpayOrderId, RazorpayPaymentId};
use thali_domain::money::Paise;
use thali_domain::payments::CURRENCY;
use thali_domain::tokens::{Purchase, PurchaseState};
use utoipa::ToSchema;

/// A payment.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Payment)]
pub struct PaymentView {
    order_id: RazorpayOrderId,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_id: Option<RazorpayPaymentId>,
    amount_paise: Paise,
    currency: &'static str,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    token_count: u16,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    captured_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
}

impl From<Purchase> for PaymentView {
    fn from(purchase: Purchase) -> Self {
        let (status, lot) = match purchase.state {
            PurchaseState::Created { failed_at: None } => ("created", None),
            PurchaseState::Created { failed_at: Some(_) } => ("failed", None),
            PurchaseState::Captured(lot) => ("captured", Some(lot)),
        };
        Self {
            order_id: purchase.order_id,
            payment_id: lot.as_ref().map(|lot| lot.payment_id.clone()),
            amount_paise: purchase.amount,
            currency: CURRENCY,
            status,
            method: lot.as_ref().and_then(|lot| lot.method.clone()),
            token_count: purchase.token_count,
            created_at: purchase.created_at,
            captured_at: lot.as_ref().map(|lot| lot.captured_at),
            expires_at: lot.as_ref().map(|lot| lot.expires_at),
        }
    }
}
