//! When a payment pays for a purchase. Only the stored purchase is trusted: a payment at
//! Razorpay ("the partner") must match its order, amount and currency, and the money must be
//! captured.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::ids::{RazorpayOrderId, RazorpayPaymentId};
use crate::money::Paise;
use crate::tokens::purchases::{Purchase, PurchaseState, Waiting};

/// The only currency in which tokens are sold.
pub const CURRENCY: &str = "INR";

/// The status of a payment at Razorpay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    /// The payment has started.
    Created,
    /// The bank has approved the payment; the money has not been captured yet.
    Authorized,
    /// The money has been captured.
    Captured,
    /// The money has been refunded.
    Refunded,
    /// The payment failed. It can still become captured, even days later.
    Failed,
    /// A status that Razorpay added later.
    #[serde(other)]
    Unknown,
}

/// A payment as Razorpay reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    pub payment_id: RazorpayPaymentId,
    /// The order that the payment is for, if any.
    pub order_id: Option<RazorpayOrderId>,
    pub amount: Paise,
    /// The ISO 4217 currency of the amount.
    pub currency: String,
    pub status: PaymentStatus,
    /// `card`, `upi`, `netbanking` and so on.
    pub method: Option<String>,
}

/// The effect of a matching payment on its purchase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settlement {
    /// The purchase must be captured now.
    Capture,
    /// The same payment captured the purchase before.
    AlreadyCaptured,
}

/// Why a payment does not pay for a purchase.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PaymentRefusal {
    /// Razorpay has not captured the money (yet).
    #[error("the payment has not been captured")]
    NotCaptured,
    /// The amount, the currency or the order differs from the stored purchase.
    #[error("the payment's amount, currency or order is not the purchase's")]
    AmountMismatch,
    /// Another payment paid for the purchase.
    #[error("the purchase was already paid by another payment")]
    PaidByAnother,
}

/// Decides whether `payment` pays for `purchase`.
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

/// How long Razorpay is queried for payments of an order for which no payment was reported.
/// Banks can report a payment days later ("late authorisation").
pub const QUERIED_FOR: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What Razorpay's list of payments means for an unpaid purchase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reconciliation {
    /// This payment pays for the purchase.
    Capture(Payment),
    /// Nothing is decided yet: query again later.
    Wait,
    /// Every payment so far has failed: query again later.
    Failed,
    /// No payment is expected any more: stop querying.
    Close,
}

/// Decides about an unpaid purchase, given Razorpay's payments for its order.
#[must_use]
pub fn reconcile(purchase: &Purchase, payments: &[Payment], now: Timestamp) -> Reconciliation {
    let pays = |payment: &&Payment| settle(purchase, payment) == Ok(Settlement::Capture);
    if let Some(payment) = payments.iter().find(pays) {
        return Reconciliation::Capture(payment.clone());
    }
    // A refunded payment counts as no payment. Any other payment may still become captured, or
    // was captured with another amount and needs a person to check it.
    let is_over = |payment: &Payment| {
        matches!(payment.status, PaymentStatus::Failed | PaymentStatus::Refunded)
    };
    if !payments.iter().all(is_over) {
        Reconciliation::Wait
    } else if now.duration_since(purchase.created_at) > QUERIED_FOR {
        Reconciliation::Close
    } else if payments.is_empty() {
        Reconciliation::Wait
    } else {
        Reconciliation::Failed
    }
}

