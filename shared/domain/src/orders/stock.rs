//! How owners change the menu: they create items, recount them, record deliveries and
//! withdrawals, and spread the stock of an item over more or fewer shards.
//!
//! Each decision uses an item as it was read. It says what to write under which condition, so
//! that the sum over the shards stays exact despite concurrent changes.

use crate::Unacceptable;
use crate::orders::menu::{Item, ItemName, Portion, PriceTokens, Stock, StockShards, spread, take};
use crate::text::plain_schema;

/// The state that an owner wants an item to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemPut {
    pub name: ItemName,
    /// The price of one portion.
    pub price: PriceTokens,
    /// Whether the item can be ordered at all. `None` keeps the current value; a new item is
    /// available.
    pub available: Option<bool>,
    /// The counted number of portions. `None` keeps the current stock.
    pub stock: Option<Stock>,
    /// The number of shards over which the stock is spread. `None` keeps the current number.
    pub stock_shards: Option<StockShards>,
}

/// The writes that give an item the wanted state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PutPlan {
    /// The item is new: create it, with this stock in each shard.
    Create(Vec<u32>),
    /// Write the name, price and availability; the stock is not touched.
    Describe,
    /// Redistribute the stock over the shards too.
    LayOut {
        /// The stock of each shard afterwards, if nothing is sold in between.
        shards: Vec<u32>,
        /// The change of each shard, by its number; shards that are removed come last.
        changes: Vec<ShardChange>,
    },
}

/// The change of one shard when a stock is redistributed. After a recount, the changes together
/// hold the counted stock. If only the number of shards changes, they add up to zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShardChange {
    /// The shard stays, and its count changes.
    Keep(CountChange),
    /// The shard is created with this many portions.
    Add(u32),
    /// The shard is removed. After a recount (`None`) its count does not matter. Otherwise it
    /// must still hold exactly this many portions, which the other shards receive.
    Remove(Option<u32>),
}

/// The change of a shard's count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CountChange {
    /// Set this count, whatever the shard held.
    Set(u32),
    /// Add this many portions from other shards.
    Gain(u32),
    /// Give this many portions to other shards, if the shard has as many.
    Give(u32),
}

impl ItemPut {
    /// Decides what to write. `before` is the item on the menu, or `None` if there is none.
    ///
    /// A change of the number of shards moves portions instead of setting counts. A concurrent
    /// sale then disturbs the change only if it empties a shard that gives portions, or touches
    /// a shard that is removed. This matters because an item gets more shards when it sells so
    /// fast that there is no pause between sales.
    #[must_use]
    pub fn plan(&self, before: Option<&Item>) -> PutPlan {
        let Some(before) = before else {
            let shards = self.stock_shards.unwrap_or(StockShards::ONE);
            return PutPlan::Create(spread(self.stock.map_or(0, Stock::get), shards));
        };
        let shards = self.stock_shards.unwrap_or_else(|| before.stock_shards());
        if self.stock.is_none() && shards == before.stock_shards() {
            return PutPlan::Describe;
        }
        let counted = self.stock.is_some();
        let wanted = spread(self.stock.map_or_else(|| before.stock(), Stock::get), shards);
        let kept = before.shards.iter().zip(&wanted).map(|(held, wanted)| {
            ShardChange::Keep(if counted {
                CountChange::Set(*wanted)
            } else if held > wanted {
                CountChange::Give(held - wanted)
            } else {
                CountChange::Gain(wanted - held)
            })
        });
        let added = wanted.iter().skip(before.shards.len()).copied().map(ShardChange::Add);
        let removed = before.shards.iter().skip(wanted.len());
        let removed = removed.map(|held| ShardChange::Remove((!counted).then_some(*held)));
        let changes = kept.chain(added).chain(removed).collect();
        PutPlan::LayOut { shards: wanted, changes }
    }

    /// Whether `item` already has the wanted state, so that nothing must be written.
    #[must_use]
    pub fn is_met_by(&self, item: &Item) -> bool {
        let Self { name, price, available, stock, stock_shards } = self;
        (name, price) == (&item.name, &item.price)
            && available.is_none_or(|available| available == item.available)
            && stock.is_none_or(|stock| stock.get() == item.stock())
            && stock_shards.is_none_or(|shards| shards == item.stock_shards())
    }
}

