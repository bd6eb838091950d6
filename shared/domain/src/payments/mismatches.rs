//! Payments that were taken and pay for nothing: of another amount or currency than the price, or
//! a second payment of a paid purchase. An owner accepts such a payment, so that the purchase is
//! paid by it, or refunds it in full. A payment is never both accepted and refunded.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ids::{RazorpayPaymentId, RefundId};
use crate::money::Paise;
use crate::payments::refunds::{Refund, RefundRefusal, RefundRequest, RefundState};
use crate::payments::settlement::{CURRENCY, Payment, PaymentRefusal, PaymentStatus, settle};
use crate::tokens::purchases::Purchase;

/// A captured payment for a purchase that did not pay for it when it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    pub payment_id: RazorpayPaymentId,
    /// What was paid.
    pub amount: Paise,
    /// The ISO 4217 currency of the amount.
    pub currency: String,
    pub reason: MismatchReason,
    pub found_at: Timestamp,
    /// The refund of the payment, if one was requested and has not failed.
    pub refund_id: Option<RefundId>,
    /// When the refund was paid. Without `refund_id` it was made in Razorpay's dashboard.
    pub refunded_at: Option<Timestamp>,
}

/// Why a payment does not pay for its purchase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MismatchReason {
    /// More or less than the price was paid.
    Amount,
    /// Another currency than rupees was paid.
    Currency,
    /// Another payment has paid for the purchase.
    SecondPayment,
}

/// What became of a mismatch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MismatchStatus {
    /// An owner must decide.
    Open,
    /// The purchase is paid by this payment.
    Accepted,
    /// The payment is refunded, or its refund is in progress.
    Refunded,
}

/// Why a payment is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AcceptRefusal {
    /// Less than the price was paid, or not in rupees.
    #[error("the payment is less than the price, or not in rupees")]
    Underpaid,
    /// No payment of the purchase waits for a decision.
    #[error("no payment of this purchase waits for a decision")]
    Nothing,
}

/// The result of a request to accept a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acceptable<'a> {
    /// This payment can be accepted, if Razorpay still has the money.
    Now(&'a Mismatch),
    /// The purchase was paid by accepting this payment before.
    Before,
}

/// The result of a request to refund a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PaymentRefund {
    /// A new refund, to be recorded now.
    New(Box<Refund>),
    /// The payment already has this refund.
    Before(RefundId),
}

impl Mismatch {
    /// Whether the payment is refunded, or its refund is in progress.
    #[must_use]
    pub const fn is_refunded(&self) -> bool {
        self.refund_id.is_some() || self.refunded_at.is_some()
    }

    /// What became of the mismatch, which is one of `purchase`.
    #[must_use]
    pub fn status(&self, purchase: &Purchase) -> MismatchStatus {
        if purchase.lot().is_some_and(|lot| lot.payment_id == self.payment_id) {
            MismatchStatus::Accepted
        } else if self.is_refunded() {
            MismatchStatus::Refunded
        } else {
            MismatchStatus::Open
        }
    }
}

/// The mismatch that `payment` is for `purchase`, if it is one: a captured payment of its order
/// that does not pay for it and is not recorded yet.
#[must_use]
pub fn mismatch(purchase: &Purchase, payment: &Payment, found_at: Timestamp) -> Option<Mismatch> {
    let is_known = purchase.mismatches.contains_key(&payment.payment_id);
    let is_of_order = payment.order_id.as_ref() == Some(&purchase.order_id);
    let is_currency =
        payment.currency.len() == 3 && payment.currency.bytes().all(|it| it.is_ascii_uppercase());
    if is_known || !is_of_order || !is_currency || payment.status != PaymentStatus::Captured {
        return None;
    }
    let reason = match settle(purchase, payment) {
        Err(PaymentRefusal::AmountMismatch) if payment.currency != CURRENCY => {
            MismatchReason::Currency
        }
        Err(PaymentRefusal::AmountMismatch) => MismatchReason::Amount,
        Err(PaymentRefusal::PaidByAnother) => MismatchReason::SecondPayment,
        Ok(_) | Err(PaymentRefusal::NotCaptured) => return None,
    };
    Some(Mismatch {
        payment_id: payment.payment_id.clone(),
        amount: payment.amount,
        currency: payment.currency.clone(),
        reason,
        found_at,
        refund_id: None,
        refunded_at: None,
    })
}

