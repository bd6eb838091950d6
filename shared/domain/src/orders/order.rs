//! Orders of stocked items. An order reserves its portions at once and is processed a moment
//! later: either its tokens are redeemed, or it fails and the portions go back into stock.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;
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
    pub sku: Sku,
    pub name: ItemName,
    /// The number of portions.
    pub quantity: u16,
    /// The price of one portion, in tokens.
    pub price_tokens: PriceTokens,
}

/// The total price of the lines, in tokens.
fn total(lines: &[OrderLine]) -> u32 {
    lines.iter().map(|line| u32::from(line.quantity) * u32::from(line.price_tokens.get())).sum()
}

/// The status of an order.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema, IntoStaticStr,
)]
#[strum(const_into_str)]
pub enum OrderStatus {
    /// Accepted; its portions are reserved, and it waits to be processed.
    Pending,
    /// Paid with tokens; ready to be collected.
    Processed,
    /// Not paid; its portions are back in stock.
    Failed,
    /// Cancelled by the student; its portions are back in stock.
    Cancelled,
    /// Collected by the student.
    Collected,
}

impl OrderStatus {
    /// The status's name in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }
}

/// Why an order failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailureReason {
    /// The student had fewer tokens than the order costs.
    InsufficientTokens,
    /// The student is not active, or no longer belongs to this mess.
    AccountClosed,
    /// An item was taken off the menu.
    ItemUnavailable,
    /// The mess does not exist any more.
    MessUnknown,
}

/// The numbers of the tokens that an order redeemed, by purchase.
pub type RedeemedTokens = BTreeMap<RazorpayOrderId, BTreeSet<u16>>;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    pub order_id: OrderId,
    pub account_id: AccountId,
    pub mess_id: MessId,
    pub lines: Vec<OrderLine>,
    /// The total price in tokens: at most [`ORDER_TOKENS_MAX`].
    pub total: u16,
    pub status: OrderStatus,
    /// Why the order failed, if it did.
    pub failure: Option<FailureReason>,
    /// The redeemed tokens, if the order was processed.
    pub tokens: RedeemedTokens,
    /// How often the status was set: 1 for a new order, and one more with each change.
    pub version: u32,
    /// When the order was placed.
    pub created_at: Timestamp,
    /// When the status was last set.
    pub updated_at: Timestamp,
    /// When the tokens were redeemed, if the order was processed.
    pub processed_at: Option<Timestamp>,
    /// When a sweep last found the order overdue.
    pub swept_at: Option<Timestamp>,
}

/// Why an order cannot be placed, cancelled or collected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderRefusal {
    /// The order costs more than [`ORDER_TOKENS_MAX`].
    #[error("the order costs {total} tokens")]
    TooLarge {
        /// The cost in tokens.
        total: u32,
    },
    /// The order can no longer be cancelled.
    #[error("the order is no longer pending")]
    NotPending(OrderStatus),
    /// The order is not ready to be collected, or never will be.
    #[error("the order is not processed")]
    NotProcessed(OrderStatus),
    /// The order was collected before.
    #[error("the order was collected before")]
    AlreadyCollected {
        /// When it was collected.
        at: Timestamp,
    },
}

/// The facts that decide how an order is processed.
#[derive(Debug, Clone, Copy)]
pub struct ProcessingInputs<'a> {
    /// The status of the student's account, if the account belongs to the order's mess.
    pub account: Option<AccountStatus>,
    pub mess_exists: bool,
    /// The order's items that are on the menu.
    pub menu: &'a [Item],
    /// The student's purchases.
    pub purchases: &'a [Purchase],
}

/// The outcome of processing a pending order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Processing {
    /// The order is paid with these tokens.
    Redeem(Redemption),
    /// The order fails.
    Fail(FailureReason),
}

impl Order {
    /// Places an order at `now`.
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

