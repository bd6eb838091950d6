//! Refunds: an owner gives unredeemed tokens back for money. A refund is decided and its
//! tokens are reserved at once; the partner then pays, and it is processed, or refuses,
//! and the tokens are available again. A purchase has at most one refund in hand.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::ids::{
    AccountId, MessId, RazorpayOrderId, RazorpayPaymentId, RazorpayRefundId, RefundId,
};
use crate::money::Paise;
use crate::payments::settlement::CURRENCY;
use crate::tokens::purchases::Purchase;

/// One giving back of tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refund {
    /// Its id.
    pub refund_id: RefundId,
    /// Whose tokens.
    pub account_id: AccountId,
    /// Of which mess.
    pub mess_id: MessId,
    /// Of which purchase.
    pub order_id: RazorpayOrderId,
    /// The payment from which the money goes back.
    pub payment_id: RazorpayPaymentId,
    /// The numbers of the tokens.
    pub numbers: BTreeSet<u16>,
    /// Their price.
    pub amount: Paise,
    /// The owner who asked for it.
    pub requested_by: AccountId,
    /// When.
    pub requested_at: Timestamp,
    /// The partner's id of it, once known.
    pub razorpay_refund_id: Option<RazorpayRefundId>,
    /// How far it got.
    pub state: RefundState,
}

/// How far a refund got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefundState {
    /// The tokens are reserved; the money is not on its way yet.
    Pending,
    /// The money is on its way.
    Processed(Timestamp),
    /// There is no money, and the tokens are available again.
    Failed(Timestamp, RefundFailure),
}

/// Why a refund failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundFailure {
    /// The partner refused to begin with it.
    RefusedByPartner,
    /// The partner began with it and could not do it.
    FailedAtPartner,
}

/// What an owner asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundRequest {
    /// The id of the refund that may come of it.
    pub refund_id: RefundId,
    /// How many tokens; all that are unredeemed where it is not said.
    pub count: Option<u16>,
    /// Who asks.
    pub requested_by: AccountId,
    /// When.
    pub requested_at: Timestamp,
}

/// What a request comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Requested {
    /// This refund, which is to be recorded now.
    New(Refund),
    /// This very thing was given back before, and nothing is left: the latest refund, which
    /// answers again.
    Replay(Refund),
}

/// Why tokens are not given back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RefundRefusal {
    /// The purchase was not paid.
    #[error("the purchase has not been paid, so there is nothing to give back")]
    NotRefundable,
    /// Another refund of the purchase is in hand.
    #[error("another refund of this purchase is in hand")]
    InProgress,
    /// Fewer are left than were asked for.
    #[error("{available} unredeemed tokens are left, {requested} were asked for")]
    InsufficientTokens {
        /// How many can be given back.
        available: u16,
        /// How many were asked for.
        requested: u16,
    },
}

/// Decides which tokens of `purchase` a request gives back: those with the highest numbers,
/// expired ones too, because the owner decides. `latest` is the purchase's latest refund.
pub fn request(
    purchase: &Purchase,
    latest: Option<Refund>,
    asked: &RefundRequest,
) -> Result<Requested, RefundRefusal> {
    let lot = purchase.lot().ok_or(RefundRefusal::NotRefundable)?;
    let left: Vec<u16> = purchase.left_numbers().rev().collect();
    let in_hand = purchase.refunding.is_some();
    // A failed refund gave nothing back, so it is no answer; nor is one of another size to
    // who says how many.
    let answers = |latest: &Refund| {
        let same_size = asked.count.is_none_or(|it| usize::from(it) == latest.numbers.len());
        same_size && (in_hand || !matches!(latest.state, RefundState::Failed(..)))
    };
    if left.is_empty()
        && let Some(latest) = latest.filter(answers)
    {
        return Ok(Requested::Replay(latest));
    }
    if in_hand {
        return Err(RefundRefusal::InProgress);
    }
    let available = u16::try_from(left.len()).expect("a purchase has at most 500 tokens");
    let wanted = asked.count.unwrap_or(available);
    if wanted == 0 || wanted > available {
        let requested = asked.count.unwrap_or(purchase.token_count);
        return Err(RefundRefusal::InsufficientTokens { available, requested });
    }
    Ok(Requested::New(Refund {
        refund_id: asked.refund_id,
        account_id: purchase.account_id,
        mess_id: purchase.mess_id.clone(),
        order_id: purchase.order_id.clone(),
        payment_id: lot.payment_id.clone(),
        numbers: left.into_iter().take(usize::from(wanted)).collect(),
        amount: purchase.price.checked_times(wanted).expect("no more than the whole purchase"),
        requested_by: asked.requested_by,
        requested_at: asked.requested_at,
        razorpay_refund_id: None,
        state: RefundState::Pending,
    }))
}