/// Whether `payment` is a mismatch that was refunded in full at Razorpay and not by a request here.
#[must_use]
pub fn was_refunded_elsewhere(purchase: &Purchase, payment: &Payment) -> bool {
    let known = purchase.mismatches.get(&payment.payment_id);
    payment.status == PaymentStatus::Refunded
        && known.is_some_and(|known| known.status(purchase) == MismatchStatus::Open)
}

/// The mismatches of a purchase that wait for a decision, oldest first.
/// Whether an owner must still decide about a payment of the purchase.
#[must_use]
pub fn has_open(purchase: &Purchase) -> bool {
    !open(purchase).is_empty()
}

fn open(purchase: &Purchase) -> Vec<&Mismatch> {
    let is_open = |it: &&Mismatch| it.status(purchase) == MismatchStatus::Open;
    let mut open: Vec<&Mismatch> = purchase.mismatches.values().filter(is_open).collect();
    open.sort_by_key(|it| it.found_at);
    open
}

/// Decides which payment of `purchase` pays for it from now on: the named one, or else the oldest
/// that covers the price.
pub fn accept<'a>(
    purchase: &'a Purchase,
    named: Option<&RazorpayPaymentId>,
) -> Result<Acceptable<'a>, AcceptRefusal> {
    if let Some(lot) = purchase.lot() {
        let was_accepted = purchase.mismatches.contains_key(&lot.payment_id)
            && named.is_none_or(|named| *named == lot.payment_id);
        return if was_accepted { Ok(Acceptable::Before) } else { Err(AcceptRefusal::Nothing) };
    }
    let mut open = open(purchase);
    open.retain(|it| named.is_none_or(|named| *named == it.payment_id));
    if open.is_empty() {
        return Err(AcceptRefusal::Nothing);
    }
    let covers = |it: &&Mismatch| it.currency == CURRENCY && it.amount >= purchase.amount;
    open.into_iter().find(covers).map(Acceptable::Now).ok_or(AcceptRefusal::Underpaid)
}

/// Checks an accepted payment as Razorpay reports it now: it must still be captured, and what was
/// not refunded of it must cover the price.
pub fn check_accepted(purchase: &Purchase, payment: &Payment) -> Result<(), AcceptRefusal> {
    let is_of_order = payment.order_id.as_ref() == Some(&purchase.order_id);
    if payment.status != PaymentStatus::Captured || !is_of_order {
        return Err(AcceptRefusal::Nothing);
    }
    let left = payment.amount.get().saturating_sub(payment.refunded.get());
    let covers = payment.currency == CURRENCY && left >= purchase.amount.get();
    if covers { Ok(()) } else { Err(AcceptRefusal::Underpaid) }
}

/// Decides about the refund of a payment in full: of the named one, or of the oldest open
/// mismatch. If none is open, of the mismatch that was refunded last.
pub fn refund(purchase: &Purchase, asked: &RefundRequest) -> Result<PaymentRefund, RefundRefusal> {
    let is_meant = |it: &&Mismatch| {
        let is_named = asked.payment_id.as_ref().is_none_or(|named| *named == it.payment_id);
        is_named && it.status(purchase) != MismatchStatus::Accepted
    };
    let latest = || {
        let meant = purchase.mismatches.values().filter(is_meant);
        meant.max_by_key(|it| it.refund_id)
    };
    let meant = open(purchase).into_iter().find(is_meant).or_else(latest);
    let mismatch = meant.ok_or(RefundRefusal::NotRefundable)?;
    if let Some(refund_id) = mismatch.refund_id {
        return Ok(PaymentRefund::Before(refund_id));
    }
    if mismatch.refunded_at.is_some() {
        return Err(RefundRefusal::NotRefundable);
    }
    Ok(PaymentRefund::New(Box::new(Refund {
        refund_id: asked.refund_id,
        account_id: purchase.account_id,
        mess_id: purchase.mess_id.clone(),
        order_id: purchase.order_id.clone(),
        payment_id: mismatch.payment_id.clone(),
        numbers: std::collections::BTreeSet::new(),
        amount: mismatch.amount,
        currency: mismatch.currency.clone(),
        requested_by: asked.requested_by,
        requested_at: asked.requested_at,
        razorpay_refund_id: None,
        state: RefundState::Pending,
    })))
}

