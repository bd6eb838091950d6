//! Orders of stocked items. An order reserves its portions at once and is processed a
//! moment later: then its tokens are redeemed, or it fails and the portions go back.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::accounts::identity::AccountStatus;
use crate::ids::{AccountId, MessId, OrderId, RazorpayOrderId};
use crate::orders::limits::ORDER_TOKENS_MAX;
use crate::orders::menu::{Item, ItemName, PriceTokens, Sku};
use crate::tokens::purchases::Purchase;
use crate::tokens::redeeming::{Redemption, redeem_count};

/// One item of an order, as it was when the order was placed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderLine {
    /// What it is known by.
    pub sku: Sku,
    /// What it was called.
    pub name: ItemName,
    /// How many portions.
    pub quantity: u16,
    /// What one portion cost, in tokens.
    pub price_tokens: PriceTokens,
}

/// What lines cost together, in tokens.
fn total(lines: &[OrderLine]) -> u32 {
    lines.iter().map(|line| u32::from(line.quantity) * u32::from(line.price_tokens.get())).sum()
}

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub enum OrderStatus {
    /// Accepted, its portions reserved; to be processed.
    Pending,
    /// Paid with tokens; to be collected.
    Processed,
    /// Not paid; its portions went back.
    Failed,
    /// Called off by the student; its portions went back.
    Cancelled,
    /// Handed over.
    Collected,
}

impl OrderStatus {
    /// The status's name in JSON and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Processed => "Processed",
            Self::Failed => "Failed",
            Self::Cancelled => "Cancelled",
            Self::Collected => "Collected",
        }
    }
}

/// Why an order failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailureReason {
    /// The student had fewer tokens than it costs.
    InsufficientTokens,
    /// The student was shut out, or is no longer of this mess.
    AccountClosed,
    /// An item was taken off the menu.
    ItemUnavailable,
    /// The mess is gone.
    MessUnknown,
}

/// The tokens that an order redeemed: their numbers, by purchase.
pub type RedeemedTokens = BTreeMap<RazorpayOrderId, BTreeSet<u16>>;

/// An order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its id.
    pub order_id: OrderId,
    /// Who ordered.
    pub account_id: AccountId,
    /// In which mess.
    pub mess_id: MessId,
    /// What.
    pub lines: Vec<OrderLine>,
    /// What it costs, in tokens: at most [`ORDER_TOKENS_MAX`].
    pub total: u16,
    /// Where it stands.
    pub status: OrderStatus,
    /// Why it failed, if it did.
    pub failure: Option<FailureReason>,
    /// The tokens that it redeemed, if it was processed.
    pub tokens: RedeemedTokens,
    /// How often its status was set: 1 when it is placed, and one more with each change.
    pub version: u32,
    /// When it was placed.
    pub created_at: Timestamp,
    /// When its status was last set.
    pub updated_at: Timestamp,
    /// When its tokens were redeemed, if it was processed.
    pub processed_at: Option<Timestamp>,
    /// When it was last found to have waited too long.
    pub swept_at: Option<Timestamp>,
}

/// Why what somebody wants with an order cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderRefusal {
    /// It costs more than [`ORDER_TOKENS_MAX`].
    #[error("the order costs {total} tokens")]
    TooLarge {
        /// What it costs.
        total: u32,
    },
    /// It can no longer be called off.
    #[error("the order is no longer pending")]
    NotPending(OrderStatus),
    /// There is nothing to hand over, yet or at all.
    #[error("the order is not processed")]
    NotProcessed(OrderStatus),
    /// It was handed over before.
    #[error("the order was collected before")]
    AlreadyCollected {
        /// When.
        at: Timestamp,
    },
}

/// What is known when an order is processed.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances<'a> {
    /// Where the student's account stands, if it is of the order's mess.
    pub account: Option<AccountStatus>,
    /// Whether the mess exists.
    pub mess_exists: bool,
    /// Those of the order's items that are on the menu.
    pub menu: &'a [Item],
    /// The student's purchases.
    pub purchases: &'a [Purchase],
}

/// What becomes of a pending order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Processing {
    /// These tokens pay for it.
    Redeem(Redemption),
    /// It cannot be had.
    Fail(FailureReason),
}

