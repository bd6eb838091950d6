//! A purchase as clients see it, a payment, and its refunds.

use jiff::Timestamp;
use serde::Serialize;
use thali_domain::ids::{RazorpayOrderId, RazorpayPaymentId, RefundId};
use thali_domain::money::Paise;
use thali_domain::payments::CURRENCY;
use thali_domain::refunds::{Refund, RefundState};
use thali_domain::tokens::{Purchase, PurchaseState, Waiting};
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
        let status = status(&purchase);
        let lot = match purchase.state {
            PurchaseState::Created(_) => None,
            PurchaseState::Captured(lot) => Some(lot),
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

/// A purchase's status. Tokens that are reserved for a refund count as given back.
fn status(purchase: &Purchase) -> &'static str {
    match &purchase.state {
        PurchaseState::Created(Waiting { failed_at: None, closed_at: None, .. }) => "created",
        PurchaseState::Created(_) => "failed",
        PurchaseState::Captured(_) if purchase.refunded.is_empty() => "captured",
        PurchaseState::Captured(_)
            if purchase.refunded.len() == usize::from(purchase.token_count) =>
        {
            "refunded"
        }
        PurchaseState::Captured(_) => "partially_refunded",
    }
}

/// A refund.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Refund)]
pub struct RefundView {
    refund_id: RefundId,
    order_id: RazorpayOrderId,
    token_count: usize,
    amount_paise: Paise,
    currency: &'static str,
    status: &'static str,
    #[schema(value_type = String, format = DateTime)]
    requested_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    processed_at: Option<Timestamp>,
}

impl From<Refund> for RefundView {
    fn from(refund: Refund) -> Self {
        let (status, processed_at) = match refund.state {
            RefundState::Pending => ("pending", None),
            RefundState::Processed(at) => ("processed", Some(at)),
            RefundState::Failed(..) => ("failed", None),
        };
        Self {
            refund_id: refund.refund_id,
            order_id: refund.order_id,
            token_count: refund.numbers.len(),
            amount_paise: refund.amount,
            currency: CURRENCY,
            status,
            requested_at: refund.requested_at,
            processed_at,
        }
    }
}
