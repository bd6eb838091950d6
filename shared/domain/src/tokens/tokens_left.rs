//! How many tokens a student has left, and until when. These figures stay right as time passes,
//! as long as no purchase changes, so they can be cached.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Unbounded};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::tokens::purchases::Purchase;

/// The number of tokens left, by expiry time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokensLeft(BTreeMap<Timestamp, usize>);

impl TokensLeft {
    /// The tokens of `purchases` that are left at `now`. Expired tokens are not included, so
    /// that the size depends on what the student has now, and not on everything ever bought.
    #[must_use]
    pub fn of(purchases: &[Purchase], now: Timestamp) -> Self {
        let mut left = BTreeMap::new();
        for purchase in purchases {
            let count = purchase.redeemable_numbers(now).count();
            if let Some(lot) = purchase.lot().filter(|_| count > 0) {
                *left.entry(lot.expires_at).or_default() += count;
            }
        }
        Self(left)
    }

    /// How many tokens can be redeemed at `now`, equal to
    /// [`crate::tokens::purchases::balance`].
    #[must_use]
    pub fn count(&self, now: Timestamp) -> usize {
        self.good(now).map(|(_, count)| count).sum()
    }

    /// The next tokens to expire after `now`: how many, and when. `None` if there are none.
    #[must_use]
    pub fn expiring_next(&self, now: Timestamp) -> Option<(usize, Timestamp)> {
        self.good(now).next().map(|(expires_at, count)| (*count, *expires_at))
    }

    fn good(&self, now: Timestamp) -> impl Iterator<Item = (&Timestamp, &usize)> {
        self.0.range((Excluded(now), Unbounded))
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::tokens::purchases::samples::{NOW, captured, created};
    use crate::tokens::purchases::{PurchaseState, balance};

    fn later_by_days(days: i64) -> Timestamp {
        NOW + SignedDuration::from_hours(24 * days)
    }

    fn expiring(order_id: &str, count: u16, days: i64) -> Purchase {
        let mut purchase = captured(order_id, count);
        if let PurchaseState::Captured(lot) = &mut purchase.state {
            lot.expires_at = later_by_days(days);
        }
        purchase
    }

    #[test]
    fn a_stored_count_stays_right_as_tokens_expire() {
        let mut used_up = captured("order_A", 1);
        used_up.redeemed.insert(1);
        let mut used = expiring("order_B", 4, 95);
        used.redeemed.insert(2);
        let same_day = expiring("order_C", 2, 95);
        let purchases =
            [used_up, used, same_day, expiring("order_D", 5, 100), created("order_E", 6)];
        let left = TokensLeft::of(&purchases, NOW);
        for (days, count, next) in [
            (0, 10, Some((5, later_by_days(95)))),
            (94, 10, Some((5, later_by_days(95)))),
            (95, 5, Some((5, later_by_days(100)))),
            (100, 0, None),
        ] {
            let now = later_by_days(days);
            assert_eq!((left.count(now), left.expiring_next(now)), (count, next), "{days}");
            assert_eq!(left.count(now), balance(&purchases, now), "{days}");
            // A later count gives the same next expiry.
            let counted_then = TokensLeft::of(&purchases, now);
            assert_eq!(counted_then.expiring_next(now), next, "{days}");
        }
    }

    #[test]
    fn only_tokens_that_are_left_are_stored_and_survive_json() {
        let mut used_up = expiring("order_A", 1, 90);
        used_up.redeemed.insert(1);
        let purchases = [used_up, expiring("order_B", 4, 95), expiring("order_C", 2, 99)];
        let left = TokensLeft::of(&purchases, later_by_days(95));
        let json = serde_json::to_string(&left).expect("plain data");
        assert_eq!(json, format!("{{\"{}\":2}}", later_by_days(99)));
        assert_eq!(serde_json::from_str::<TokensLeft>(&json).expect("the same form"), left);
    }
}