#[cfg(test)]
mod tests {
    use ulid::Ulid;

    use super::*;
    use crate::ids::{AccountId, RazorpayOrderId};
    use crate::tokens::purchases::samples::{NOW, captured, created};

    const REFUND: RefundId = RefundId::from_ulid(Ulid(7));

    fn pay(id: &str, amount: u64, currency: &str) -> Payment {
        Payment {
            payment_id: RazorpayPaymentId::parse(id).expect("an id"),
            order_id: Some(RazorpayOrderId::parse("order_A").expect("an id")),
            amount: Paise::new(amount),
            refunded: Paise::new(0),
            customer_fee: None,
            currency: currency.to_owned(),
            status: PaymentStatus::Captured,
            method: None,
        }
    }

    /// Records the mismatches that these payments are.
    fn with(mut purchase: Purchase, payments: &[Payment]) -> Purchase {
        for payment in payments {
            let found = mismatch(&purchase, payment, NOW).expect("a mismatch");
            purchase.mismatches.insert(payment.payment_id.clone(), found);
        }
        purchase
    }

    fn ask(payment_id: Option<&Payment>) -> RefundRequest {
        RefundRequest {
            refund_id: REFUND,
            count: None,
            payment_id: payment_id.map(|it| it.payment_id.clone()),
            requested_by: AccountId::from_ulid(Ulid(2)),
            requested_at: NOW,
        }
    }

    #[test]
    fn only_captured_payments_that_do_not_pay_are_mismatches() {
        let reason = |purchase: &Purchase, payment: &Payment| {
            mismatch(purchase, payment, NOW).map(|it| it.reason)
        };
        let unpaid = created("order_A", 10);
        for amount in [1, 49_999, 50_001, u64::MAX] {
            let payment = pay("pay_2", amount, "INR");
            assert_eq!(reason(&unpaid, &payment), Some(MismatchReason::Amount));
        }
        let dollars = pay("pay_2", 50_000, "USD");
        assert_eq!(reason(&unpaid, &dollars), Some(MismatchReason::Currency));
        assert_eq!(reason(&unpaid, &pay("pay_2", 50_000, "INR")), None);
        let paid = captured("order_A", 10);
        assert_eq!(reason(&paid, &pay("pay_1", 50_000, "INR")), None, "it has paid");
        let second = pay("pay_2", 50_000, "INR");
        assert_eq!(reason(&paid, &second), Some(MismatchReason::SecondPayment));
        let other_order = RazorpayOrderId::parse("order_B").ok();
        for payment in [
            Payment { status: PaymentStatus::Authorized, ..pay("pay_2", 1, "INR") },
            Payment { status: PaymentStatus::Refunded, ..pay("pay_2", 1, "INR") },
            Payment { order_id: other_order, ..pay("pay_2", 1, "INR") },
            Payment { order_id: None, ..pay("pay_2", 1, "INR") },
            pay("pay_2", 1, "rupees"),
            pay("pay_2", 1, ""),
        ] {
            assert_eq!(reason(&unpaid, &payment), None, "{payment:?}");
        }
        let known = with(unpaid, &[pay("pay_2", 1, "INR")]);
        assert_eq!(reason(&known, &pay("pay_2", 1, "INR")), None, "it is recorded");
    }

