//! When a payment pays for a purchase. Only the stored purchase is trusted: what the
//! partner says of a payment must agree with it in amount and currency, and the money
//! must have been captured.

use serde::{Deserialize, Serialize};

use crate::ids::{RazorpayOrderId, RazorpayPaymentId};
use crate::money::Paise;
use crate::tokens::{Purchase, PurchaseState};

/// The one currency in which tokens are sold.
pub const CURRENCY: &str = "INR";

/// How far a payment got at the partner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    /// Begun.
    Created,
    /// The bank said yes; the money was not taken yet.
    Authorized,
    /// The money was taken.
    Captured,
    /// The money was given back.
    Refunded,
    /// It did not work. It can still become captured, days later.
    Failed,
    /// Something that the partner has invented since.
    #[serde(other)]
    Unknown,
}

/// What the partner says of a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// The partner's id of it.
    pub payment_id: RazorpayPaymentId,
    /// The order that it was made for, if any.
    pub order_id: Option<RazorpayOrderId>,
    /// The amount paid.
    pub amount: Paise,
    /// Its ISO 4217 currency.
    pub currency: String,
    /// How far it got.
    pub status: PaymentStatus,
    /// `card`, `upi`, `netbanking` and so on.
    pub method: Option<String>,
}

/// What a good payment means for its purchase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settlement {
    /// The purchase is to be captured now.
    Capture,
    /// It was captured before, by this same payment.
    AlreadyCaptured,
}

/// Why a payment does not pay for a purchase.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PaymentRefusal {
    /// The partner has not taken the money (yet).
    #[error("the payment has not been captured")]
    NotCaptured,
    /// Another amount, another currency or another order than the stored one.
    #[error("the payment's amount, currency or order is not the purchase's")]
    AmountMismatch,
    /// The purchase was paid by another payment.
    #[error("the purchase was already paid by another payment")]
    PaidByAnother,
}

/// Judges whether `payment` pays for `purchase`.
pub fn settle(purchase: &Purchase, payment: &Payment) -> Result<Settlement, PaymentRefusal> {
    if let PurchaseState::Captured(lot) = &purchase.state {
        return if lot.payment_id == payment.payment_id {
            Ok(Settlement::AlreadyCaptured)
        } else {
            Err(PaymentRefusal::PaidByAnother)
        };
    }
    let agrees = payment.order_id.as_ref() == Some(&purchase.order_id)
        && payment.amount == purchase.amount
        && payment.currency == CURRENCY;
    if !agrees {
        Err(PaymentRefusal::AmountMismatch)
    } else if payment.status == PaymentStatus::Captured {
        Ok(Settlement::Capture)
    } else {
        Err(PaymentRefusal::NotCaptured)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokens::samples;

    fn payment() -> Payment {
        Payment {
            payment_id: RazorpayPaymentId::parse("pay_1").expect("an id"),
            order_id: Some(RazorpayOrderId::parse("order_A").expect("an id")),
            amount: Paise::new(50_000),
            currency: "INR".into(),
            status: PaymentStatus::Captured,
            method: None,
        }
    }

    #[test]
    fn a_captured_payment_of_the_stored_amount_settles() {
        assert_eq!(settle(&samples::created("order_A", 10), &payment()), Ok(Settlement::Capture));
    }

    #[test]
    fn anything_else_than_captured_does_not() {
        use PaymentStatus::{Authorized, Created, Failed, Refunded, Unknown};
        for status in [Created, Authorized, Failed, Refunded, Unknown] {
            let payment = Payment { status, ..payment() };
            let decided = settle(&samples::created("order_A", 10), &payment);
            assert_eq!(decided, Err(PaymentRefusal::NotCaptured), "{status:?}");
        }
    }

    #[test]
    fn another_amount_currency_or_order_does_not() {
        let other_order = RazorpayOrderId::parse("order_B").expect("an id");
        for payment in [
            Payment { amount: Paise::new(49_999), ..payment() },
            Payment { amount: Paise::new(50_001), ..payment() },
            Payment { currency: "USD".into(), ..payment() },
            Payment { order_id: Some(other_order), ..payment() },
            Payment { order_id: None, ..payment() },
        ] {
            let decided = settle(&samples::created("order_A", 10), &payment);
            assert_eq!(decided, Err(PaymentRefusal::AmountMismatch), "{payment:?}");
        }
    }

    #[test]
    fn a_purchase_is_paid_once() {
        let captured = samples::captured("order_A", 10);
        assert_eq!(settle(&captured, &payment()), Ok(Settlement::AlreadyCaptured));
        let second = RazorpayPaymentId::parse("pay_2").expect("an id");
        let decided = settle(&captured, &Payment { payment_id: second, ..payment() });
        assert_eq!(decided, Err(PaymentRefusal::PaidByAnother));
    }
}