/// Whether Razorpay must be queried now for payments of a purchase that is at least
/// `older_than` old: for the first time, or because its age has doubled since the last query.
/// So an abandoned order is queried about a dozen times in a week, and not in every run.
#[must_use]
pub fn is_due(purchase: &Purchase, older_than: SignedDuration, now: Timestamp) -> bool {
    let PurchaseState::Created(Waiting { asked_at, .. }) = &purchase.state else { return false };
    let age_at = |time: Timestamp| time.duration_since(purchase.created_at);
    let doubled = asked_at.is_none_or(|asked_at| age_at(now) >= 2 * age_at(asked_at));
    age_at(now) >= older_than && doubled
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokens::purchases::samples;

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
    fn a_payment_that_is_not_captured_does_not_settle() {
        use PaymentStatus::{Authorized, Created, Failed, Refunded, Unknown};
        for status in [Created, Authorized, Failed, Refunded, Unknown] {
            let payment = Payment { status, ..payment() };
            let decided = settle(&samples::created("order_A", 10), &payment);
            assert_eq!(decided, Err(PaymentRefusal::NotCaptured), "{status:?}");
        }
    }

    #[test]
    fn a_payment_with_another_amount_currency_or_order_does_not_settle() {
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
    fn a_purchase_can_be_paid_only_once() {
        let captured = samples::captured("order_A", 10);
        assert_eq!(settle(&captured, &payment()), Ok(Settlement::AlreadyCaptured));
        let second = RazorpayPaymentId::parse("pay_2").expect("an id");
        let decided = settle(&captured, &Payment { payment_id: second, ..payment() });
        assert_eq!(decided, Err(PaymentRefusal::PaidByAnother));
    }

    fn with(status: PaymentStatus) -> Payment {
        Payment { status, ..payment() }
    }

    const WEEK: SignedDuration = QUERIED_FOR;

    #[test]
    fn a_captured_payment_among_failed_ones_is_found_even_weeks_later() {
        use PaymentStatus::{Captured, Failed};
        let purchase = samples::created("order_A", 10);
        let found = [with(Failed), with(Captured), with(Failed)];
        for now in [samples::NOW, samples::NOW + 10 * WEEK] {
            let decided = reconcile(&purchase, &found, now);
            assert_eq!(decided, Reconciliation::Capture(with(Captured)));
        }
    }

    #[test]
    fn a_purchase_waits_while_a_payment_may_still_be_captured() {
        use PaymentStatus::{Authorized, Created, Failed, Unknown};
        let purchase = samples::created("order_A", 10);
        for status in [Authorized, Created, Unknown] {
            for now in [samples::NOW, samples::NOW + 2 * WEEK] {
                let found = [with(Failed), with(status)];
                assert_eq!(reconcile(&purchase, &found, now), Reconciliation::Wait, "{status:?}");
            }
        }
        let other_amount = Payment { amount: Paise::new(1), ..payment() };
        let decided = reconcile(&purchase, &[other_amount], samples::NOW + 2 * WEEK);
        assert_eq!(decided, Reconciliation::Wait, "a person must check this payment");
    }

    #[test]
    fn a_purchase_without_a_possible_payment_is_closed_after_a_week() {
        use PaymentStatus::{Failed, Refunded};
        let purchase = samples::created("order_A", 10);
        for (found, before) in [
            (vec![], Reconciliation::Wait),
            (vec![with(Failed)], Reconciliation::Failed),
            (vec![with(Failed), with(Refunded)], Reconciliation::Failed),
        ] {
            let millisecond = SignedDuration::from_millis(1);
            assert_eq!(reconcile(&purchase, &found, samples::NOW + WEEK), before);
            let after = reconcile(&purchase, &found, samples::NOW + WEEK + millisecond);
            assert_eq!(after, Reconciliation::Close);
        }
    }

    #[test]
    fn an_order_is_queried_again_when_its_age_has_doubled() {
        let minutes = SignedDuration::from_mins;
        let mut purchase = samples::created("order_A", 10);
        let due =
            |purchase: &Purchase, at| is_due(purchase, minutes(5), samples::NOW + minutes(at));
        assert!(!due(&purchase, 4));
        assert!(due(&purchase, 5));
        let asked_at = Some(samples::NOW + minutes(6));
        purchase.state = PurchaseState::Created(Waiting { asked_at, ..Waiting::default() });
        assert!(!due(&purchase, 11));
        assert!(due(&purchase, 12));
        assert!(!due(&samples::captured("order_A", 10), 60), "a paid purchase is never due");

        let mut asked = 0;
        let mut purchase = samples::created("order_A", 10);
        for run in 1..=(7 * 24 * 12) {
            if due(&purchase, 5 * run) {
                asked += 1;
                let asked_at = Some(samples::NOW + minutes(5 * run));
                purchase.state = PurchaseState::Created(Waiting { asked_at, ..Waiting::default() });
            }
        }
        assert_eq!(asked, 11, "in a week of runs every five minutes");
    }
}
