//! Refunds: an owner refunds a student's unredeemed tokens. First the refund is recorded and
//! its tokens are reserved. Then Razorpay ("the partner") either pays, and the refund is
//! processed, or refuses, and the tokens are available again. A purchase has at most one refund
//! in progress.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::ids::{
    AccountId, MessId, RazorpayOrderId, RazorpayPaymentId, RazorpayRefundId, RefundId,
};
use crate::money::Paise;
use crate::payments::settlement::CURRENCY;
use crate::tokens::purchases::Purchase;

/// A refund of some tokens of one purchase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refund {
    pub refund_id: RefundId,
    /// The student.
    pub account_id: AccountId,
    pub mess_id: MessId,
    /// The purchase.
    pub order_id: RazorpayOrderId,
    /// The payment that is refunded.
    pub payment_id: RazorpayPaymentId,
    /// The numbers of the refunded tokens. Empty if a payment that paid for no tokens is refunded,
    /// see [`crate::payments::mismatches`].
    pub numbers: BTreeSet<u16>,
    /// The price of these tokens, or the whole payment.
    pub amount: Paise,
    /// The ISO 4217 currency of the amount.
    pub currency: String,
    /// The owner who requested the refund.
    pub requested_by: AccountId,
    pub requested_at: Timestamp,
    /// Razorpay's id of the refund, once known.
    pub razorpay_refund_id: Option<RazorpayRefundId>,
    pub state: RefundState,
}

/// The progress of a refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefundState {
    /// The tokens are reserved; the money has not been sent yet.
    Pending,
    /// Razorpay has sent the money.
    Processed(Timestamp),
    /// No money is sent, and the tokens are available again.
    Failed(Timestamp, RefundFailure),
}

/// Why a refund failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundFailure {
    /// Razorpay refused to start the refund.
    RefusedByPartner,
    /// Razorpay started the refund but could not complete it.
    FailedAtPartner,
}

/// An owner's request for a refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundRequest {
    /// The id for a new refund, if this request creates one.
    pub refund_id: RefundId,
    /// How many tokens to refund; `None` means all unredeemed tokens.
    pub count: Option<u16>,
    /// A payment that paid for no tokens, if that one is to be refunded.
    pub payment_id: Option<RazorpayPaymentId>,
    /// The owner.
    pub requested_by: AccountId,
    pub requested_at: Timestamp,
}

/// The result of an accepted request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Requested {
    /// A new refund, to be recorded now.
    New(Refund),
    /// The same refund was made before, and no tokens are left: the latest refund is returned
    /// again.
    Replay(Refund),
}

/// Why a refund is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RefundRefusal {
    #[error("no payment is there that can be given back")]
    NotRefundable,
    /// Another refund of the purchase is in progress.
    #[error("another refund of this purchase is in progress")]
    InProgress,
    /// Fewer tokens are left than requested.
    #[error("{available} unredeemed tokens are left, {requested} were asked for")]
    InsufficientTokens {
        /// How many tokens can be refunded.
        available: u16,
        /// How many tokens were requested.
        requested: u16,
    },
}

/// Decides which tokens of `purchase` a request refunds: those with the highest numbers.
/// Expired tokens are included, because the owner decides. `latest` is the purchase's latest
/// refund.
pub fn request(
    purchase: &Purchase,
    latest: Option<Refund>,
    asked: &RefundRequest,
) -> Result<Requested, RefundRefusal> {
    let lot = purchase.lot().ok_or(RefundRefusal::NotRefundable)?;
    let left: Vec<u16> = purchase.unused_numbers().rev().collect();
    let in_hand = purchase.refunding.is_some();
    // A failed refund refunded nothing, so it cannot be returned as the result. Neither can a
    // refund of another size if the request names a count.
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
        currency: CURRENCY.to_owned(),
        requested_by: asked.requested_by,
        requested_at: asked.requested_at,
        razorpay_refund_id: None,
        state: RefundState::Pending,
    }))
}

