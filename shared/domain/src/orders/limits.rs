//! The maximum size of an order. The limits follow from the size of one database transaction:
//! at most a hundred items.

/// The maximum number of entries in one order.
pub const ORDER_ITEMS_MAX: usize = 20;

/// The maximum cost of one order in tokens. In the worst case each token comes from another
/// purchase. A transaction has room for a hundred items, and one of them is the order.
pub const ORDER_TOKENS_MAX: u16 = 99;

/// The maximum number of portions, each from one shard, over all lines of an order. A
/// transaction has room for a hundred items: one is the order and one records the client's
/// idempotency key. An order of at most 99 tokens hardly ever needs so many portions.
pub(super) const TRANSACTION_PORTIONS_MAX: usize = 98;
