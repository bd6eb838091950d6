//! Redeeming tokens: a student's selection, the tokens that it redeems, and the record of the
//! redemption.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::Unacceptable;
use crate::ids::{AccountId, MessId, RazorpayOrderId, RefundId, SubmissionId, TokenId};
use crate::tokens::purchases::{Purchase, balance};

/// The maximum number of tokens in one submission: about as many as fit into a condition
/// expression.
pub const SUBMISSION_TOKENS_MAX: usize = 50;

/// The tokens that a student wants to redeem: 1 to [`SUBMISSION_TOKENS_MAX`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// Exactly these tokens.
    Tokens(BTreeSet<TokenId>),
    /// This many tokens, the ones that expire first.
    Count(usize),
}

impl Selection {
    /// Selects tokens by id; a duplicate is refused.
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
    /// Equal selections print equal text.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count} tokens"),
            Self::Tokens(tokens) => tokens.iter().try_for_each(|token| write!(f, "{token} ")),
        }
    }
}

/// A decided redemption. The write that commits it repeats the conditions of the decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redemption {
    /// The numbers to mark as redeemed in each purchase.
    pub numbers: BTreeMap<RazorpayOrderId, BTreeSet<u16>>,
    /// The latest refund of each purchase that had one at the time of the decision.
    pub refund_ids: BTreeMap<RazorpayOrderId, RefundId>,
    /// The balance after the redemption.
    pub balance: usize,
}

impl Redemption {
    /// The ids of the redeemed tokens, sorted.
    #[must_use]
    pub fn token_ids(&self) -> Vec<TokenId> {
        token_ids(&self.numbers)
    }
}

/// The ids of the tokens with these numbers, sorted.
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
    /// These tokens are not the student's, or are redeemed, refunded or expired.
    #[error("some of the tokens cannot be redeemed")]
    TokensUnavailable(Vec<TokenId>),
    /// Fewer tokens are left than requested.
    #[error("{available} tokens are left, {requested} were asked for")]
    InsufficientTokens {
        /// How many tokens can be redeemed.
        available: usize,
        /// How many tokens were requested.
        requested: usize,
    },
}

/// Decides which tokens a selection redeems at `now`.
///
/// A count selects the tokens that expire first. Among tokens with the same expiry, the lowest
/// order id and number come first, so that the same state gives the same choice.
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

/// Decides which `count` tokens are redeemed: the ones that expire first, as in [`redeem`], but
/// without the limit of a submission.
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
        .map(|purchase| (&purchase.order_id, purchase.redeemable_numbers(now).collect()))
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
        purchase.redeemable_numbers(now).map(|number| (purchase.order_id.clone(), number))
    });
    for (order_id, number) in open.take(count) {
        chosen.entry(order_id).or_default().insert(number);
    }
    Ok(chosen)
}

/// A recorded redemption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    pub submission_id: SubmissionId,
    pub account_id: AccountId,
    pub mess_id: MessId,
    pub token_ids: Vec<TokenId>,
    pub submitted_at: Timestamp,
    /// The balance after the redemption.
    pub balance: usize,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokens::purchases::PurchaseState;
    use crate::tokens::purchases::samples::{NOW, captured, later_by_days, token};

    #[test]
    fn a_count_redeems_the_tokens_that_expire_first() {
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
    fn the_refusal_lists_the_named_tokens_that_cannot_be_redeemed() {
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
    fn a_selection_is_bounded_and_has_no_duplicate_token() {
        assert!(Selection::count(0).is_err());
        assert!(Selection::count(51).is_err());
        assert!(Selection::tokens(vec![]).is_err());
        assert!(Selection::tokens(vec![token("order_A", 1), token("order_A", 1)]).is_err());
    }

    #[test]
    fn tokens_refunded_or_reserved_for_a_refund_cannot_be_redeemed() {
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
