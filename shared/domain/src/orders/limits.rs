//! How large an order can be. The limits follow from what fits into one transaction of the
//! database: a hundred items.

/// The most entries of one order.
pub const ORDER_ITEMS_MAX: usize = 20;

/// The most tokens that one order costs. They may come from as many purchases, and a
/// transaction has room for a hundred items, of which one is the order.
pub const ORDER_TOKENS_MAX: u16 = 99;

/// Into how many portions, each out of one shard, all lines of an order are divided at
/// most: a transaction has room for a hundred items, of which one is the order and one
/// remembers the client's key. An order of at most 99 tokens hardly ever needs as many.
pub(super) const TRANSACTION_PORTIONS_MAX: usize = 98;