/// How far a refund got at the partner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartnerRefundStatus {
    /// Begun.
    Pending,
    /// The money is on its way.
    Processed,
    /// It did not work; the money is the merchant's again.
    Failed,
    /// Something that the partner has invented since.
    #[serde(other)]
    Unknown,
}

/// What the partner says of a refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartnerRefund {
    /// The partner's id of it.
    pub razorpay_refund_id: RazorpayRefundId,
    /// From which payment.
    pub payment_id: RazorpayPaymentId,
    /// How much.
    pub amount: Paise,
    /// Its ISO 4217 currency.
    pub currency: String,
    /// How far it got.
    pub status: PartnerRefundStatus,
}

/// What news of a refund mean for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefundNews {
    /// It is processed, and was not yet.
    Processed,
    /// It failed, and had not yet.
    Failed(RefundFailure),
    /// The partner is at it.
    Begun,
    /// Nothing: it was finished before.
    Old,
    /// It was finished the other way before, so that money and tokens are both with the
    /// student, or both with the mess: a person must look.
    Contradiction,
    /// The news are about another payment, amount or refund: a person must look.
    Foreign,
}

/// Judges what the partner says of `refund`. What is finished stays as it is.
#[must_use]
pub fn judge(refund: &Refund, found: &PartnerRefund) -> RefundNews {
    let known = refund.razorpay_refund_id.as_ref();
    let agrees = found.payment_id == refund.payment_id
        && found.amount == refund.amount
        && found.currency == CURRENCY
        && known.is_none_or(|known| *known == found.razorpay_refund_id);
    if !agrees {
        return RefundNews::Foreign;
    }
    match (refund.state, found.status) {
        (RefundState::Failed(..), PartnerRefundStatus::Processed)
        | (RefundState::Processed(_), PartnerRefundStatus::Failed) => RefundNews::Contradiction,
        (RefundState::Processed(_) | RefundState::Failed(..), _) => RefundNews::Old,
        (RefundState::Pending, PartnerRefundStatus::Processed) => RefundNews::Processed,
        (RefundState::Pending, PartnerRefundStatus::Failed) => {
            RefundNews::Failed(RefundFailure::FailedAtPartner)
        }
        (RefundState::Pending, PartnerRefundStatus::Pending | PartnerRefundStatus::Unknown) => {
            RefundNews::Begun
        }
    }
}

/// For how long the partner's idempotency is relied upon. How long it remembers a key is
/// not documented; later than this its list of refunds is read before it is asked again.
const KEY_TRUSTED_FOR: SignedDuration = SignedDuration::from_hours(1);

/// Whether the partner may have forgotten that it was asked for this refund.
#[must_use]
pub fn is_late(refund: &Refund, now: Timestamp) -> bool {
    now.duration_since(refund.requested_at) > KEY_TRUSTED_FOR
}

/// For how long a refusal may only say that an earlier try is still on its way at the
/// partner, whose list does not show it yet: the partner refuses a refund with the same
/// status while it is busy with the payment.
const REFUSAL_DOUBTED_FOR: SignedDuration = SignedDuration::from_mins(10);

/// Whether the partner's refusal of this refund can be believed, rather than asked about
/// again.
#[must_use]
pub fn refusal_is_believed(refund: &Refund, now: Timestamp) -> bool {
    now.duration_since(refund.requested_at) > REFUSAL_DOUBTED_FOR
}

