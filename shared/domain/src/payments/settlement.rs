//! When a payment pays for a purchase. Only the stored purchase is trusted: a payment at
//! Razorpay ("the partner") must match its order, amount and currency, and the money must be
//! captured.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::ids::{RazorpayOrderId, RazorpayPaymentId};
use crate::money::Paise;
use crate::payments::mismatches::Mismatch;
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
    /// How much of it Razorpay has given back.
    pub refunded: Paise,
    /// The part of the amount that Razorpay lists as its own fee, which the customer pays on top.
    pub customer_fee: Option<Paise>,
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

impl Payment {
    /// Whether the payment is of exactly `price`, apart from a fee that Razorpay lists.
    fn covers_exactly(&self, price: Paise) -> bool {
        let without_fee =
            self.customer_fee.and_then(|fee| self.amount.get().checked_sub(fee.get()));
        self.amount == price || without_fee == Some(price.get())
    }
}

/// Decides whether `payment` pays for `purchase`. A payment whose refund was requested no longer
/// pays for anything.
pub fn settle(purchase: &Purchase, payment: &Payment) -> Result<Settlement, PaymentRefusal> {
    if let PurchaseState::Captured(lot) = &purchase.state {
        return if lot.payment_id == payment.payment_id {
            Ok(Settlement::AlreadyCaptured)
        } else {
            Err(PaymentRefusal::PaidByAnother)
        };
    }
    let agrees = payment.order_id.as_ref() == Some(&purchase.order_id)
        && payment.covers_exactly(purchase.amount)
        && payment.currency == CURRENCY;
    let known = purchase.mismatches.get(&payment.payment_id);
    if !agrees || known.is_some_and(Mismatch::is_refunded) {
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
    Settle(Payment),
    /// This payment is authorized and must be captured at Razorpay. `instead_of` is the payment
    /// that was chosen before and came to nothing.
    Capture { payment: Payment, instead_of: Option<RazorpayPaymentId> },
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
        return Reconciliation::Settle(payment.clone());
    }
    if let Some(chosen) = to_capture(purchase, payments) {
        return chosen;
    }
    // A refunded payment counts as no payment. Any other payment may still become captured, or
    // was captured with another amount and needs a person to check it.
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

/// The authorized payment to capture, if there is one: of exactly the stored amount. While an
/// earlier choice may still be captured, no other payment is chosen.
fn to_capture(purchase: &Purchase, payments: &[Payment]) -> Option<Reconciliation> {
    let PurchaseState::Created(Waiting { capturing, .. }) = &purchase.state else { return None };
    let chosen = capturing.as_ref();
    let of_chosen = payments.iter().find(|payment| Some(&payment.payment_id) == chosen);
    let is_over = of_chosen.is_some_and(is_over);
    let instead_of = chosen.filter(|_| is_over).cloned();
    let payment = payments.iter().find(|payment| {
        let is_free = chosen.is_none() || is_over || Some(&payment.payment_id) == chosen;
        is_free
            && payment.status == PaymentStatus::Authorized
            && payment.order_id.as_ref() == Some(&purchase.order_id)
            && payment.amount == purchase.amount
            && payment.currency == CURRENCY
    })?;
    Some(Reconciliation::Capture { payment: payment.clone(), instead_of })
}

/// Whether a payment has failed or was refunded. It can still become captured, see
/// [`PaymentStatus::Failed`].
const fn is_over(payment: &Payment) -> bool {
    matches!(payment.status, PaymentStatus::Failed | PaymentStatus::Refunded)
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
            refunded: Paise::new(0),
            customer_fee: None,
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
            assert_eq!(decided, Reconciliation::Settle(with(Captured)));
        }
    }

    #[test]
    fn a_purchase_waits_while_a_payment_may_still_be_captured() {
        use PaymentStatus::{Created, Failed, Unknown};
        let purchase = samples::created("order_A", 10);
        for status in [Created, Unknown] {
            for now in [samples::NOW, samples::NOW + 2 * WEEK] {
                let found = [with(Failed), with(status)];
                assert_eq!(reconcile(&purchase, &found, now), Reconciliation::Wait, "{status:?}");
            }
        }
        let other_amount = Payment { amount: Paise::new(1), ..payment() };
        let decided = reconcile(&purchase, &[other_amount], samples::NOW + 2 * WEEK);
        assert_eq!(decided, Reconciliation::Wait, "an owner must decide about this payment");
    }

    #[test]
    fn a_listed_fee_explains_a_higher_amount_and_nothing_else() {
        let paid = |amount, fee: Option<u64>| Payment {
            amount: Paise::new(amount),
            customer_fee: fee.map(Paise::new),
            ..payment()
        };
        let purchase = samples::created("order_A", 10);
        for payment in [paid(51_180, Some(1_180)), paid(50_000, None), paid(50_000, Some(1_180))] {
            assert_eq!(settle(&purchase, &payment), Ok(Settlement::Capture), "{payment:?}");
        }
        for payment in [
            paid(51_180, None),
            paid(51_180, Some(1_179)),
            paid(51_180, Some(51_180)),
            paid(51_180, Some(u64::MAX)),
            paid(48_820, Some(1_180)),
            paid(49_999, Some(1)),
            paid(u64::MAX, Some(50_000)),
        ] {
            let decided = settle(&purchase, &payment);
            assert_eq!(decided, Err(PaymentRefusal::AmountMismatch), "{payment:?}");
        }
    }

    fn named(id: &str, status: PaymentStatus) -> Payment {
        Payment { payment_id: RazorpayPaymentId::parse(id).expect("an id"), ..with(status) }
    }

    #[test]
    fn an_authorized_payment_of_the_stored_amount_alone_is_to_be_captured() {
        use PaymentStatus::{Authorized, Captured, Failed};
        let purchase = samples::created("order_A", 10);
        let authorized = named("pay_2", Authorized);
        let found = [named("pay_1", Failed), authorized.clone(), named("pay_3", Authorized)];
        let capture = Reconciliation::Capture { payment: authorized.clone(), instead_of: None };
        assert_eq!(reconcile(&purchase, &found, samples::NOW), capture);
        for other in [
            Payment { amount: Paise::new(49_999), ..authorized.clone() },
            Payment { amount: Paise::new(50_001), ..authorized.clone() },
            Payment { currency: "USD".into(), ..authorized.clone() },
            Payment { order_id: None, ..authorized.clone() },
        ] {
            let decided = reconcile(&purchase, &[other], samples::NOW);
            assert_eq!(decided, Reconciliation::Wait);
        }
        let paid = named("pay_4", Captured);
        let decided = reconcile(&purchase, &[authorized, paid.clone()], samples::NOW);
        assert_eq!(decided, Reconciliation::Settle(paid), "no second payment is captured");
    }

    #[test]
    fn another_payment_is_captured_only_if_the_first_came_to_nothing() {
        use PaymentStatus::{Authorized, Created, Failed, Refunded};
        let mut purchase = samples::created("order_A", 10);
        let capturing = RazorpayPaymentId::parse("pay_1").ok();
        purchase.state =
            PurchaseState::Created(Waiting { capturing: capturing.clone(), ..Waiting::default() });
        let second = named("pay_2", Authorized);
        let decide = |first: PaymentStatus| {
            reconcile(&purchase, &[second.clone(), named("pay_1", first)], samples::NOW)
        };
        let first = named("pay_1", Authorized);
        let again = Reconciliation::Capture { payment: first, instead_of: None };
        assert_eq!(decide(Authorized), again);
        assert_eq!(decide(Created), Reconciliation::Wait);
        let alone = reconcile(&purchase, std::slice::from_ref(&second), samples::NOW);
        assert_eq!(alone, Reconciliation::Wait, "the list may be behind");
        for over in [Failed, Refunded] {
            let (payment, instead_of) = (second.clone(), capturing.clone());
            assert_eq!(decide(over), Reconciliation::Capture { payment, instead_of });
        }
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
