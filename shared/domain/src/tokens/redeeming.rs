//! Redeeming tokens: which ones a student selects, which ones are redeemed, and the record of
//! that.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::Unacceptable;
use crate::ids::{AccountId, MessId, RazorpayOrderId, RefundId, SubmissionId, TokenId};
use crate::tokens::purchases::{Purchase, balance};

/// The most tokens that one submission redeems. A condition expression has room for
/// about this many.
pub const SUBMISSION_TOKENS_MAX: usize = 50;

/// The tokens that somebody wants to redeem: 1 to [`SUBMISSION_TOKENS_MAX`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// These very tokens.
    Tokens(BTreeSet<TokenId>),
    /// So many, those that expire first.
    Count(usize),
}

impl Selection {
    /// Selects tokens by id; a token that is named twice is refused.
    pub fn tokens(ids: Vec<TokenId>) -> Result<Self, Unacceptable> {
        let named = ids.len();
        let tokens: BTreeSet<TokenId> = ids.into_iter().collect();
        if tokens.len() != named {
            return Err(Unacceptable::new("names a token twice"));
        }
        Self::check_count(named)?;
        Ok(Self::Tokens(tokens))
    }

    /// Selects a number of tokens.
    pub fn count(count: usize) -> Result<Self, Unacceptable> {
        Self::check_count(count)?;
        Ok(Self::Count(count))
    }

    fn check_count(count: usize) -> Result<(), Unacceptable> {
        if (1..=SUBMISSION_TOKENS_MAX).contains(&count) {
            Ok(())
        } else {
            Err(Unacceptable::new(format!("must be 1 to {SUBMISSION_TOKENS_MAX} tokens")))
        }
    }
}

impl std::fmt::Display for Selection {
    /// The same text for the same selection.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count} tokens"),
            Self::Tokens(tokens) => tokens.iter().try_for_each(|token| write!(f, "{token} ")),
        }
    }
}

/// A decided redemption, to be committed under the condition that it repeats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redemption {
    /// The numbers to mark in each purchase.
    pub numbers: BTreeMap<RazorpayOrderId, BTreeSet<u16>>,
    /// The latest refund of each purchase that had one when this was decided.
    pub refund_ids: BTreeMap<RazorpayOrderId, RefundId>,
    /// The balance that is left.
    pub balance: usize,
}

impl Redemption {
    /// The redeemed tokens' ids, sorted.
    #[must_use]
    pub fn token_ids(&self) -> Vec<TokenId> {
        token_ids(&self.numbers)
    }
}

/// The ids of tokens that are named by their numbers, sorted.
pub(crate) fn token_ids(numbers: &BTreeMap<RazorpayOrderId, BTreeSet<u16>>) -> Vec<TokenId> {
    let of_purchase = |(order_id, numbers): (&RazorpayOrderId, &BTreeSet<u16>)| {
        let order_id = order_id.clone();
        numbers.clone().into_iter().map(move |number| TokenId::new(order_id.clone(), number))
    };
    numbers.iter().flat_map(of_purchase).collect()
}

/// Why tokens cannot be redeemed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RedeemRefusal {
    /// These are not the student's, or redeemed, given back or expired.
    #[error("some of the tokens cannot be redeemed")]
    TokensUnavailable(Vec<TokenId>),
    /// There are fewer than were asked for.
    #[error("{available} tokens are left, {requested} were asked for")]
    InsufficientTokens {
        /// How many can be redeemed.
        available: usize,
        /// How many were asked for.
        requested: usize,
    },
}

/// Decides which tokens a selection redeems at `now`.
///
/// For a count these are the ones that expire first; among those of one expiry, the ones
/// of the lowest order id and number, so that the same state gives the same choice.
pub fn redeem(
    purchases: &[Purchase],
    selection: &Selection,
    now: Timestamp,
) -> Result<Redemption, RedeemRefusal> {
    match selection {
        Selection::Tokens(tokens) => {
            Ok(redemption(purchases, choose_named(purchases, tokens, now)?, now))
        }
        Selection::Count(count) => redeem_count(purchases, *count, now),
    }
}

/// Decides which tokens are redeemed where as many are wanted as `count`: those that expire
/// first, as [`redeem`] does it, however many they are.
pub fn redeem_count(
    purchases: &[Purchase],
    count: usize,
    now: Timestamp,
) -> Result<Redemption, RedeemRefusal> {
    Ok(redemption(purchases, choose_first_to_expire(purchases, count, now)?, now))
}

fn redemption(purchases: &[Purchase], chosen: Chosen, now: Timestamp) -> Redemption {
    let redeemed: usize = chosen.values().map(BTreeSet::len).sum();
    let refund = |purchase: &Purchase| Some((purchase.order_id.clone(), purchase.refund_id?));
    Redemption {
        numbers: chosen,
        refund_ids: purchases.iter().filter_map(refund).collect(),
        balance: balance(purchases, now) - redeemed,
    }
}

type Chosen = BTreeMap<RazorpayOrderId, BTreeSet<u16>>;

