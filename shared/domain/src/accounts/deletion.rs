//! The deletion of a student's account: what must be settled before, and what is shown in place of
//! the person's name afterwards.

use std::collections::BTreeMap;

use crate::accounts::identity::Name;
use crate::ids::{CycleId, OrderId, RazorpayOrderId};
use crate::meals::entitlement::{CycleState, OpenCycle};
use crate::orders::order::{Order, OrderStatus};
use crate::payments::mismatches;
use crate::tokens::purchases::Purchase;

/// Why an account cannot be deleted yet. Each of these ends without the student.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeletionRefusal {
    /// An order is being processed, which takes a moment. It can also be cancelled.
    #[error("an order is not processed yet")]
    OrderOpen { order_id: OrderId },
    /// Money is on its way back. If the refund fails, the student has the tokens again.
    #[error("a refund is in progress")]
    RefundInProgress { order_id: RazorpayOrderId },
    /// An owner has not decided about a payment. After the deletion nobody could tell whose it is.
    #[error("an owner has not decided about a payment yet")]
    PaymentUndecided,
}

/// Decides whether a student's account can be deleted. Unspent tokens, paid days and orders that
/// wait to be collected do not matter: they lapse with the account.
pub fn check(
    orders: &[Order],
    purchases: &[Purchase],
    cycles: &BTreeMap<CycleId, OpenCycle>,
) -> Result<(), DeletionRefusal> {
    if let Some(order) = orders.iter().find(|order| order.status == OrderStatus::Pending) {
        return Err(DeletionRefusal::OrderOpen { order_id: order.order_id });
    }
    if let Some(purchase) = purchases.iter().find(|purchase| purchase.refunding.is_some()) {
        return Err(DeletionRefusal::RefundInProgress { order_id: purchase.order_id.clone() });
    }
    let is_pending = |cycle: &OpenCycle| cycle.state == CycleState::Pending;
    if purchases.iter().any(mismatches::has_open) || cycles.values().any(is_pending) {
        return Err(DeletionRefusal::PaymentUndecided);
    }
    Ok(())
}

/// What is shown in place of the name of a person who has deleted the account.
#[must_use]
pub fn name_of_deleted() -> Name {
    Name::parse("Deleted account").expect("it is a name")
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use ulid::Ulid;

    use super::*;
    use crate::days::{MealDate, Period};
    use crate::ids::{AccountId, MessId, RefundId};
    use crate::tokens::purchases::samples::captured;

    fn order(status: OrderStatus) -> Order {
        let now = Timestamp::constant(1_767_225_600, 0);
        let account_id = AccountId::from_ulid(Ulid(7));
        Order {
            order_id: OrderId::of(account_id, now),
            account_id,
            mess_id: MessId::parse("mess_demo").expect("an id"),
            lines: Vec::new(),
            total: 1,
            status,
            failure: None,
            tokens: BTreeMap::new(),
            version: 1,
            created_at: now,
            updated_at: now,
            processed_at: None,
            swept_at: None,
        }
    }

    fn cycle(state: CycleState) -> BTreeMap<CycleId, OpenCycle> {
        let day = MealDate::parse("2026-01-15").expect("a date");
        let period = Period::new(day, day, 1).expect("a day");
        BTreeMap::from([(CycleId::from_ulid(Ulid(7)), OpenCycle { period, state })])
    }

    #[test]
    fn tokens_paid_days_and_ended_orders_do_not_keep_an_account() {
        let ended = [
            OrderStatus::Processed,
            OrderStatus::Failed,
            OrderStatus::Cancelled,
            OrderStatus::Collected,
        ];
        let orders = ended.map(order);
        let cycles = cycle(CycleState::Verified);
        assert_eq!(check(&orders, &[captured("order_A", 5)], &cycles), Ok(()));
    }

    #[test]
    fn an_order_a_refund_or_a_payment_in_hand_keeps_an_account() {
        let pending = order(OrderStatus::Pending);
        let order_id = pending.order_id;
        let refused = check(&[pending], &[], &BTreeMap::new());
        assert_eq!(refused, Err(DeletionRefusal::OrderOpen { order_id }));
        let refunding = Some(RefundId::from_ulid(Ulid(1)));
        let purchase = Purchase { refunding, ..captured("order_A", 5) };
        let order_id = purchase.order_id.clone();
        let refused = check(&[], &[purchase], &BTreeMap::new());
        assert_eq!(refused, Err(DeletionRefusal::RefundInProgress { order_id }));
        let refused = check(&[], &[], &cycle(CycleState::Pending));
        assert_eq!(refused, Err(DeletionRefusal::PaymentUndecided));
    }
}
