//! Properties of tokens and money for every sequence of events. [`World`] models the store's
//! conditional writes: each decision uses data that may be out of date, and is carried out only
//! if the write's condition holds now. The conditions are the ones in
//! `store/payments/purchases.rs`, `store/payments/refunds.rs`, `store/tokens/submissions.rs`
//! and `store/orders/order.rs`.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use ulid::Ulid;

use crate::accounts::identity::AccountStatus;
use crate::ids::{
    OrderId, RazorpayOrderId, RazorpayPaymentId, RazorpayRefundId, RefundId, SubmissionId, TokenId,
};
use crate::money::Paise;
use crate::orders::menu::{Item, ItemName, PriceTokens, Sku};
use crate::orders::order::{
    FailureReason, Order, OrderLine, OrderStatus, Processing, ProcessingInputs,
};
use crate::payments::refunds::{
    PartnerRefund, PartnerRefundStatus, Refund, RefundRequest, RefundState, RefundUpdate,
    Requested, judge, request,
};
use crate::payments::settlement::{CURRENCY, Payment, PaymentStatus, Settlement, settle};
use crate::tokens::history::{RedeemedFor, TokenState, history};
use crate::tokens::purchases::samples::{NOW, created};
use crate::tokens::purchases::{Lot, Purchase, PurchaseState, balance};
use crate::tokens::redeeming::{Redemption, Selection, Submission, redeem};
use crate::tokens::tokens_left::TokensLeft;

/// An event. Its numbers choose among the existing purchases, orders and refunds.
#[derive(Debug, Clone)]
enum Step {
    /// A client reads the data and will decide on it later.
    Look,
    Buy(u16),
    /// A payment is captured: the first payment for the order, or another one.
    Capture {
        purchase: usize,
        payment: u8,
    },
    RedeemCount {
        count: usize,
        stale: bool,
    },
    RedeemNamed {
        tokens: Vec<(usize, u16)>,
        stale: bool,
    },
    Refund {
        purchase: usize,
        count: Option<u16>,
        stale: bool,
    },
    /// A student orders items that cost this many tokens.
    Order(u8),
    /// The processor handles an order, perhaps for the second time.
    Process {
        order: usize,
        stale: bool,
    },
    /// The student cancels an order.
    Cancel(usize),
    /// The student collects an order.
    Collect(usize),
    /// Razorpay reports on any existing refund, also on an old one.
    News {
        refund: usize,
        status: PartnerRefundStatus,
    },
    Wait(i64),
    /// The last step is repeated, as after a lost response.
    Again,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    use PartnerRefundStatus::{Failed, Pending, Processed};
    let step = prop_oneof![
        1 => Just(Step::Look),
        2 => (1_u16..=12).prop_map(Step::Buy),
        3 => (any::<usize>(), 0_u8..2)
            .prop_map(|(purchase, payment)| Step::Capture { purchase, payment }),
        4 => (1_usize..=9, any::<bool>())
            .prop_map(|(count, stale)| Step::RedeemCount { count, stale }),
        3 => (prop::collection::vec((any::<usize>(), 1_u16..=13), 1..4), any::<bool>())
            .prop_map(|(tokens, stale)| Step::RedeemNamed { tokens, stale }),
        4 => (any::<usize>(), prop::option::of(1_u16..=7), any::<bool>())
            .prop_map(|(purchase, count, stale)| Step::Refund { purchase, count, stale }),
        3 => (1_u8..=9).prop_map(Step::Order),
        5 => (any::<usize>(), any::<bool>())
            .prop_map(|(order, stale)| Step::Process { order, stale }),
        1 => any::<usize>().prop_map(Step::Cancel),
        1 => any::<usize>().prop_map(Step::Collect),
        4 => (any::<usize>(), prop::sample::select(vec![Pending, Processed, Failed]))
            .prop_map(|(refund, status)| Step::News { refund, status }),
        1 => (1_i64..40 * 24).prop_map(Step::Wait),
        2 => Just(Step::Again),
    ];
    prop::collection::vec(step, 1..60)
}