    #[test]
    fn a_payment_is_accepted_if_it_covers_the_price_in_rupees() {
        let (less, more) = (pay("pay_2", 49_999, "INR"), pay("pay_3", 50_001, "INR"));
        let dollars = pay("pay_4", 60_000, "USD");
        let purchase = with(created("order_A", 10), &[less.clone(), dollars.clone()]);
        assert_eq!(accept(&purchase, None), Err(AcceptRefusal::Underpaid));
        let purchase = with(purchase, std::slice::from_ref(&more));
        let Ok(Acceptable::Now(chosen)) = accept(&purchase, None) else { panic!("it covers") };
        assert_eq!(chosen.payment_id, more.payment_id);
        assert_eq!(accept(&purchase, Some(&less.payment_id)), Err(AcceptRefusal::Underpaid));
        assert_eq!(accept(&purchase, Some(&dollars.payment_id)), Err(AcceptRefusal::Underpaid));
        let unknown = RazorpayPaymentId::parse("pay_9").expect("an id");
        assert_eq!(accept(&purchase, Some(&unknown)), Err(AcceptRefusal::Nothing));
        assert_eq!(accept(&created("order_A", 10), None), Err(AcceptRefusal::Nothing));

        assert_eq!(check_accepted(&purchase, &more), Ok(()));
        assert_eq!(check_accepted(&purchase, &less), Err(AcceptRefusal::Underpaid));
        for gone in [
            Payment { status: PaymentStatus::Refunded, ..more.clone() },
            Payment { order_id: None, ..more.clone() },
        ] {
            assert_eq!(check_accepted(&purchase, &gone), Err(AcceptRefusal::Nothing), "{gone:?}");
        }
        let above = more.amount.get() - purchase.amount.get();
        for (refunded, expected) in [(above, Ok(())), (above + 1, Err(AcceptRefusal::Underpaid))] {
            let in_part = Payment { refunded: Paise::new(refunded), ..more.clone() };
            assert_eq!(check_accepted(&purchase, &in_part), expected, "{refunded}");
        }
    }

    #[test]
    fn a_payment_is_refunded_in_full_and_only_once() {
        let payment = pay("pay_2", 60_000, "USD");
        let mut purchase = with(created("order_A", 10), std::slice::from_ref(&payment));
        let Ok(PaymentRefund::New(new)) = refund(&purchase, &ask(None)) else { panic!("open") };
        assert_eq!((new.amount.get(), &*new.currency, new.numbers.len()), (60_000, "USD", 0));
        let recorded = purchase.mismatches.get_mut(&payment.payment_id).expect("recorded");
        recorded.refund_id = Some(REFUND);
        for asked in [ask(None), ask(Some(&payment))] {
            assert_eq!(refund(&purchase, &asked), Ok(PaymentRefund::Before(REFUND)));
        }
        assert_eq!(accept(&purchase, None), Err(AcceptRefusal::Nothing));
        let other = pay("pay_3", 60_000, "INR");
        let refused = refund(&purchase, &ask(Some(&other)));
        assert_eq!(refused, Err(RefundRefusal::NotRefundable));
    }

    #[test]
    fn a_payment_that_was_refunded_in_the_dashboard_needs_no_decision() {
        let payment = pay("pay_2", 60_000, "INR");
        let mut purchase = with(created("order_A", 10), std::slice::from_ref(&payment));
        assert!(!was_refunded_elsewhere(&purchase, &payment));
        let back = Payment { status: PaymentStatus::Refunded, ..payment.clone() };
        assert!(was_refunded_elsewhere(&purchase, &back));
        assert!(!was_refunded_elsewhere(&created("order_A", 10), &back), "it is not recorded");
        let recorded = purchase.mismatches.get_mut(&payment.payment_id).expect("recorded");
        recorded.refunded_at = Some(NOW);
        assert!(!was_refunded_elsewhere(&purchase, &back), "it is noted");
        assert_eq!(accept(&purchase, None), Err(AcceptRefusal::Nothing));
        assert_eq!(refund(&purchase, &ask(None)), Err(RefundRefusal::NotRefundable));
        let paid = Payment { amount: Paise::new(50_000), ..payment };
        assert_eq!(settle(&purchase, &paid), Err(PaymentRefusal::AmountMismatch));
    }

    #[test]
    fn a_payment_that_was_accepted_is_not_refunded_as_a_mismatch() {
        let payment = pay("pay_1", 50_001, "INR");
        let unpaid = with(created("order_A", 10), std::slice::from_ref(&payment));
        let accepted = Purchase { state: captured("order_A", 10).state, ..unpaid };
        let status = accepted.mismatches[&payment.payment_id].status(&accepted);
        assert_eq!(status, MismatchStatus::Accepted);
        assert_eq!(accept(&accepted, None), Ok(Acceptable::Before));
        assert_eq!(accept(&accepted, Some(&payment.payment_id)), Ok(Acceptable::Before));
        let refused = refund(&accepted, &ask(Some(&payment)));
        assert_eq!(refused, Err(RefundRefusal::NotRefundable));
        let paid_as_usual = captured("order_A", 10);
        assert_eq!(accept(&paid_as_usual, None), Err(AcceptRefusal::Nothing));
    }
}