impl Order {
    /// An order that is being placed at `now`.
    pub fn place(
        order_id: OrderId,
        account_id: AccountId,
        mess_id: MessId,
        lines: Vec<OrderLine>,
        now: Timestamp,
    ) -> Result<Self, OrderRefusal> {
        let costs = total(&lines);
        let total = u16::try_from(costs).ok().filter(|total| *total <= ORDER_TOKENS_MAX);
        Ok(Self {
            order_id,
            account_id,
            mess_id,
            lines,
            total: total.ok_or(OrderRefusal::TooLarge { total: costs })?,
            status: OrderStatus::Pending,
            failure: None,
            tokens: RedeemedTokens::new(),
            version: 1,
            created_at: now,
            updated_at: now,
            processed_at: None,
            swept_at: None,
        })
    }

    /// Decides what becomes of a pending order at `now`.
    #[must_use]
    pub fn process(&self, known: &Circumstances<'_>, now: Timestamp) -> Processing {
        if !known.mess_exists {
            return Processing::Fail(FailureReason::MessUnknown);
        }
        if known.account != Some(AccountStatus::Active) {
            return Processing::Fail(FailureReason::AccountClosed);
        }
        let on_menu = |sku: &Sku| known.menu.iter().any(|item| item.sku == *sku && item.available);
        if !self.lines.iter().all(|line| on_menu(&line.sku)) {
            return Processing::Fail(FailureReason::ItemUnavailable);
        }
        match redeem_count(known.purchases, usize::from(self.total), now) {
            Ok(redemption) => Processing::Redeem(redemption),
            Err(_) => Processing::Fail(FailureReason::InsufficientTokens),
        }
    }

    /// The order once these tokens paid for it.
    #[must_use]
    pub fn processed(&self, redemption: &Redemption, now: Timestamp) -> Self {
        let (tokens, processed_at) = (redemption.numbers.clone(), Some(now));
        Self { tokens, processed_at, ..self.with_status(OrderStatus::Processed, now) }
    }

    /// The order once it failed.
    #[must_use]
    pub fn failed(&self, reason: FailureReason, now: Timestamp) -> Self {
        Self { failure: Some(reason), ..self.with_status(OrderStatus::Failed, now) }
    }

    /// The order once its student called it off; nothing where that was done before, so
    /// that a student whose answer was lost may ask again.
    pub fn cancelled(&self, now: Timestamp) -> Result<Option<Self>, OrderRefusal> {
        match self.status {
            OrderStatus::Pending => Ok(Some(self.with_status(OrderStatus::Cancelled, now))),
            OrderStatus::Cancelled => Ok(None),
            other => Err(OrderRefusal::NotPending(other)),
        }
    }

    /// The order once it was handed over.
    pub fn collected(&self, now: Timestamp) -> Result<Self, OrderRefusal> {
        match self.status {
            OrderStatus::Processed => Ok(self.with_status(OrderStatus::Collected, now)),
            OrderStatus::Collected => Err(OrderRefusal::AlreadyCollected { at: self.updated_at }),
            other => Err(OrderRefusal::NotProcessed(other)),
        }
    }

    fn with_status(&self, status: OrderStatus, now: Timestamp) -> Self {
        Self { status, version: self.version + 1, updated_at: now, ..self.clone() }
    }

    /// Whether an order that waits to be processed is to be brought to mind again at `now`:
    /// after a minute, and each time its age has doubled since, at least once an hour.
    #[must_use]
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        let last = self.swept_at.unwrap_or(self.created_at);
        let pause = last.duration_since(self.created_at).clamp(SWEPT_AFTER, SWEPT_EACH);
        self.status == OrderStatus::Pending && now.duration_since(last) >= pause
    }
}

/// After how long a pending order is overdue for the first time.
pub const SWEPT_AFTER: SignedDuration = SignedDuration::from_secs(60);