/// The data that a client has read and decides on.
#[derive(Clone, Default)]
struct Seen {
    purchases: Vec<Purchase>,
    refunds: Vec<Refund>,
    orders: Vec<Order>,
}

/// The data in the store, the data that a client read earlier, and the facts that must never
/// change.
struct World {
    now: Timestamp,
    purchases: Vec<Purchase>,
    refunds: Vec<Refund>,
    submissions: Vec<Submission>,
    orders: Vec<Order>,
    seen: Seen,
    redeemed_ever: BTreeMap<TokenId, (RedeemedFor, Timestamp)>,
    last: Option<Step>,
}

impl World {
    fn new() -> Self {
        Self {
            now: NOW,
            purchases: Vec::new(),
            refunds: Vec::new(),
            submissions: Vec::new(),
            orders: Vec::new(),
            seen: Seen::default(),
            redeemed_ever: BTreeMap::new(),
            last: None,
        }
    }

    fn step(&mut self, step: Step) -> Result<(), TestCaseError> {
        let step = match (step, &self.last) {
            (Step::Again, Some(last)) => last.clone(),
            (step, _) => step,
        };
        match step.clone() {
            Step::Look => self.seen = self.look(false),
            Step::Buy(count) => self.buy(count),
            Step::Capture { purchase, payment } => self.capture(purchase, payment)?,
            Step::RedeemCount { count, stale } => {
                self.redeem(&Selection::count(count).expect("few"), stale)?;
            }
            Step::RedeemNamed { tokens, stale } => {
                if let Some(selection) = self.named(&tokens) {
                    self.redeem(&selection, stale)?;
                }
            }
            Step::Refund { purchase, count, stale } => self.refund(purchase, count, stale)?,
            Step::Order(tokens) => self.order(tokens),
            Step::Process { order, stale } => self.process(order, stale)?,
            Step::Cancel(order) => self.cancel(order),
            Step::Collect(order) => self.collect(order),
            Step::News { refund, status } => self.news(refund, status),
            Step::Wait(hours) => self.now += SignedDuration::from_hours(hours),
            Step::Again => {}
        }
        self.last = Some(step);
        Ok(())
    }

    /// The data that a client sees: the current data, or older data.
    fn look(&self, stale: bool) -> Seen {
        if stale {
            return self.seen.clone();
        }
        let Self { purchases, refunds, orders, .. } = self;
        Seen { purchases: purchases.clone(), refunds: refunds.clone(), orders: orders.clone() }
    }

    fn buy(&mut self, count: u16) {
        let mut purchase = created(&format!("order_{}", self.purchases.len()), count);
        purchase.created_at = self.now;
        self.purchases.push(purchase);
    }

    fn capture(&mut self, index: usize, number: u8) -> Result<(), TestCaseError> {
        let Some(index) = index.checked_rem(self.purchases.len()) else { return Ok(()) };
        let purchase = &mut self.purchases[index];
        let payment = Payment {
            payment_id: RazorpayPaymentId::parse(&format!("pay_{index}x{number}")).expect("an id"),
            order_id: Some(purchase.order_id.clone()),
            amount: purchase.amount,
            refunded: Paise::new(0),
            customer_fee: None,
            currency: CURRENCY.into(),
            status: PaymentStatus::Captured,
            method: None,
        };
        let before = purchase.clone();
        if settle(purchase, &payment) == Ok(Settlement::Capture) {
            prop_assert!(before.lot().is_none(), "the tokens are credited twice");
            purchase.state = PurchaseState::Captured(Lot {
                payment_id: payment.payment_id,
                method: None,
                captured_at: self.now,
                expires_at: before.expiry(self.now),
            });
        }
        Ok(())
    }

    fn named(&self, tokens: &[(usize, u16)]) -> Option<Selection> {
        let token = |(index, number): &(usize, u16)| {
            let index = index.checked_rem(self.purchases.len())?;
            Some(TokenId::new(self.purchases[index].order_id.clone(), *number))
        };
        Selection::tokens(tokens.iter().filter_map(token).collect()).ok()
    }

