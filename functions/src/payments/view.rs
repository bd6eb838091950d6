//! A purchase as clients see it (as a payment), and its refunds.

use jiff::Timestamp;
use serde::Serialize;
use thali_domain::ids::{RazorpayOrderId, RazorpayPaymentId, RefundId};
use thali_domain::money::Paise;
use thali_domain::payments::mismatches::{Mismatch, MismatchReason, MismatchStatus};
use thali_domain::payments::refunds::{Refund, RefundState};
use thali_domain::payments::settlement::CURRENCY;
use thali_domain::tokens::purchases::{Purchase, PurchaseState, Waiting};
use utoipa::ToSchema;

/// Status of a payment. Tokens that are reserved for a refund count as refunded.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum PaymentStatus {
    Created,
    Captured,
    Failed,
    Refunded,
    PartiallyRefunded,
    /// A payment was taken that does not pay for the purchase, and an owner must decide.
    Mismatch,
}

/// A payment that was taken and did not pay for the purchase when it was found.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PaymentMismatch)]
struct MismatchView {
    payment_id: RazorpayPaymentId,
    /// What was paid, in the smallest unit of the currency.
    amount_paise: Paise,
    #[schema(pattern = "^[A-Z]{3}$")]
    currency: String,
    reason: MismatchReason,
    #[schema(value_type = String, format = DateTime)]
    found_at: Timestamp,
    status: MismatchStatus,
}

/// A payment.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Payment)]
pub struct PaymentView {
    order_id: RazorpayOrderId,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_id: Option<RazorpayPaymentId>,
    amount_paise: Paise,
    #[schema(pattern = "^INR$")]
    currency: &'static str,
    status: PaymentStatus,
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
    /// Absent if there are none. Oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    mismatches: Vec<MismatchView>,
}

impl From<Purchase> for PaymentView {
    fn from(purchase: Purchase) -> Self {
        let status = status(&purchase);
        let mismatches = mismatches(&purchase);
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
            mismatches,
        }
    }
}

fn mismatches(purchase: &Purchase) -> Vec<MismatchView> {
    let view = |it: &Mismatch| MismatchView {
        payment_id: it.payment_id.clone(),
        amount_paise: it.amount,
        currency: it.currency.clone(),
        reason: it.reason,
        found_at: it.found_at,
        status: it.status(purchase),
    };
    let mut views: Vec<MismatchView> = purchase.mismatches.values().map(view).collect();
    views.sort_by_key(|view| view.found_at);
    views
}

fn status(purchase: &Purchase) -> PaymentStatus {
    let refunded = purchase.refunded.len();
    let is_open = |it: &Mismatch| it.status(purchase) == MismatchStatus::Open;
    match &purchase.state {
        PurchaseState::Created(_) if purchase.mismatches.values().any(is_open) => {
            PaymentStatus::Mismatch
        }
        PurchaseState::Created(_) if !purchase.mismatches.is_empty() => PaymentStatus::Refunded,
        PurchaseState::Created(Waiting { failed_at: None, closed_at: None, .. }) => {
            PaymentStatus::Created
        }
        PurchaseState::Created(_) => PaymentStatus::Failed,
        PurchaseState::Captured(_) if refunded == 0 => PaymentStatus::Captured,
        PurchaseState::Captured(_) if refunded == usize::from(purchase.token_count) => {
            PaymentStatus::Refunded
        }
        PurchaseState::Captured(_) => PaymentStatus::PartiallyRefunded,
    }
}

/// How far a refund got.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum RefundStatus {
    Pending,
    Processed,
    Failed,
}

/// A refund.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Refund)]
pub struct RefundView {
    refund_id: RefundId,
    order_id: RazorpayOrderId,
    /// The refunded payment, if it paid for no tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_id: Option<RazorpayPaymentId>,
    token_count: usize,
    amount_paise: Paise,
    #[schema(pattern = "^[A-Z]{3}$")]
    currency: String,
    status: RefundStatus,
    #[schema(value_type = String, format = DateTime)]
    requested_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    processed_at: Option<Timestamp>,
}

impl From<Refund> for RefundView {
    fn from(refund: Refund) -> Self {
        let (status, processed_at) = match refund.state {
            RefundState::Pending => (RefundStatus::Pending, None),
            RefundState::Processed(at) => (RefundStatus::Processed, Some(at)),
            RefundState::Failed(..) => (RefundStatus::Failed, None),
        };
        Self {
            refund_id: refund.refund_id,
            order_id: refund.order_id,
            payment_id: refund.numbers.is_empty().then_some(refund.payment_id),
            token_count: refund.numbers.len(),
            amount_paise: refund.amount,
            currency: refund.currency,
            status,
            requested_at: refund.requested_at,
            processed_at,
        }
    }
}