/// The status of a refund at Razorpay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartnerRefundStatus {
    /// The refund has started.
    Pending,
    /// Razorpay has sent the money.
    Processed,
    /// The refund failed; the merchant has the money again.
    Failed,
    /// A status that Razorpay added later.
    #[serde(other)]
    Unknown,
}

/// A refund as Razorpay reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartnerRefund {
    pub razorpay_refund_id: RazorpayRefundId,
    /// The refunded payment.
    pub payment_id: RazorpayPaymentId,
    pub amount: Paise,
    /// The ISO 4217 currency of the amount.
    pub currency: String,
    pub status: PartnerRefundStatus,
}

/// What a report from Razorpay changes for a refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefundUpdate {
    /// A pending refund is now processed.
    Processed,
    /// A pending refund has now failed.
    Failed(RefundFailure),
    /// Razorpay is working on the refund.
    Begun,
    /// Nothing: the refund was finished before.
    Old,
    /// The refund had finished with the opposite result, so either the student or the mess now
    /// has both the money and the tokens. A person must check this.
    Contradiction,
    /// The report is about another payment, amount or refund. A person must check this.
    Foreign,
}

/// Decides what a report from Razorpay changes for `refund`. A finished refund never changes.
#[must_use]
pub fn judge(refund: &Refund, found: &PartnerRefund) -> RefundUpdate {
    let known = refund.razorpay_refund_id.as_ref();
    let agrees = found.payment_id == refund.payment_id
        && found.amount == refund.amount
        && found.currency == refund.currency
        && known.is_none_or(|known| *known == found.razorpay_refund_id);
    if !agrees {
        return RefundUpdate::Foreign;
    }
    match (refund.state, found.status) {
        (RefundState::Failed(..), PartnerRefundStatus::Processed)
        | (RefundState::Processed(_), PartnerRefundStatus::Failed) => RefundUpdate::Contradiction,
        (RefundState::Processed(_) | RefundState::Failed(..), _) => RefundUpdate::Old,
        (RefundState::Pending, PartnerRefundStatus::Processed) => RefundUpdate::Processed,
        (RefundState::Pending, PartnerRefundStatus::Failed) => {
            RefundUpdate::Failed(RefundFailure::FailedAtPartner)
        }
        (RefundState::Pending, PartnerRefundStatus::Pending | PartnerRefundStatus::Unknown) => {
            RefundUpdate::Begun
        }
    }
}

/// How long Thali relies on Razorpay's idempotency. Razorpay does not document how long it
/// remembers a key. After this time, Razorpay's list of refunds is read before a refund is
/// requested again.
const KEY_TRUSTED_FOR: SignedDuration = SignedDuration::from_hours(1);

/// Whether Razorpay may have forgotten that this refund was requested.
#[must_use]
pub fn is_late(refund: &Refund, now: Timestamp) -> bool {
    now.duration_since(refund.requested_at) > KEY_TRUSTED_FOR
}

/// How long a refusal is not final: Razorpay uses the same status while an earlier attempt is
/// still running, and does not list that attempt yet.
const REFUSAL_FINAL_AFTER: SignedDuration = SignedDuration::from_mins(10);

