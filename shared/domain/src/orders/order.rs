//! Orders of stocked items. An order reserves its portions at once and is processed a
//! moment later: then its tokens are redeemed, or it fails and the portions go back.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Unacceptable;
use crate::accounts::identity::AccountStatus;
use crate::ids::{AccountId, MessId, OrderId, RazorpayOrderId};
use crate::orders::menu::{Item, ItemName, Portion, PriceTokens, Quantity, Sku, take};
use crate::tokens::redeeming::{Purchase, Redemption, redeem_count};

/// The most entries of one order.
pub const ORDER_ITEMS_MAX: usize = 20;

/// The most tokens that one order costs. They may come from as many purchases, and a
/// transaction has room for a hundred items, of which one is the order.
pub const ORDER_TOKENS_MAX: u16 = 99;

/// What somebody wants to order: each item once, in the order in which it was first named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Basket(Vec<(Sku, u16)>);

/// Which entry of a basket is not acceptable, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadEntry {
    /// Its place, from 0.
    pub index: usize,
    /// Why.
    pub refusal: Unacceptable,
}

impl Basket {
    /// Takes 1 to [`ORDER_ITEMS_MAX`] entries. The portions of one item that is named more
    /// than once are added up, and bounded as those of one entry are.
    pub fn new(entries: Vec<(Sku, Quantity)>) -> Result<Result<Self, BadEntry>, Unacceptable> {
        if !(1..=ORDER_ITEMS_MAX).contains(&entries.len()) {
            return Err(Unacceptable::new(format!("must be 1 to {ORDER_ITEMS_MAX} items")));
        }
        let mut merged: Vec<(Sku, u16)> = Vec::new();
        for (index, (sku, quantity)) in entries.into_iter().enumerate() {
            let place = merged.iter().position(|(known, _)| *known == sku).unwrap_or_else(|| {
                merged.push((sku, 0));
                merged.len() - 1
            });
            let sum = merged[place].1 + quantity.get();
            if let Err(refusal) = Quantity::try_from(i64::from(sum)) {
                return Ok(Err(BadEntry { index, refusal }));
            }
            merged[place].1 = sum;
        }
        Ok(Ok(Self(merged)))
    }

    /// The items and how many portions of each.
    #[must_use]
    pub fn entries(&self) -> impl ExactSizeIterator<Item = (&Sku, u16)> {
        self.0.iter().map(|(sku, quantity)| (sku, *quantity))
    }

    /// What is taken of each item, and out of which shards, where all of it is there.
    /// Names and prices are the menu's. `first` is the shard that is tried first for each
    /// entry, see [`take`].
    pub fn reserve(&self, menu: &[Item], first: &[u8]) -> Result<Vec<Reserved>, ReserveRefusal> {
        let item_of = |sku: &Sku| menu.iter().find(|item| item.sku == *sku);
        let unknown: Vec<Sku> = self
            .0
            .iter()
            .map(|(sku, _)| sku)
            .filter(|sku| item_of(sku).is_none())
            .cloned()
            .collect();
        if !unknown.is_empty() {
            return Err(ReserveRefusal::UnknownItems(unknown));
        }
        // Each of the lines needs one.
        let mut portions_left = TRANSACTION_PORTIONS_MAX.saturating_sub(self.0.len());
        let (mut reserved, mut short) = (Vec::new(), Vec::new());
        for (index, (sku, quantity)) in self.0.iter().enumerate() {
            let Some(item) = item_of(sku) else { continue };
            let first = first.get(index).copied().unwrap_or(0);
            let requested = u32::from(*quantity);
            let taken = take(&item.shards, requested, first, 1 + portions_left);
            match taken.and_then(|portions| if item.available { Ok(portions) } else { Err(0) }) {
                Ok(portions) => {
                    portions_left -= portions.len() - 1;
                    let (name, price) = (item.name.clone(), item.price);
                    let line = OrderLine { sku: sku.clone(), name, quantity: *quantity, price };
                    reserved.push(Reserved { line, portions });
                }
                Err(there) => {
                    let available = if item.available { there } else { 0 };
                    short.push(Shortage { sku: sku.clone(), requested, available });
                }
            }
        }
        if short.is_empty() { Ok(reserved) } else { Err(ReserveRefusal::OutOfStock(short)) }
    }
}

impl std::fmt::Display for Basket {
    /// The same text for the same basket.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|(sku, quantity)| write!(f, "{quantity} {sku} "))
    }
}

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
    #[serde(rename = "price_tokens")]
    pub price: PriceTokens,
}

/// A line of an order, and the portions that are taken for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reserved {
    /// The line.
    pub line: OrderLine,
    /// Out of which shards of the item's stock.
    pub portions: Vec<Portion>,
}

/// An item of which there is less than somebody wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shortage {
    /// The item.
    pub sku: Sku,
    /// How many portions were asked for.
    pub requested: u32,
    /// How many the order could have; none of what is taken off the menu.
    pub available: u32,
}

/// Why a basket cannot be reserved. Nothing of it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReserveRefusal {
    /// The menu does not know these.
    #[error("some items are not on the menu")]
    UnknownItems(Vec<Sku>),
    /// There is less of these.
    #[error("there is less in stock than was ordered")]
    OutOfStock(Vec<Shortage>),
}

