//! Warnings before tokens expire: each student is warned once per purchase.

use jiff::{SignedDuration, Timestamp};

use crate::tokens::purchases::Purchase;

/// How long before the tokens of a purchase expire the student is warned.
pub const WARNED_BEFORE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What to do about the expiry of a purchase's tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Warning {
    /// Check again later: it is too early, or a refund in progress may still fail and free
    /// tokens.
    Later,
    /// Warn the student now about this many tokens, at least one.
    Now(u16),
    /// No warning is needed: no token is left that can be redeemed.
    Never,
}

/// Decides whether to warn the student about `purchase` at `now`.
#[must_use]
pub fn warning(purchase: &Purchase, now: Timestamp) -> Warning {
    let Some(lot) = purchase.lot() else { return Warning::Never };
    let left = purchase.redeemable_numbers(now).count();
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
    fn a_student_is_warned_in_the_last_seven_days_before_expiry() {
        let purchase = captured("order_A", 3);
        assert_eq!(warning(&purchase, NOW + 83 * DAY - MILLISECOND), Warning::Later);
        assert_eq!(warning(&purchase, NOW + 83 * DAY), Warning::Now(3));
        assert_eq!(warning(&purchase, NOW + 90 * DAY - MILLISECOND), Warning::Now(3));
        assert_eq!(warning(&purchase, NOW + 90 * DAY), Warning::Never);
    }

    #[test]
    fn a_student_is_not_warned_about_redeemed_or_refunded_tokens() {
        let mut purchase = captured("order_A", 3);
        purchase.redeemed = BTreeSet::from([1, 2]);
        assert_eq!(warning(&purchase, NOW + 85 * DAY), Warning::Now(1));
        purchase.refunded = BTreeSet::from([3]);
        assert_eq!(warning(&purchase, NOW + 85 * DAY), Warning::Never);
        purchase.refunding = Some(RefundId::from_ulid(ulid::Ulid(1)));
        assert_eq!(warning(&purchase, NOW + 85 * DAY), Warning::Later, "the refund may still fail");
        assert_eq!(warning(&created("order_A", 3), NOW), Warning::Never);
    }
}