/// How often at least an overdue order is brought to mind.
const SWEPT_EACH: SignedDuration = SignedDuration::from_hours(1);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::orders::basket::samples::{basket, item, lines};
    use crate::tokens::purchases::samples::{NOW, captured};

    fn order(entries: &[(&str, i64)], menu: &[Item]) -> Order {
        let lines = lines(&basket(entries), menu);
        let account = captured("order_A", 1).account_id;
        let mess = captured("order_A", 1).mess_id;
        Order::place(OrderId::of(account, NOW), account, mess, lines, NOW).expect("not too large")
    }

    fn known<'a>(menu: &'a [Item], purchases: &'a [Purchase]) -> Circumstances<'a> {
        Circumstances { account: Some(AccountStatus::Active), mess_exists: true, menu, purchases }
    }

    #[test]
    fn prices_are_the_menus() {
        let menu = [item("rice", 2), item("dal", 3)];
        let placed = order(&[("dal", 2), ("rice", 1)], &menu);
        assert_eq!((placed.total, placed.status, placed.version), (8, OrderStatus::Pending, 1));
    }

    #[test]
    fn an_order_has_an_upper_bound() {
        let menu = [Item { shards: vec![20], ..item("rice", 9) }];
        let account = captured("order_A", 1).account_id;
        let place = |count| {
            let mess = captured("order_A", 1).mess_id;
            let lines = lines(&basket(&[("rice", count)]), &menu);
            Order::place(OrderId::of(account, NOW), account, mess, lines, NOW)
        };
        assert_eq!(place(11).map(|order| order.total), Ok(99));
        assert_eq!(place(12), Err(OrderRefusal::TooLarge { total: 108 }));
    }

    #[test]
    fn an_order_is_paid_with_tokens_or_fails_with_the_first_reason() {
        let menu = [item("rice", 2)];
        let purchases = [captured("order_A", 4)];
        let placed = order(&[("rice", 2)], &menu);
        let paid = placed.process(&known(&menu, &purchases), NOW);
        let Processing::Redeem(redemption) = paid else { panic!("{paid:?}") };
        let processed = placed.processed(&redemption, NOW);
        assert_eq!(processed.tokens.values().map(BTreeSet::len).sum::<usize>(), 4);
        assert_eq!((processed.status, processed.version), (OrderStatus::Processed, 2));

        let fails = |known: Circumstances<'_>| placed.process(&known, NOW);
        let all_wrong =
            Circumstances { account: None, mess_exists: false, menu: &[], purchases: &[] };
        assert_eq!(fails(all_wrong), Processing::Fail(FailureReason::MessUnknown));
        let no_account = Circumstances { mess_exists: true, ..all_wrong };
        assert_eq!(fails(no_account), Processing::Fail(FailureReason::AccountClosed));
        let blocked = Circumstances { account: Some(AccountStatus::Blocked), ..no_account };
        assert_eq!(fails(blocked), Processing::Fail(FailureReason::AccountClosed));
        assert_eq!(fails(known(&[], &[])), Processing::Fail(FailureReason::ItemUnavailable));
        let withdrawn = [Item { available: false, ..item("rice", 2) }];
        assert_eq!(
            fails(known(&withdrawn, &purchases)),
            Processing::Fail(FailureReason::ItemUnavailable)
        );
        let fewer = [captured("order_A", 3)];
        assert_eq!(
            fails(known(&menu, &fewer)),
            Processing::Fail(FailureReason::InsufficientTokens)
        );
    }

    #[test]
    fn only_a_pending_order_is_called_off_and_only_a_processed_one_is_handed_over() {
        let menu = [item("rice", 1)];
        let pending = order(&[("rice", 1)], &menu);
        let redemption = redeem_count(&[captured("order_A", 1)], 1, NOW).expect("a token");
        let processed = pending.processed(&redemption, NOW);
        let failed = pending.failed(FailureReason::InsufficientTokens, NOW);
        let cancelled = pending.cancelled(NOW).expect("pending").expect("a change");
        let later = NOW + SignedDuration::from_mins(5);
        let collected = processed.collected(later).expect("processed");
        assert_eq!(cancelled.status, OrderStatus::Cancelled);
        assert_eq!(cancelled.cancelled(later), Ok(None), "it stays as it is");
        assert_eq!(collected.version, 3);
        let (at, processed_at) = (collected.updated_at, collected.processed_at);
        assert_eq!((at, processed_at), (later, Some(NOW)), "its tokens were redeemed before");
        for order in [&processed, &failed, &collected] {
            assert_eq!(order.cancelled(NOW), Err(OrderRefusal::NotPending(order.status)));
        }
        for order in [&pending, &failed, &cancelled] {
            assert_eq!(order.collected(NOW), Err(OrderRefusal::NotProcessed(order.status)));
        }
        assert_eq!(collected.collected(NOW), Err(OrderRefusal::AlreadyCollected { at: later }));
    }

    #[test]
    fn a_pending_order_is_overdue_at_one_two_four_minutes_and_so_on() {
        let mut waiting = order(&[("rice", 1)], &[item("rice", 1)]);
        let at = |minutes: i64| NOW + SignedDuration::from_mins(minutes);
        assert!(!waiting.is_overdue(at(1) - SignedDuration::from_millis(1)));
        for minutes in [1, 2, 4, 8, 16, 32, 64, 124, 184] {
            assert!(!waiting.is_overdue(at(minutes) - SignedDuration::from_millis(1)), "{minutes}");
            assert!(waiting.is_overdue(at(minutes)), "{minutes}");
            waiting.swept_at = Some(at(minutes));
        }
        let done = waiting.cancelled(NOW).expect("pending").expect("a change");
        assert!(!done.is_overdue(at(1_000)));
    }
}