    fn redeem(&mut self, selection: &Selection, stale: bool) -> Result<(), TestCaseError> {
        let seen = self.look(stale).purchases;
        let Ok(redemption) = redeem(&seen, selection, self.now) else { return Ok(()) };
        let before = balance(&seen, self.now);
        prop_assert_eq!(redemption.balance + redemption.token_ids().len(), before);
        if !self.redeem_condition_holds(&redemption) {
            prop_assert!(stale, "what was decided on the newest state holds");
            return Ok(());
        }
        let submission = Submission {
            submission_id: SubmissionId::from_ulid(Ulid(self.submissions.len() as u128 + 1)),
            account_id: seen[0].account_id,
            mess_id: seen[0].mess_id.clone(),
            token_ids: redemption.token_ids(),
            submitted_at: self.now,
            balance: redemption.balance,
        };
        self.redeemed(redemption, RedeemedFor::Submission(submission.submission_id))?;
        self.submissions.push(submission);
        Ok(())
    }

    fn redeemed(
        &mut self,
        redemption: Redemption,
        redeemed_for: RedeemedFor,
    ) -> Result<(), TestCaseError> {
        for token in redemption.token_ids() {
            let before = self.redeemed_ever.insert(token, (redeemed_for, self.now));
            prop_assert_eq!(before, None, "redeemed twice");
        }
        for (order_id, numbers) in redemption.numbers {
            self.purchase_mut(&order_id).redeemed.extend(numbers);
        }
        Ok(())
    }

    fn order(&mut self, tokens: u8) {
        let price = PriceTokens::try_from(i64::from(tokens)).expect("few");
        let (sku, name) = (Sku::parse("rice").expect("a SKU"), ItemName::parse("Rice"));
        let line = OrderLine { sku, name: name.expect("a name"), quantity: 1, price_tokens: price };
        let order_id = OrderId::from_ulid(Ulid(self.orders.len() as u128 + 1));
        let somebody = created("order_0", 1);
        let (account, mess) = (somebody.account_id, somebody.mess_id);
        let order = Order::place(order_id, account, mess, vec![line], self.now);
        self.orders.push(order.expect("few tokens"));
    }

    fn process(&mut self, index: usize, stale: bool) -> Result<(), TestCaseError> {
        let seen = self.look(stale);
        let Some(index) = index.checked_rem(seen.orders.len()) else { return Ok(()) };
        let order = &seen.orders[index];
        if order.status != OrderStatus::Pending {
            return Ok(());
        }
        let line = &order.lines[0];
        let menu = [Item {
            sku: line.sku.clone(),
            name: line.name.clone(),
            price: line.price_tokens,
            available: true,
            shards: vec![0],
            layout: 0,
        }];
        let purchases = &seen.purchases;
        let account = Some(AccountStatus::Active);
        let known = ProcessingInputs { account, mess_exists: true, menu: &menu, purchases };
        let unchanged = self.orders[index].version == order.version;
        prop_assert!(unchanged || stale);
        match order.process(&known, self.now) {
            Processing::Redeem(redemption) => {
                let holds = unchanged && self.tokens_unchanged(purchases, &redemption);
                prop_assert!(holds || stale, "what was decided on the newest state holds");
                if holds {
                    let processed = order.processed(&redemption, self.now);
                    prop_assert_eq!(redemption.token_ids().len(), usize::from(order.total));
                    self.redeemed(redemption, RedeemedFor::Order(order.order_id))?;
                    self.orders[index] = processed;
                }
            }
            Processing::Fail(reason) => {
                prop_assert_eq!(reason, FailureReason::InsufficientTokens);
                prop_assert!(balance(purchases, self.now) < usize::from(order.total));
                if unchanged {
                    self.orders[index] = order.failed(reason, self.now);
                }
            }
        }
        Ok(())
    }