/// The number of portions delivered, or withdrawn if negative: not 0, and at most one million
/// either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "i64")]
pub struct StockDelta(i32);

impl StockDelta {
    const MOST: i32 = 1_000_000;
}

impl TryFrom<i64> for StockDelta {
    type Error = Unacceptable;

    fn try_from(number: i64) -> Result<Self, Self::Error> {
        let accepted = i32::try_from(number).ok();
        let accepted = accepted.filter(|n| *n != 0 && (-Self::MOST..=Self::MOST).contains(n));
        accepted.map(Self).ok_or_else(|| {
            let most = Self::MOST;
            Unacceptable::new(format!("must be a whole number from -{most} to {most}, and not 0"))
        })
    }
}

impl std::fmt::Display for StockDelta {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

plain_schema!(StockDelta: Integer, minimum = -StockDelta::MOST, maximum = StockDelta::MOST);

/// A delivery or a withdrawal, divided among the shards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockChange {
    /// Whether portions are added.
    pub delivery: bool,
    /// How many portions to add or take, for each changed shard once.
    pub portions: Vec<Portion>,
    /// The stock afterwards, if it was still as it was read.
    pub stock: u32,
}

/// Why a delivery or a withdrawal is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StockRefusal {
    /// There are fewer portions than the withdrawal takes.
    #[error("there are only {stock} portions in stock")]
    Negative {
        /// The current stock.
        stock: u32,
    },
    /// The stock would exceed [`Stock::MOST`].
    #[error("the stock would be more than {} portions", Stock::MOST)]
    Limit {
        /// The current stock.
        stock: u32,
    },
}

/// Divides a delivery or a withdrawal among the shards of an item. A delivery is spread evenly,
/// and the shards from `first` on get the remainder. A withdrawal chooses shards as an order
/// does, see [`take`].
pub fn change(item: &Item, delta: StockDelta, first: u8) -> Result<StockChange, StockRefusal> {
    let (before, count) = (item.stock(), delta.0.unsigned_abs());
    if delta.0 < 0 {
        let portions = take(&item.shards, count, first, item.shards.len())
            .map_err(|stock| StockRefusal::Negative { stock })?;
        return Ok(StockChange { delivery: false, portions, stock: before - count });
    }
    if before + count > Stock::MOST {
        return Err(StockRefusal::Limit { stock: before });
    }
    let shards = item.stock_shards();
    let numbers = (0..shards.get()).cycle().skip(usize::from(first % shards.get()));
    let portions = numbers.zip(spread(count, shards)).filter(|(_, count)| *count > 0);
    let portions = portions.map(|(shard, count)| Portion { shard, count }).collect();
    Ok(StockChange { delivery: true, portions, stock: before + count })
}

#[cfg(test)]
pub(crate) mod samples {
    //! An item and changes to it, for tests.

    use super::*;
    use crate::orders::menu::Sku;

    pub(crate) fn item(shards: &[u32]) -> Item {
        Item {
            sku: Sku::parse("rice").expect("a sku"),
            name: ItemName::parse("Rice").expect("a name"),
            price: PriceTokens::try_from(2).expect("a price"),
            available: true,
            shards: shards.to_vec(),
            layout: 0,
        }
    }

    /// The same item with another stock or number of shards.
    pub(crate) fn put(stock: Option<u32>, shards: Option<u8>) -> ItemPut {
        let Item { name, price, .. } = item(&[0]);
        let stock = stock.map(|stock| Stock::try_from(i64::from(stock)).expect("in range"));
        let shards = shards.map(|count| StockShards::try_from(i64::from(count)).expect("few"));
        ItemPut { name, price, available: None, stock, stock_shards: shards }
    }

    pub(crate) fn delta(number: i64) -> StockDelta {
        StockDelta::try_from(number).expect("in range")
    }

    pub(crate) fn portion(shard: u8, count: u32) -> Portion {
        Portion { shard, count }
    }
}

#[cfg(test)]
mod tests {
    use super::samples::{delta, item, portion, put};
    use super::*;

    #[test]
    fn a_new_item_defaults_to_no_stock_and_one_shard() {
        for (stock, shards, expected) in [
            (None, None, vec![0]),
            (Some(7), None, vec![7]),
            (None, Some(3), vec![0, 0, 0]),
            (Some(7), Some(3), vec![3, 2, 2]),
        ] {
            assert_eq!(put(stock, shards).plan(None), PutPlan::Create(expected));
        }
    }