/// Into how many portions, each out of one shard, all lines of an order are divided at
/// most: a transaction has room for a hundred items, of which one is the order and one
/// remembers the client's key. An order of at most 99 tokens hardly ever needs as many.
const TRANSACTION_PORTIONS_MAX: usize = 98;

/// What lines cost together, in tokens.
fn total(lines: &[OrderLine]) -> u32 {
    lines.iter().map(|line| u32::from(line.quantity) * u32::from(line.price.get())).sum()
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
    use crate::tokens::redeeming::samples::{NOW, captured};

    fn sku(text: &str) -> Sku {
        Sku::parse(text).expect("a sku")
    }

    fn item(name: &str, price: i64) -> Item {
        Item {
            sku: sku(name),
            name: ItemName::parse(name).expect("a name"),
            price: PriceTokens::try_from(price).expect("a price"),
            available: true,
            shards: vec![10],
            layout: 0,
        }
    }

    fn quantity(number: i64) -> Quantity {
        Quantity::try_from(number).expect("a quantity")
    }

    fn basket(entries: &[(&str, i64)]) -> Basket {
        let entries = entries.iter().map(|(name, count)| (sku(name), quantity(*count)));
        Basket::new(entries.collect()).expect("a number of items").expect("good entries")
    }

    fn lines(basket: &Basket, menu: &[Item]) -> Vec<OrderLine> {
        let reserved = basket.reserve(menu, &[]).expect("all there");
        reserved.into_iter().map(|reserved| reserved.line).collect()
    }

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
    fn the_same_item_named_twice_is_ordered_once() {
        let merged = basket(&[("rice", 1), ("dal", 2), ("rice", 3)]);
        assert_eq!(merged, basket(&[("rice", 4), ("dal", 2)]));
        let many = vec![(sku("rice"), quantity(600)), (sku("rice"), quantity(401))];
        let refused = Basket::new(many).expect("two items").expect_err("too many");
        assert_eq!(refused.index, 1);
    }

    #[test]
    fn a_basket_has_one_to_twenty_entries() {
        assert!(Basket::new(vec![]).is_err());
        assert!(Basket::new(vec![(sku("rice"), quantity(1)); 20]).is_ok());
        assert!(Basket::new(vec![(sku("rice"), quantity(1)); 21]).is_err());
    }

    #[test]
    fn prices_are_the_menus() {
        let menu = [item("rice", 2), item("dal", 3)];
        let placed = order(&[("dal", 2), ("rice", 1)], &menu);
        assert_eq!((placed.total, placed.status, placed.version), (8, OrderStatus::Pending, 1));
    }

    #[test]
    fn nothing_is_reserved_unless_all_is_there() {
        let withdrawn = Item { available: false, ..item("idli", 1) };
        let spread = Item { shards: vec![1, 2, 1], ..item("vada", 1) };
        let menu = [item("rice", 2), item("dal", 3), withdrawn, spread];
        let wanted = basket(&[("rice", 11), ("dal", 10), ("idli", 1), ("vada", 5)]);
        let short = |name, requested, available| Shortage { sku: sku(name), requested, available };
        let expected = vec![short("rice", 11, 10), short("idli", 1, 0), short("vada", 5, 4)];
        assert_eq!(wanted.reserve(&menu, &[]), Err(ReserveRefusal::OutOfStock(expected)));
        let strange = basket(&[("tea", 1), ("rice", 11), ("ale", 1)]);
        let expected = vec![sku("tea"), sku("ale")];
        assert_eq!(strange.reserve(&menu, &[]), Err(ReserveRefusal::UnknownItems(expected)));
        let reserved = basket(&[("vada", 1), ("rice", 10)]).reserve(&menu, &[2, 9]);
        let portions: Vec<_> = reserved.expect("there").into_iter().map(|r| r.portions).collect();
        let portion = |shard, count| vec![Portion { shard, count }];
        assert_eq!(portions, [portion(2, 1), portion(0, 10)]);
    }

    #[test]
    fn an_order_of_many_scattered_items_still_fits_into_a_transaction() {
        let scattered =
            |number: usize| Item { shards: vec![1; 16], ..item(&format!("i{number}"), 1) };
        let menu: Vec<_> = (0..20).map(scattered).collect();
        let each = |count| {
            let entry = |item: &Item| (item.sku.clone(), quantity(count));
            Basket::new(menu.iter().map(entry).collect()).expect("twenty").expect("good")
        };
        let parts = |reserved: Vec<Reserved>| -> usize {
            reserved.iter().map(|reserved| reserved.portions.len()).sum()
        };
        assert_eq!(parts(each(4).reserve(&menu, &[]).expect("there")), 80);
        let refused = each(5).reserve(&menu, &[]);
        let Err(ReserveRefusal::OutOfStock(short)) = refused else { panic!("{refused:?}") };
        assert!(short.iter().all(|short| short.available < 5), "{short:?}");
        let mut much: Vec<_> = menu.iter().map(|item| (item.sku.clone(), quantity(1))).collect();
        much[7].1 = quantity(16);
        let much = Basket::new(much).expect("twenty").expect("good");
        assert_eq!(parts(much.reserve(&menu, &[]).expect("as much as there is")), 35);
        let one = basket(&[("i0", 16)]).reserve(&menu, &[]).expect("all shards together");
        assert_eq!(one[0].portions.len(), 16);
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