    /// The condition on tokens in the transaction that processes an order.
    fn tokens_unchanged(&self, seen: &[Purchase], redemption: &Redemption) -> bool {
        let of = |purchases: &[Purchase], order_id: &RazorpayOrderId| {
            purchases.iter().find(|it| it.order_id == *order_id).cloned()
        };
        redemption.numbers.keys().all(|order_id| {
            let (seen, purchase) = (of(seen, order_id), of(&self.purchases, order_id));
            seen.zip(purchase).is_some_and(|(seen, purchase)| {
                purchase.lot().is_some_and(|lot| lot.expires_at > self.now)
                    && purchase.redeemed.len() == seen.redeemed.len()
                    && purchase.refund_id == seen.refund_id
                    && purchase.refunding == seen.refunding
            })
        })
    }

    fn cancel(&mut self, index: usize) {
        let Some(index) = index.checked_rem(self.orders.len()) else { return };
        if let Ok(Some(cancelled)) = self.orders[index].cancelled(self.now) {
            self.orders[index] = cancelled;
        }
    }

    fn collect(&mut self, index: usize) {
        let Some(index) = index.checked_rem(self.orders.len()) else { return };
        if let Ok(collected) = self.orders[index].collected(self.now) {
            self.orders[index] = collected;
        }
    }

    /// The condition of the transaction that records a submission.
    fn redeem_condition_holds(&self, redemption: &Redemption) -> bool {
        redemption.numbers.iter().all(|(order_id, numbers)| {
            let purchase = self.purchases.iter().find(|it| it.order_id == *order_id);
            purchase.is_some_and(|purchase| {
                purchase.lot().is_some_and(|lot| lot.expires_at > self.now)
                    && purchase.redeemed.is_disjoint(numbers)
                    && purchase.refund_id.as_ref() == redemption.refund_ids.get(order_id)
            })
        })
    }

    fn refund(
        &mut self,
        index: usize,
        count: Option<u16>,
        stale: bool,
    ) -> Result<(), TestCaseError> {
        let Seen { purchases, refunds, .. } = self.look(stale);
        let Some(index) = index.checked_rem(purchases.len()) else { return Ok(()) };
        let seen = purchases[index].clone();
        let latest = refunds.iter().find(|refund| Some(refund.refund_id) == seen.refund_id);
        let asked = RefundRequest {
            refund_id: RefundId::from_ulid(Ulid(self.refunds.len() as u128 + 1)),
            count,
            payment_id: None,
            requested_by: seen.account_id,
            requested_at: self.now,
        };
        let Ok(Requested::New(refund)) = request(&seen, latest.cloned(), &asked) else {
            return Ok(());
        };
        prop_assert!(count.is_none_or(|count| usize::from(count) == refund.numbers.len()));
        let purchase = &mut self.purchases[index];
        // The condition of the transaction that requests a refund.
        let holds = purchase.lot().is_some()
            && purchase.refund_id == seen.refund_id
            && purchase.refunding.is_none()
            && purchase.redeemed.len() == seen.redeemed.len();
        prop_assert!(holds || stale, "what was decided on the newest state holds");
        if holds {
            purchase.refunded.extend(refund.numbers.clone());
            purchase.refund_id = Some(refund.refund_id);
            purchase.refunding = Some(refund.refund_id);
            self.refunds.push(refund);
        }
        Ok(())
    }

    fn news(&mut self, index: usize, status: PartnerRefundStatus) {
        let Some(index) = index.checked_rem(self.refunds.len()) else { return };
        let refund = self.refunds[index].clone();
        let found = PartnerRefund {
            razorpay_refund_id: RazorpayRefundId::parse(&format!("rfnd_{index}")).expect("an id"),
            payment_id: refund.payment_id.clone(),
            amount: refund.amount,
            currency: CURRENCY.into(),
            status,
        };
        let now = self.now;
        match judge(&refund, &found) {
            RefundUpdate::Processed => {
                self.refunds[index].state = RefundState::Processed(now);
                self.purchase_mut(&refund.order_id).refunding = None;
            }
            RefundUpdate::Failed(failure) => {
                self.refunds[index].state = RefundState::Failed(now, failure);
                let purchase = self.purchase_mut(&refund.order_id);
                purchase.refunding = None;
                purchase.refunded.retain(|number| !refund.numbers.contains(number));
            }
            RefundUpdate::Begun => {
                self.refunds[index].razorpay_refund_id = Some(found.razorpay_refund_id);
            }
            RefundUpdate::Old | RefundUpdate::Contradiction | RefundUpdate::Foreign => {}
        }
    }

