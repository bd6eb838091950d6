//! Tokens that are about to expire: each student is warned once for each purchase.

use jiff::{SignedDuration, Timestamp};

use crate::tokens::purchases::Purchase;

/// How long before its tokens expire a purchase's student is warned.
pub const WARNED_BEFORE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What is to be done about the expiry of a purchase's tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Warning {
    /// Look again later: there is time, or tokens may still come back from a refund.
    Later,
    /// Warn the student now of so many tokens, at least one.
    Now(u16),
    /// There is nothing to warn of: no token that can be redeemed is left.
    Never,
}

/// Decides whether the student who made `purchase` is to be warned at `now`.
#[must_use]
pub fn warning(purchase: &Purchase, now: Timestamp) -> Warning {
    let Some(lot) = purchase.lot() else { return Warning::Never };
    let left = purchase.open_numbers(now).count();
    let left = u16::try_from(left).expect("a purchase has at most 500 tokens");
    if now >= lot.expires_at {
        Warning::Never
    } else if lot.expires_at.duration_since(now) > WARNED_BEFORE {
        Warning::Later
    } else if left > 0 {
        Warning::Now(left)
    } else if purchase.refunding.is_some() {
        Warning::Later
    } else {
        Warning::Never
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::ids::RefundId;
    use crate::tokens::purchases::samples::{NOW, captured, created};

    const DAY: SignedDuration = SignedDuration::from_hours(24);
    const MILLISECOND: SignedDuration = SignedDuration::from_millis(1);

    #[test]
    fn a_student_is_warned_in_the_last_seven_days() {
        let purchase = captured("order_A", 3);
        assert_eq!(warning(&purchase, NOW + 83 * DAY - MILLISECOND), Warning::Later);
        assert_eq!(warning(&purchase, NOW + 83 * DAY), Warning::Now(3));
        assert_eq!(warning(&purchase, NOW + 90 * DAY - MILLISECOND), Warning::Now(3));
        assert_eq!(warning(&purchase, NOW + 90 * DAY), Warning::Never);
    }

    #[test]
    fn nobody_is_warned_of_tokens_that_are_gone() {
        let mut purchase = captured("order_A", 3);
        purchase.redeemed = BTreeSet::from([1, 2]);
        assert_eq!(warning(&purchase, NOW + 85 * DAY), Warning::Now(1));
        purchase.refunded = BTreeSet::from([3]);
        assert_eq!(warning(&purchase, NOW + 85 * DAY), Warning::Never);
        purchase.refunding = Some(RefundId::from_ulid(ulid::Ulid(1)));
        assert_eq!(warning(&purchase, NOW + 85 * DAY), Warning::Later, "they may come back");
        assert_eq!(warning(&created("order_A", 3), NOW), Warning::Never);
    }
}
