//! When a payment pays for a purchase. Only the stored purchase is trusted: what the
//! partner says of a payment must agree with it in amount and currency, and the money
//! must have been captured.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::ids::{RazorpayOrderId, RazorpayPaymentId};
use crate::money::Paise;
use crate::tokens::purchases::{Purchase, PurchaseState, Waiting};

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

/// How long the partner is asked for payments of an order that nobody told of: banks
/// report a payment days later ("late authorisation").
pub const ASKED_FOR: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What the partner's list of an unpaid purchase's payments means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reconciliation {
    /// This payment pays for it.
    Capture(Payment),
    /// Nothing is decided yet: look again later.
    Wait,
    /// Every payment so far failed: look again later.
    Failed,
    /// Nothing will come any more, as far as anybody can tell: stop looking.
    Close,
}

/// Judges an unpaid purchase by the payments that the partner has for its order.
#[must_use]
pub fn reconcile(purchase: &Purchase, payments: &[Payment], now: Timestamp) -> Reconciliation {
    let pays = |payment: &&Payment| settle(purchase, payment) == Ok(Settlement::Capture);
    if let Some(payment) = payments.iter().find(pays) {
        return Reconciliation::Capture(payment.clone());
    }
    // Money that went back is as good as none. Anything else may still become a payment,
    // or, where it is captured with another amount, is for a person to look at.
    let is_over = |payment: &Payment| {
        matches!(payment.status, PaymentStatus::Failed | PaymentStatus::Refunded)
    };
    if !payments.iter().all(is_over) {
        Reconciliation::Wait
    } else if now.duration_since(purchase.created_at) > ASKED_FOR {
        Reconciliation::Close
    } else if payments.is_empty() {
        Reconciliation::Wait
    } else {
        Reconciliation::Failed
    }
}

/// Whether the partner is to be asked now for payments of a purchase which is at least
/// `older_than` old: for the first time, or because its age has doubled since the last
/// time. An abandoned order is so asked for a dozen times in a week, and not each run.
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

    fn with(status: PaymentStatus) -> Payment {
        Payment { status, ..payment() }
    }

    const WEEK: SignedDuration = ASKED_FOR;

    #[test]
    fn a_captured_payment_among_failed_ones_is_found_however_late() {
        use PaymentStatus::{Captured, Failed};
        let purchase = samples::created("order_A", 10);
        let found = [with(Failed), with(Captured), with(Failed)];
        for now in [samples::NOW, samples::NOW + 10 * WEEK] {
            let decided = reconcile(&purchase, &found, now);
            assert_eq!(decided, Reconciliation::Capture(with(Captured)));
        }
    }

    #[test]
    fn what_may_still_become_a_payment_is_waited_for() {
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
        assert_eq!(decided, Reconciliation::Wait, "that is for a person to look at");
    }

    #[test]
    fn failures_and_silence_end_after_a_week() {
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
    fn an_order_is_asked_for_again_when_its_age_has_doubled() {
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
        assert!(!due(&samples::captured("order_A", 10), 60), "a paid one never");

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