    fn purchase_mut(&mut self, order_id: &RazorpayOrderId) -> &mut Purchase {
        self.purchases.iter_mut().find(|it| it.order_id == *order_id).expect("the purchase exists")
    }

    /// Checks that every issued token has exactly one state, and that the balance is the number
    /// of available tokens.
    fn check_tokens(&self) -> Result<(), TestCaseError> {
        let issued = history(&self.purchases, &self.submissions, &self.orders, self.now);
        let paid = self.purchases.iter().filter(|purchase| purchase.lot().is_some());
        let sold: usize = paid.map(|purchase| usize::from(purchase.token_count)).sum();
        prop_assert_eq!(issued.len(), sold);
        let mut counts = BTreeMap::from([("available", 0), ("redeemed", 0), ("expired", 0)]);
        for token in &issued {
            let redeemed = self.redeemed_ever.get(&token.token_id).copied();
            let refunded = token.purchase.refunded.contains(&token.token_id.number());
            let over = token.lot.expires_at <= self.now;
            let expected = match (redeemed, refunded, over) {
                (Some(_), true, _) => return Err(TestCaseError::fail("redeemed and refunded")),
                (Some(by), false, _) => TokenState::Redeemed(Some(by)),
                (None, true, _) => TokenState::Refunded,
                (None, false, true) => TokenState::Expired,
                (None, false, false) => TokenState::Available,
            };
            prop_assert_eq!(&token.fate, &expected);
            let name = match expected {
                TokenState::Available => "available",
                TokenState::Redeemed(_) => "redeemed",
                TokenState::Refunded => "refunded",
                TokenState::Expired => "expired",
            };
            *counts.entry(name).or_default() += 1;
        }
        prop_assert_eq!(counts.values().sum::<usize>(), sold);
        prop_assert_eq!(counts["available"], balance(&self.purchases, self.now));
        prop_assert_eq!(counts["redeemed"], self.redeemed_ever.len());
        let left = TokensLeft::of(&self.purchases, self.now);
        for hours in [0, 24, 89 * 24, 90 * 24 - 1, 200 * 24] {
            let later = self.now + SignedDuration::from_hours(hours);
            prop_assert_eq!(left.count(later), balance(&self.purchases, later));
        }
        Ok(())
    }

    /// Checks that a paid order has all of its tokens, and every other order has none.
    fn check_orders(&self) -> Result<(), TestCaseError> {
        for order in &self.orders {
            let paid = matches!(order.status, OrderStatus::Processed | OrderStatus::Collected);
            let by = RedeemedFor::Order(order.order_id);
            let redeemed = self.redeemed_ever.values().filter(|(it, _)| *it == by).count();
            prop_assert_eq!(redeemed, if paid { usize::from(order.total) } else { 0 });
            prop_assert_eq!(order.processed_at.is_some(), paid);
            prop_assert_eq!(order.failure.is_some(), order.status == OrderStatus::Failed);
        }
        Ok(())
    }

