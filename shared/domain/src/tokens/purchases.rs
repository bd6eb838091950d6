//! Purchases of meal tokens. A purchase is one database item. Once captured, it is a lot of
//! tokens, and each token is a number in it. The balance is never stored: it is computed from
//! the purchases.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::Unacceptable;
use crate::ids::{AccountId, MessId, RazorpayOrderId, RazorpayPaymentId, RefundId};
use crate::money::Paise;
use crate::payments::mismatches::Mismatch;
use crate::text::plain_schema;

/// The maximum number of tokens in one purchase.
pub const PURCHASE_TOKENS_MAX: u16 = 500;

/// The number of tokens in one purchase: 1 to [`PURCHASE_TOKENS_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "i64")]
pub struct PurchaseSize(u16);

plain_schema!(PurchaseSize: Integer, minimum = 1, maximum = PURCHASE_TOKENS_MAX);

impl PurchaseSize {
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl TryFrom<i64> for PurchaseSize {
    type Error = Unacceptable;

    fn try_from(count: i64) -> Result<Self, Self::Error> {
        let size = u16::try_from(count).ok().filter(|n| (1..=PURCHASE_TOKENS_MAX).contains(n));
        let refused = || Unacceptable::new(format!("must be 1 to {PURCHASE_TOKENS_MAX}"));
        size.map(Self).ok_or_else(refused)
    }
}

/// A purchase of tokens, from the creation of its Razorpay order on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purchase {
    /// Razorpay's order, which identifies the purchase.
    pub order_id: RazorpayOrderId,
    /// The buyer.
    pub account_id: AccountId,
    /// The mess in which the tokens are valid.
    pub mess_id: MessId,
    pub token_count: u16,
    /// The price of one token.
    pub price: Paise,
    /// The price of all tokens.
    pub amount: Paise,
    /// For how many days the tokens are valid after the capture.
    pub validity_days: u16,
    /// When the order was created.
    pub created_at: Timestamp,
    pub state: PurchaseState,
    /// The numbers of the redeemed tokens.
    pub redeemed: BTreeSet<u16>,
    /// The numbers of the tokens that are refunded or reserved for a refund.
    pub refunded: BTreeSet<u16>,
    /// The latest refund, whatever its state. Each new refund changes this id.
    pub refund_id: Option<RefundId>,
    /// The refund in progress, if there is one.
    pub refunding: Option<RefundId>,
    /// Captured payments of the order that did not pay for the purchase when they were found.
    pub mismatches: BTreeMap<RazorpayPaymentId, Mismatch>,
}

/// The state of a purchase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PurchaseState {
    /// Not paid. A failed payment does not end the purchase: the same order can be paid again,
    /// and the failed payment can still become captured.
    Created(Waiting),
    /// Paid: the purchase is a lot of tokens.
    Captured(Lot),
}

/// The payment attempts and queries of an unpaid purchase.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Waiting {
    /// When a payment failed.
    pub failed_at: Option<Timestamp>,
    /// When Razorpay was last queried for payments that were not reported.
    pub asked_at: Option<Timestamp>,
    /// When Razorpay was queried for the last time. A payment that is reported later still pays
    /// for the purchase.
    pub closed_at: Option<Timestamp>,
    /// The authorized payment that Thali captures, so that it never captures another one.
    pub capturing: Option<RazorpayPaymentId>,
}

/// The data that a capture adds to a purchase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lot {
    /// The captured payment.
    pub payment_id: RazorpayPaymentId,
    /// The payment method, such as `upi`.
    pub method: Option<String>,
    /// When the tokens became valid.
    pub captured_at: Timestamp,
    /// When the tokens expire (exclusive).
    pub expires_at: Timestamp,
}

impl Purchase {
    /// The captured lot, if the purchase is paid.
    #[must_use]
    pub const fn lot(&self) -> Option<&Lot> {
        match &self.state {
            PurchaseState::Captured(lot) => Some(lot),
            PurchaseState::Created(_) => None,
        }
    }

    /// When tokens paid at `captured_at` expire.
    #[must_use]
    pub fn expiry(&self, captured_at: Timestamp) -> Timestamp {
        captured_at + SignedDuration::from_hours(24 * i64::from(self.validity_days))
    }

    /// The numbers of the issued tokens that are neither redeemed nor refunded, expired or not,
    /// lowest first.
    #[must_use]
    pub fn unused_numbers(&self) -> impl DoubleEndedIterator<Item = u16> + '_ {
        let issued = if self.lot().is_some() { self.token_count } else { 0 };
        (1..=issued)
            .filter(|number| !self.redeemed.contains(number) && !self.refunded.contains(number))
    }

    /// The numbers of the tokens that can be redeemed at `now`, lowest first.
    pub fn redeemable_numbers(&self, now: Timestamp) -> impl Iterator<Item = u16> + '_ {
        let good = self.lot().is_some_and(|lot| now < lot.expires_at);
        self.unused_numbers().filter(move |_| good)
    }
}

/// How many tokens can be redeemed at `now`.
#[must_use]
pub fn balance(purchases: &[Purchase], now: Timestamp) -> usize {
    purchases.iter().map(|purchase| purchase.redeemable_numbers(now).count()).sum()
}

#[cfg(test)]
pub(crate) mod samples {
    //! Purchases for tests.

    use ulid::Ulid;

    use super::*;
    use crate::ids::TokenId;

    pub const NOW: Timestamp = Timestamp::constant(1_700_000_000, 0);

    pub fn later_by_days(days: i64) -> Timestamp {
        NOW + SignedDuration::from_hours(24 * days)
    }

    pub fn token(order_id: &str, number: u16) -> TokenId {
        TokenId::new(RazorpayOrderId::parse(order_id).expect("of Razorpay's form"), number)
    }

    pub fn created(order_id: &str, token_count: u16) -> Purchase {
        let price = Paise::new(5_000);
        Purchase {
            order_id: RazorpayOrderId::parse(order_id).expect("of Razorpay's form"),
            account_id: AccountId::from_ulid(Ulid(1)),
            mess_id: MessId::parse("mess_demo").expect("an id"),
            token_count,
            price,
            amount: price.checked_times(token_count).expect("small"),
            validity_days: 90,
            created_at: NOW,
            state: PurchaseState::Created(Waiting::default()),
            redeemed: BTreeSet::new(),
            refunded: BTreeSet::new(),
            refund_id: None,
            refunding: None,
            mismatches: BTreeMap::new(),
        }
    }

    pub fn captured(order_id: &str, token_count: u16) -> Purchase {
        let mut purchase = created(order_id, token_count);
        purchase.state = PurchaseState::Captured(Lot {
            payment_id: RazorpayPaymentId::parse("pay_1").expect("an id"),
            method: Some("upi".into()),
            captured_at: NOW,
            expires_at: purchase.expiry(NOW),
        });
        purchase
    }
}

#[cfg(test)]
mod tests {
    use super::samples::{NOW, captured, created};
    use super::*;

    #[test]
    fn only_captured_unexpired_and_unredeemed_tokens_count() {
        let mut bought = captured("order_A", 10);
        bought.redeemed = BTreeSet::from([1, 2, 3]);
        let purchases = [created("order_B", 5), bought];
        assert_eq!(balance(&purchases, NOW), 7);
        assert_eq!(balance(&purchases, NOW + SignedDuration::from_hours(24 * 90)), 0);
    }
}