#[cfg(test)]
mod tests {
    use ulid::Ulid;

    use super::*;
    use crate::tokens::purchases::samples::{NOW, captured, created};

    const ID: RefundId = RefundId::from_ulid(Ulid(7));

    fn ask(
        purchase: &Purchase,
        latest: Option<&Refund>,
        count: Option<u16>,
    ) -> Result<Requested, RefundRefusal> {
        let requested_by = AccountId::from_ulid(Ulid(2));
        let refund_id = RefundId::from_ulid(Ulid(8));
        let asked = RefundRequest { refund_id, count, requested_by, requested_at: NOW };
        request(purchase, latest.cloned(), &asked)
    }

    /// The numbers and the amount of a new refund.
    fn given_back(decided: Result<Requested, RefundRefusal>) -> (Vec<u16>, u64) {
        match decided {
            Ok(Requested::New(refund)) => {
                (refund.numbers.into_iter().collect(), refund.amount.get())
            }
            other => panic!("{other:?}"),
        }
    }

    /// A purchase of which `redeemed` and `refunded` are gone, and its latest refund.
    fn used(count: u16, redeemed: &[u16], refunded: &[u16], in_hand: bool) -> (Purchase, Refund) {
        let mut purchase = captured("order_A", count);
        purchase.redeemed = redeemed.iter().copied().collect();
        purchase.refunded = refunded.iter().copied().collect();
        purchase.refund_id = Some(ID);
        purchase.refunding = in_hand.then_some(ID);
        let Ok(Requested::New(refund)) = ask(&captured("order_A", count), None, None) else {
            panic!("a paid purchase can be given back");
        };
        let state = if in_hand { RefundState::Pending } else { RefundState::Processed(NOW) };
        let numbers = purchase.refunded.clone();
        (purchase, Refund { refund_id: ID, numbers, state, ..refund })
    }

    fn partner(refund: &Refund, status: PartnerRefundStatus) -> PartnerRefund {
        PartnerRefund {
            razorpay_refund_id: RazorpayRefundId::parse("rfnd_1").expect("an id"),
            payment_id: refund.payment_id.clone(),
            amount: refund.amount,
            currency: "INR".into(),
            status,
        }
    }

    #[test]
    fn all_that_is_unredeemed_is_given_back_or_as_much_as_is_asked_for_from_the_end() {
        let mut purchase = captured("order_A", 6);
        purchase.redeemed = BTreeSet::from([1, 6]);
        assert_eq!(given_back(ask(&purchase, None, None)), (vec![2, 3, 4, 5], 20_000));
        assert_eq!(given_back(ask(&purchase, None, Some(2))), (vec![4, 5], 10_000));
        let refused = RefundRefusal::InsufficientTokens { available: 4, requested: 5 };
        assert_eq!(ask(&purchase, None, Some(5)), Err(refused));
    }

    #[test]
    fn what_is_not_paid_is_not_given_back() {
        let decided = ask(&created("order_A", 6), None, None);
        assert_eq!(decided, Err(RefundRefusal::NotRefundable));
    }

    #[test]
    fn one_refund_of_a_purchase_is_in_hand() {
        let (purchase, latest) = used(6, &[1], &[5, 6], true);
        for count in [None, Some(1), Some(9)] {
            let decided = ask(&purchase, Some(&latest), count);
            assert_eq!(decided, Err(RefundRefusal::InProgress), "{count:?}");
        }
    }

    #[test]
    fn where_everything_was_given_back_the_latest_refund_answers_who_asks_for_as_many_or_all() {
        for in_hand in [true, false] {
            let (purchase, latest) = used(6, &[1, 2], &[3, 4, 5, 6], in_hand);
            for count in [None, Some(4)] {
                assert_eq!(
                    ask(&purchase, Some(&latest), count),
                    Ok(Requested::Replay(latest.clone()))
                );
            }
            for requested in [1, 3, 5] {
                let refused = if in_hand {
                    RefundRefusal::InProgress
                } else {
                    RefundRefusal::InsufficientTokens { available: 0, requested }
                };
                assert_eq!(ask(&purchase, Some(&latest), Some(requested)), Err(refused));
            }
        }
    }