/// Whether Razorpay's refusal of this refund is final. Otherwise the refund must be requested
/// again.
#[must_use]
pub fn refusal_is_final(refund: &Refund, now: Timestamp) -> bool {
    now.duration_since(refund.requested_at) > REFUSAL_FINAL_AFTER
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
        let asked =
            RefundRequest { refund_id, count, payment_id: None, requested_by, requested_at: NOW };
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

    /// A purchase with these tokens redeemed and refunded, and its latest refund.
    fn used(count: u16, redeemed: &[u16], refunded: &[u16], in_hand: bool) -> (Purchase, Refund) {
        let mut purchase = captured("order_A", count);
        purchase.redeemed = redeemed.iter().copied().collect();
        purchase.refunded = refunded.iter().copied().collect();
        purchase.refund_id = Some(ID);
        purchase.refunding = in_hand.then_some(ID);
        let Ok(Requested::New(refund)) = ask(&captured("order_A", count), None, None) else {
            panic!("a paid purchase can be refunded");
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
    fn a_refund_takes_the_highest_unredeemed_numbers_or_all_of_them() {
        let mut purchase = captured("order_A", 6);
        purchase.redeemed = BTreeSet::from([1, 6]);
        assert_eq!(given_back(ask(&purchase, None, None)), (vec![2, 3, 4, 5], 20_000));
        assert_eq!(given_back(ask(&purchase, None, Some(2))), (vec![4, 5], 10_000));
        let refused = RefundRefusal::InsufficientTokens { available: 4, requested: 5 };
        assert_eq!(ask(&purchase, None, Some(5)), Err(refused));
    }

    #[test]
    fn an_unpaid_purchase_is_not_refunded() {
        let decided = ask(&created("order_A", 6), None, None);
        assert_eq!(decided, Err(RefundRefusal::NotRefundable));
    }

    #[test]
    fn a_purchase_has_only_one_refund_in_progress() {
        let (purchase, latest) = used(6, &[1], &[5, 6], true);
        for count in [None, Some(1), Some(9)] {
            let decided = ask(&purchase, Some(&latest), count);
            assert_eq!(decided, Err(RefundRefusal::InProgress), "{count:?}");
        }
    }

    #[test]
    fn a_repeated_request_after_a_full_refund_returns_the_latest_refund() {
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
    fn a_fully_redeemed_purchase_is_not_refunded() {
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
    fn a_report_finishes_a_pending_refund_but_never_changes_a_finished_one() {
        use PartnerRefundStatus::{Failed, Pending, Processed, Unknown};
        let (_, mut refund) = used(6, &[], &[5, 6], true);
        for (status, news) in [
            (Pending, RefundUpdate::Begun),
            (Unknown, RefundUpdate::Begun),
            (Processed, RefundUpdate::Processed),
            (Failed, RefundUpdate::Failed(RefundFailure::FailedAtPartner)),
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
            assert_eq!(judge(&refund, &partner(&refund, status)), RefundUpdate::Old);
        }
    }

    #[test]
    fn a_report_of_the_opposite_result_is_a_contradiction() {
        let (_, mut refund) = used(6, &[], &[5, 6], true);
        for (state, status) in [
            (RefundState::Processed(NOW), PartnerRefundStatus::Failed),
            (
                RefundState::Failed(NOW, RefundFailure::RefusedByPartner),
                PartnerRefundStatus::Processed,
            ),
        ] {
            refund.state = state;
            assert_eq!(judge(&refund, &partner(&refund, status)), RefundUpdate::Contradiction);
        }
    }

    #[test]
    fn a_report_that_does_not_match_the_refund_finishes_nothing() {
        let (_, mut refund) = used(6, &[], &[5, 6], true);
        let good = partner(&refund, PartnerRefundStatus::Processed);
        let other = RazorpayPaymentId::parse("pay_9").expect("an id");
        for found in [
            PartnerRefund { amount: Paise::new(1), ..good.clone() },
            PartnerRefund { payment_id: other, ..good.clone() },
            PartnerRefund { currency: "USD".into(), ..good.clone() },
        ] {
            assert_eq!(judge(&refund, &found), RefundUpdate::Foreign, "{found:?}");
        }
        refund.razorpay_refund_id = Some(RazorpayRefundId::parse("rfnd_2").expect("an id"));
        assert_eq!(judge(&refund, &good), RefundUpdate::Foreign);
    }

    #[test]
    fn the_partner_is_assumed_to_remember_a_refund_for_an_hour() {
        let (_, refund) = used(6, &[], &[6], true);
        let hour = SignedDuration::from_hours(1);
        assert!(!is_late(&refund, refund.requested_at + hour));
        assert!(is_late(&refund, refund.requested_at + hour + SignedDuration::from_millis(1)));
    }

    #[test]
    fn a_refusal_is_final_after_ten_minutes() {
        let (_, refund) = used(6, &[], &[6], true);
        let doubted = refund.requested_at + SignedDuration::from_mins(10);
        assert!(!refusal_is_final(&refund, doubted));
        assert!(refusal_is_final(&refund, doubted + SignedDuration::from_millis(1)));
    }
}