fn choose_named(
    purchases: &[Purchase],
    tokens: &BTreeSet<TokenId>,
    now: Timestamp,
) -> Result<Chosen, RedeemRefusal> {
    let open: BTreeMap<&RazorpayOrderId, BTreeSet<u16>> = purchases
        .iter()
        .map(|purchase| (&purchase.order_id, purchase.open_numbers(now).collect()))
        .collect();
    let is_open = |token: &TokenId| {
        open.get(token.order_id()).is_some_and(|numbers| numbers.contains(&token.number()))
    };
    let unavailable: Vec<TokenId> =
        tokens.iter().filter(|token| !is_open(token)).cloned().collect();
    if !unavailable.is_empty() {
        return Err(RedeemRefusal::TokensUnavailable(unavailable));
    }
    let mut chosen = Chosen::new();
    for token in tokens {
        chosen.entry(token.order_id().clone()).or_default().insert(token.number());
    }
    Ok(chosen)
}

fn choose_first_to_expire(
    purchases: &[Purchase],
    count: usize,
    now: Timestamp,
) -> Result<Chosen, RedeemRefusal> {
    let available = balance(purchases, now);
    if available < count {
        return Err(RedeemRefusal::InsufficientTokens { available, requested: count });
    }
    let mut by_expiry: Vec<&Purchase> = purchases.iter().filter(|p| p.lot().is_some()).collect();
    by_expiry.sort_by_key(|purchase| {
        (purchase.lot().map(|lot| lot.expires_at), purchase.order_id.clone())
    });
    let mut chosen = Chosen::new();
    let open = by_expiry.into_iter().flat_map(|purchase| {
        purchase.open_numbers(now).map(|number| (purchase.order_id.clone(), number))
    });
    for (order_id, number) in open.take(count) {
        chosen.entry(order_id).or_default().insert(number);
    }
    Ok(chosen)
}

/// A recorded redemption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// Its id.
    pub submission_id: SubmissionId,
    /// Who redeemed.
    pub account_id: AccountId,
    /// In which mess.
    pub mess_id: MessId,
    /// The redeemed tokens.
    pub token_ids: Vec<TokenId>,
    /// When.
    pub submitted_at: Timestamp,
    /// The balance that it left.
    pub balance: usize,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokens::purchases::PurchaseState;
    use crate::tokens::purchases::samples::{NOW, captured, later_by_days, token};

    #[test]
    fn a_count_takes_the_tokens_that_expire_first() {
        let mut later = captured("order_A", 5);
        if let PurchaseState::Captured(lot) = &mut later.state {
            lot.expires_at = later_by_days(100);
        }
        let purchases = [later, captured("order_B", 2)];
        let chosen = redeem(&purchases, &Selection::Count(3), NOW).expect("enough tokens");
        let expected = [token("order_A", 1), token("order_B", 1), token("order_B", 2)];
        assert_eq!(chosen.token_ids(), expected);
        assert_eq!(chosen.balance, 4);
    }

    #[test]
    fn named_tokens_that_cannot_be_redeemed_are_named_in_the_refusal() {
        let mut bought = captured("order_A", 3);
        bought.redeemed.insert(2);
        let selection = Selection::tokens(vec![
            token("order_A", 1),
            token("order_A", 2),
            token("order_A", 4),
            token("order_Z", 1),
        ])
        .expect("all different");
        assert_eq!(
            redeem(&[bought], &selection, NOW),
            Err(RedeemRefusal::TokensUnavailable(vec![
                token("order_A", 2),
                token("order_A", 4),
                token("order_Z", 1)
            ]))
        );
    }

    #[test]
    fn a_selection_is_bounded_and_names_no_token_twice() {
        assert!(Selection::count(0).is_err());
        assert!(Selection::count(51).is_err());
        assert!(Selection::tokens(vec![]).is_err());
        assert!(Selection::tokens(vec![token("order_A", 1), token("order_A", 1)]).is_err());
    }

    #[test]
    fn tokens_that_are_given_back_or_reserved_for_it_cannot_be_redeemed() {
        let mut bought = captured("order_A", 3);
        bought.refunded = BTreeSet::from([2, 3]);
        let refund_id = RefundId::from_ulid(ulid::Ulid(7));
        bought.refund_id = Some(refund_id);
        let purchases = [bought];
        assert_eq!(balance(&purchases, NOW), 1);
        let decided = redeem(&purchases, &Selection::Count(2), NOW);
        assert_eq!(decided, Err(RedeemRefusal::InsufficientTokens { available: 1, requested: 2 }));
        let named = Selection::tokens(vec![token("order_A", 2)]).expect("one token");
        let decided = redeem(&purchases, &named, NOW);
        assert_eq!(decided, Err(RedeemRefusal::TokensUnavailable(vec![token("order_A", 2)])));
        let decided = redeem(&purchases, &Selection::Count(1), NOW).expect("one is left");
        assert_eq!(decided.refund_ids.into_values().collect::<Vec<_>>(), [refund_id]);
    }
}
