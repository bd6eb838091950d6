//! The history of tokens: whether each token can still be redeemed, or else what used it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::ids::{OrderId, SubmissionId, TokenId};
use crate::orders::order::Order;
use crate::tokens::purchases::{Lot, Purchase};
use crate::tokens::redeeming::{Submission, token_ids};

/// What a token was redeemed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RedeemedFor {
    /// A meal: the student submitted the token.
    Submission(SubmissionId),
    /// An order of items.
    Order(OrderId),
}

/// The state of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenState {
    /// The token can be redeemed.
    Available,
    /// The token was redeemed, for this purpose and at this time; `None` if the submission or
    /// order is not among the given ones.
    Redeemed(Option<(RedeemedFor, Timestamp)>),
    /// The token was refunded or is reserved for a refund, whether it has expired or not.
    Refunded,
    /// The token expired unused.
    Expired,
}

/// An issued token and its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedToken<'a> {
    pub token_id: TokenId,
    /// The purchase that contains the token.
    pub purchase: &'a Purchase,
    /// The capture that issued the token.
    pub lot: &'a Lot,
    pub fate: TokenState,
}

/// Every token ever issued, newest purchase first, with its state at `now`.
#[must_use]
pub fn history<'a>(
    purchases: &'a [Purchase],
    submissions: &[Submission],
    orders: &[Order],
    now: Timestamp,
) -> Vec<IssuedToken<'a>> {
    let redeemed_for = redeemed_for(submissions, orders);
    let mut captured: Vec<(&Purchase, &Lot)> =
        purchases.iter().filter_map(|purchase| Some((purchase, purchase.lot()?))).collect();
    captured.sort_by_key(|(purchase, lot)| {
        std::cmp::Reverse((lot.captured_at, purchase.order_id.clone()))
    });
    let of_purchase = |(purchase, lot): (&'a Purchase, &'a Lot)| {
        let redeemed_for = &redeemed_for;
        (1..=purchase.token_count).map(move |number| {
            let token_id = TokenId::new(purchase.order_id.clone(), number);
            let fate = if purchase.redeemed.contains(&number) {
                TokenState::Redeemed(redeemed_for.get(&token_id).copied())
            } else if purchase.refunded.contains(&number) {
                TokenState::Refunded
            } else if now < lot.expires_at {
                TokenState::Available
            } else {
                TokenState::Expired
            };
            IssuedToken { token_id, purchase, lot, fate }
        })
    };
    captured.into_iter().flat_map(of_purchase).collect()
}

/// The purpose and the time of each redeemed token.
fn redeemed_for(
    submissions: &[Submission],
    orders: &[Order],
) -> BTreeMap<TokenId, (RedeemedFor, Timestamp)> {
    let by_submission = submissions.iter().flat_map(|submission| {
        let by = (RedeemedFor::Submission(submission.submission_id), submission.submitted_at);
        submission.token_ids.iter().map(move |token| (token.clone(), by))
    });
    let processed = orders.iter().filter_map(|order| Some((order, order.processed_at?)));
    let by_order = processed.flat_map(|(order, at)| {
        let by = (RedeemedFor::Order(order.order_id), at);
        token_ids(&order.tokens).into_iter().map(move |token| (token, by))
    });
    by_submission.chain(by_order).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::slice::from_ref;

    use super::*;
    use crate::tokens::purchases::samples::{NOW, captured, later_by_days, token};
    use crate::tokens::redeeming::Redemption;

    #[test]
    fn the_history_shows_the_state_of_every_token() {
        let mut bought = captured("order_A", 6);
        bought.redeemed = BTreeSet::from([2, 5, 6]);
        bought.refunded.insert(4);
        let submission = Submission {
            submission_id: SubmissionId::from_ulid(ulid::Ulid(9)),
            account_id: bought.account_id,
            mess_id: bought.mess_id.clone(),
            token_ids: vec![token("order_A", 2)],
            submitted_at: NOW,
            balance: 2,
        };
        let order_id = OrderId::of(bought.account_id, NOW);
        let (account, mess) = (bought.account_id, bought.mess_id.clone());
        let order = Order::place(order_id, account, mess, Vec::new(), NOW).expect("costs nothing");
        let redemption = Redemption {
            numbers: BTreeMap::from([(bought.order_id.clone(), BTreeSet::from([5]))]),
            refund_ids: BTreeMap::new(),
            balance: 1,
        };
        let order = order.processed(&redemption, later_by_days(1));
        let order = order.collected(later_by_days(2)).expect("processed");
        let purchases = [bought];
        let issued = history(&purchases, from_ref(&submission), &[order], later_by_days(90));
        let fates: Vec<_> = issued.into_iter().map(|issued| issued.fate).collect();
        let submitted = (RedeemedFor::Submission(submission.submission_id), NOW);
        let ordered = (RedeemedFor::Order(order_id), later_by_days(1));
        let expected = [
            TokenState::Expired,
            TokenState::Redeemed(Some(submitted)),
            TokenState::Expired,
            // Refunded, not expired.
            TokenState::Refunded,
            TokenState::Redeemed(Some(ordered)),
            // The submission or order of this token was not given.
            TokenState::Redeemed(None),
        ];
        assert_eq!(fates, expected);
    }
}