    /// Decides the outcome of a pending order at `now`.
    #[must_use]
    pub fn process(&self, known: &ProcessingInputs<'_>, now: Timestamp) -> Processing {
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

    /// The order after these tokens paid for it.
    #[must_use]
    pub fn processed(&self, redemption: &Redemption, now: Timestamp) -> Self {
        let (tokens, processed_at) = (redemption.numbers.clone(), Some(now));
        Self { tokens, processed_at, ..self.with_status(OrderStatus::Processed, now) }
    }

    /// The order after it failed.
    #[must_use]
    pub fn failed(&self, reason: FailureReason, now: Timestamp) -> Self {
        Self { failure: Some(reason), ..self.with_status(OrderStatus::Failed, now) }
    }

    /// The order after its student cancelled it, or `None` if it was cancelled before: a
    /// student who lost the response can repeat the request.
    pub fn cancelled(&self, now: Timestamp) -> Result<Option<Self>, OrderRefusal> {
        match self.status {
            OrderStatus::Pending => Ok(Some(self.with_status(OrderStatus::Cancelled, now))),
            OrderStatus::Cancelled => Ok(None),
            other => Err(OrderRefusal::NotPending(other)),
        }
    }

    /// The order after the student collected it.
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

    /// Whether a pending order must be queued again at `now`: one minute after it was placed,
    /// then each time its age has doubled since the last sweep, and at least once an hour.
    #[must_use]
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        let last = self.swept_at.unwrap_or(self.created_at);
        let pause =
            last.duration_since(self.created_at).clamp(FIRST_SWEEP_AFTER, SWEEP_INTERVAL_MAX);
        self.status == OrderStatus::Pending && now.duration_since(last) >= pause
    }
}

/// The age at which a pending order is overdue for the first time.
pub const FIRST_SWEEP_AFTER: SignedDuration = SignedDuration::from_secs(60);

/// The longest interval between two sweeps of an overdue order.
const SWEEP_INTERVAL_MAX: SignedDuration = SignedDuration::from_hours(1);

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

    fn known<'a>(menu: &'a [Item], purchases: &'a [Purchase]) -> ProcessingInputs<'a> {
        ProcessingInputs {
            account: Some(AccountStatus::Active),
            mess_exists: true,
            menu,
            purchases,
        }
    }

    #[test]
    fn an_order_costs_what_the_menu_says() {
        let menu = [item("rice", 2), item("dal", 3)];
        let placed = order(&[("dal", 2), ("rice", 1)], &menu);
        assert_eq!((placed.total, placed.status, placed.version), (8, OrderStatus::Pending, 1));
    }

    #[test]
    fn an_order_costs_at_most_ninety_nine_tokens() {
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
    fn an_order_is_paid_or_fails_with_the_first_applicable_reason() {
        let menu = [item("rice", 2)];
        let purchases = [captured("order_A", 4)];
        let placed = order(&[("rice", 2)], &menu);
        let paid = placed.process(&known(&menu, &purchases), NOW);
        let Processing::Redeem(redemption) = paid else { panic!("{paid:?}") };
        let processed = placed.processed(&redemption, NOW);
        assert_eq!(processed.tokens.values().map(BTreeSet::len).sum::<usize>(), 4);
        assert_eq!((processed.status, processed.version), (OrderStatus::Processed, 2));

        let fails = |known: ProcessingInputs<'_>| placed.process(&known, NOW);
        let all_wrong =
            ProcessingInputs { account: None, mess_exists: false, menu: &[], purchases: &[] };
        assert_eq!(fails(all_wrong), Processing::Fail(FailureReason::MessUnknown));
        let no_account = ProcessingInputs { mess_exists: true, ..all_wrong };
        assert_eq!(fails(no_account), Processing::Fail(FailureReason::AccountClosed));
        let blocked = ProcessingInputs { account: Some(AccountStatus::Blocked), ..no_account };
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
    fn only_pending_orders_can_be_cancelled_and_only_processed_ones_collected() {
        let menu = [item("rice", 1)];
        let pending = order(&[("rice", 1)], &menu);
        let redemption = redeem_count(&[captured("order_A", 1)], 1, NOW).expect("a token");
        let processed = pending.processed(&redemption, NOW);
        let failed = pending.failed(FailureReason::InsufficientTokens, NOW);
        let cancelled = pending.cancelled(NOW).expect("pending").expect("a change");
        let later = NOW + SignedDuration::from_mins(5);
        let collected = processed.collected(later).expect("processed");
        assert_eq!(cancelled.status, OrderStatus::Cancelled);
        assert_eq!(cancelled.cancelled(later), Ok(None), "it stays cancelled");
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
    fn the_interval_between_sweeps_doubles_up_to_one_hour() {
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