    #[test]
    fn where_everything_was_redeemed_nothing_is_given_back() {
        let mut purchase = captured("order_A", 2);
        purchase.redeemed = BTreeSet::from([1, 2]);
        let refused = RefundRefusal::InsufficientTokens { available: 0, requested: 2 };
        assert_eq!(ask(&purchase, None, None), Err(refused));
        let (purchase, mut failed) = used(2, &[1, 2], &[], false);
        failed.state = RefundState::Failed(NOW, RefundFailure::RefusedByPartner);
        let refused = RefundRefusal::InsufficientTokens { available: 0, requested: 1 };
        assert_eq!(ask(&purchase, Some(&failed), Some(1)), Err(refused));
    }

    #[test]
    fn news_of_a_pending_refund_finish_it_and_of_a_finished_one_do_nothing() {
        use PartnerRefundStatus::{Failed, Pending, Processed, Unknown};
        let (_, mut refund) = used(6, &[], &[5, 6], true);
        for (status, news) in [
            (Pending, RefundNews::Begun),
            (Unknown, RefundNews::Begun),
            (Processed, RefundNews::Processed),
            (Failed, RefundNews::Failed(RefundFailure::FailedAtPartner)),
        ] {
            assert_eq!(judge(&refund, &partner(&refund, status)), news);
        }
        let failed = RefundState::Failed(NOW, RefundFailure::FailedAtPartner);
        for (state, status) in [
            (RefundState::Processed(NOW), Pending),
            (RefundState::Processed(NOW), Unknown),
            (RefundState::Processed(NOW), Processed),
            (failed, Pending),
            (failed, Unknown),
            (failed, Failed),
        ] {
            refund.state = state;
            assert_eq!(judge(&refund, &partner(&refund, status)), RefundNews::Old);
        }
    }

    #[test]
    fn news_that_a_refund_was_finished_the_other_way_are_a_contradiction() {
        let (_, mut refund) = used(6, &[], &[5, 6], true);
        for (state, status) in [
            (RefundState::Processed(NOW), PartnerRefundStatus::Failed),
            (
                RefundState::Failed(NOW, RefundFailure::RefusedByPartner),
                PartnerRefundStatus::Processed,
            ),
        ] {
            refund.state = state;
            assert_eq!(judge(&refund, &partner(&refund, status)), RefundNews::Contradiction);
        }
    }

    #[test]
    fn news_of_another_payment_amount_currency_or_refund_finish_nothing() {
        let (_, mut refund) = used(6, &[], &[5, 6], true);
        let good = partner(&refund, PartnerRefundStatus::Processed);
        let other = RazorpayPaymentId::parse("pay_9").expect("an id");
        for found in [
            PartnerRefund { amount: Paise::new(1), ..good.clone() },
            PartnerRefund { payment_id: other, ..good.clone() },
            PartnerRefund { currency: "USD".into(), ..good.clone() },
        ] {
            assert_eq!(judge(&refund, &found), RefundNews::Foreign, "{found:?}");
        }
        refund.razorpay_refund_id = Some(RazorpayRefundId::parse("rfnd_2").expect("an id"));
        assert_eq!(judge(&refund, &good), RefundNews::Foreign);
    }

    #[test]
    fn the_partner_is_trusted_to_remember_a_refund_for_an_hour() {
        let (_, refund) = used(6, &[], &[6], true);
        let hour = SignedDuration::from_hours(1);
        assert!(!is_late(&refund, refund.requested_at + hour));
        assert!(is_late(&refund, refund.requested_at + hour + SignedDuration::from_millis(1)));
    }

    #[test]
    fn a_refusal_is_believed_after_ten_minutes() {
        let (_, refund) = used(6, &[], &[6], true);
        let doubted = refund.requested_at + SignedDuration::from_mins(10);
        assert!(!refusal_is_believed(&refund, doubted));
        assert!(refusal_is_believed(&refund, doubted + SignedDuration::from_millis(1)));
    }
}