    #[test]
    fn a_put_without_a_stock_change_leaves_the_shards_alone() {
        for shards in [None, Some(2)] {
            assert_eq!(put(None, shards).plan(Some(&item(&[4, 5]))), PutPlan::Describe);
        }
    }

    #[test]
    fn a_recount_overwrites_every_shard() {
        use ShardChange::{Add, Keep, Remove};
        let set = |count| Keep(CountChange::Set(count));
        for (before, shards, after, changes) in [
            (vec![9, 1], None, vec![4, 3], vec![set(4), set(3)]),
            (vec![9], Some(2), vec![4, 3], vec![set(4), Add(3)]),
            (vec![9, 1, 0], Some(1), vec![7], vec![set(7), Remove(None), Remove(None)]),
        ] {
            let plan = put(Some(7), shards).plan(Some(&item(&before)));
            assert_eq!(plan, PutPlan::LayOut { shards: after, changes });
        }
    }

    #[test]
    fn changing_the_number_of_shards_moves_existing_portions() {
        use CountChange::{Gain, Give};
        use ShardChange::{Add, Keep, Remove};
        for (before, shards, after, changes) in [
            (vec![9], 4, vec![3, 2, 2, 2], vec![Keep(Give(6)), Add(2), Add(2), Add(2)]),
            (vec![1, 0, 8], 2, vec![5, 4], vec![Keep(Gain(4)), Keep(Gain(4)), Remove(Some(8))]),
            (vec![0], 2, vec![0, 0], vec![Keep(Gain(0)), Add(0)]),
        ] {
            let plan = put(None, Some(shards)).plan(Some(&item(&before)));
            assert_eq!(plan, PutPlan::LayOut { shards: after, changes });
        }
    }

    #[test]
    fn a_put_that_changes_nothing_is_recognised() {
        let there = item(&[4, 3]);
        for met in [put(None, None), put(Some(7), None), put(None, Some(2))] {
            assert!(met.is_met_by(&there), "{met:?}");
        }
        let unmet = [
            put(Some(8), None),
            put(None, Some(1)),
            ItemPut { available: Some(false), ..put(None, None) },
            ItemPut { price: PriceTokens::try_from(3).expect("a price"), ..put(None, None) },
            ItemPut { name: ItemName::parse("Dal").expect("a name"), ..put(None, None) },
        ];
        for unmet in unmet {
            assert!(!unmet.is_met_by(&there), "{unmet:?}");
        }
    }

    #[test]
    fn a_delivery_is_spread_evenly_and_a_withdrawal_follows_order_rules() {
        let there = item(&[4, 3, 0]);
        let delivered = change(&there, delta(4), 2).expect("there is room");
        assert_eq!(delivered.portions, [portion(2, 2), portion(0, 1), portion(1, 1)]);
        assert_eq!((delivered.delivery, delivered.stock), (true, 11));
        let small = change(&there, delta(1), 4).expect("there is room");
        assert_eq!(small.portions, [portion(1, 1)]);
        let withdrawn = change(&there, delta(-2), 2).expect("there is as much");
        assert_eq!(withdrawn.portions, [portion(0, 2)], "the next shard with enough");
        assert_eq!((withdrawn.delivery, withdrawn.stock), (false, 5));
        let all = change(&there, delta(-7), 0).expect("there is as much");
        assert_eq!((all.portions.len(), all.stock), (2, 0));
    }

    #[test]
    fn a_stock_is_never_negative_and_never_more_than_a_million() {
        let refused = |shards: &[u32], count| change(&item(shards), delta(count), 0).err();
        assert_eq!(refused(&[4, 3], -8), Some(StockRefusal::Negative { stock: 7 }));
        assert_eq!(refused(&[999_990, 9], 1), None);
        assert_eq!(refused(&[999_990, 9], 2), Some(StockRefusal::Limit { stock: 999_999 }));
    }

    #[test]
    fn a_stock_change_is_not_zero_and_at_most_a_million() {
        for accepted in [1, -1, 1_000_000, -1_000_000] {
            assert_eq!(delta(accepted).to_string(), accepted.to_string());
        }
        for refused in [0, 1_000_001, -1_000_001, i64::MAX, i64::MIN] {
            assert!(StockDelta::try_from(refused).is_err(), "{refused}");
        }
    }
}