    /// Checks that refunded tokens were paid for, are refunded only once, and match the
    /// refunds.
    fn check_refunds(&self) -> Result<(), TestCaseError> {
        for purchase in &self.purchases {
            let of_purchase = self.refunds.iter().filter(|it| it.order_id == purchase.order_id);
            let (failed, given): (Vec<&Refund>, Vec<&Refund>) =
                of_purchase.partition(|it| matches!(it.state, RefundState::Failed(..)));
            let numbers: Vec<u16> = given.iter().flat_map(|it| it.numbers.clone()).collect();
            let different: BTreeSet<u16> = numbers.iter().copied().collect();
            prop_assert_eq!(numbers.len(), different.len(), "a token is refunded twice");
            prop_assert_eq!(&different, &purchase.refunded);
            let back: u64 = given.iter().map(|it| it.amount.get()).sum();
            prop_assert!(back <= purchase.amount.get());
            let pending: Vec<RefundId> = given
                .iter()
                .filter(|it| it.state == RefundState::Pending)
                .map(|it| it.refund_id)
                .collect();
            prop_assert_eq!(pending, purchase.refunding.into_iter().collect::<Vec<_>>());
            prop_assert!(failed.iter().all(|it| !it.numbers.is_empty()));
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn every_issued_token_is_always_available_redeemed_expired_or_refunded(
        steps in steps(),
    ) {
        let mut world = World::new();
        for step in steps {
            world.step(step)?;
            world.check_tokens()?;
            world.check_refunds()?;
            world.check_orders()?;
        }
    }

    #[test]
    fn a_count_redeems_exactly_that_many_or_reports_the_available_number(
        sizes in prop::collection::vec(1_u16..40, 1..4),
        count in 1_usize..=50,
    ) {
        let mut world = World::new();
        for (index, size) in sizes.iter().enumerate() {
            world.buy(*size);
            world.capture(index, 0)?;
        }
        let issued: usize = sizes.iter().map(|size| usize::from(*size)).sum();
        match redeem(&world.purchases, &Selection::Count(count), NOW) {
            Ok(redemption) => {
                prop_assert_eq!(redemption.token_ids().len(), count);
                prop_assert_eq!(redemption.balance, issued - count);
            }
            Err(refusal) => {
                let crate::tokens::redeeming::RedeemRefusal::InsufficientTokens { available, requested } =
                    refusal
                else {
                    return Err(TestCaseError::fail("a count names no tokens"));
                };
                prop_assert_eq!((available, requested), (issued, count));
                prop_assert!(issued < count);
            }
        }
    }

    #[test]
    fn a_price_multiplies_exactly_or_reports_overflow(price in any::<u64>(), count in any::<u16>()) {
        let exact = u128::from(price) * u128::from(count);
        let product = Paise::new(price).checked_times(count);
        prop_assert_eq!(product.map(Paise::get), u64::try_from(exact).ok());
    }

    #[test]
    fn the_refunds_of_a_purchase_add_up_to_the_paid_amount(
        price in 1_u64..=u64::MAX / 500,
        count in 1_u16..=500,
        parts in prop::collection::vec(1_u16..=120, 1..12),
    ) {
        let price = Paise::new(price);
        let paid = price.checked_times(count).expect("500 times such a price fits");
        let mut left = count;
        let mut back = 0_u64;
        for part in parts.into_iter().map(Some).chain([None]) {
            let part = part.unwrap_or(left).min(left);
            back = back.checked_add(price.checked_times(part).expect("a part fits").get())
                .expect("refunds never overflow");
            prop_assert!(back <= paid.get());
            left -= part;
        }
        prop_assert_eq!(left, 0);
        prop_assert_eq!(back, paid.get());
    }

    #[test]
    fn an_amount_prints_exactly_and_sorts_by_its_value(
        one in any::<u64>(),
        other in any::<u64>(),
    ) {
        let printed = Paise::new(one).to_string();
        let printed = printed.strip_prefix('₹').expect("rupees");
        let (rupees, paise) = printed.split_once('.').expect("a point");
        prop_assert_eq!(paise.len(), 2);
        let number = |digits: &str| digits.parse::<u128>().expect("digits");
        prop_assert_eq!(number(rupees) * 100 + number(paise), u128::from(one));
        prop_assert_eq!(Paise::new(one).cmp(&Paise::new(other)), one.cmp(&other));
    }
}
