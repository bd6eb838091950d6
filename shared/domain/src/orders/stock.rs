//! What owners do with the menu: they put items on it, count them, take deliveries and
//! withdraw portions, and spread the stock of an item over more shards or fewer.
//!
//! Each decision is made on an item as it was read, and says what is written under which
//! condition, so that the sum over the shards stays exact whatever happened meanwhile.

use crate::Unacceptable;
use crate::orders::menu::{Item, ItemName, Portion, PriceTokens, Stock, StockShards, spread, take};
use crate::text::plain_schema;

/// What an owner wants an item to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemPut {
    /// What it is called.
    pub name: ItemName,
    /// What one portion costs.
    pub price: PriceTokens,
    /// Whether it can be ordered at all. Without it that stays what it is; of a new item it
    /// is so.
    pub available: Option<bool>,
    /// How many portions there are, counted. Without it the stock stays what it is.
    pub stock: Option<Stock>,
    /// Over how many shards the stock is spread. Without it that stays what it is.
    pub stock_shards: Option<StockShards>,
}

/// What is written so that an item becomes what an owner wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PutPlan {
    /// The menu has no such item: it is made, with this in each of its shards.
    Create(Vec<u32>),
    /// Only what people are told of it; its stock is not touched.
    Describe,
    /// Its stock is laid out anew too.
    LayOut {
        /// What each shard holds then, if nobody sells in between.
        shards: Vec<u32>,
        /// What happens to each shard, by its number; to those that go, after the others.
        changes: Vec<ShardChange>,
    },
}

/// What happens to one shard where a stock is laid out anew. Together the changes of a
/// recount hold what was counted, and those of another number of shards cancel out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShardChange {
    /// It stays, and what it holds changes.
    Keep(Holding),
    /// It is made, and holds so much.
    Add(u32),
    /// It is removed: whatever it held where the stock was counted, else only if it held
    /// just what is given to the others.
    Remove(Option<u32>),
}

/// How what a shard holds changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holding {
    /// It is so much now, whatever it was.
    Set(u32),
    /// So much more comes from the others.
    Gain(u32),
    /// So much goes to the others, if there is as much.
    Give(u32),
}

impl ItemPut {
    /// Decides what is to be written where the menu has `before`, or no such item.
    ///
    /// A number of shards that changes is carried out by moving portions, not by writing
    /// what each shard is to hold: sales in between then disturb it only where they empty
    /// a shard that gives, or touch one that is removed. An item gets more shards because
    /// it sells so fast that nobody could wait for a moment without a sale.
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
                Holding::Set(*wanted)
            } else if held > wanted {
                Holding::Give(held - wanted)
            } else {
                Holding::Gain(wanted - held)
            })
        });
        let added = wanted.iter().skip(before.shards.len()).copied().map(ShardChange::Add);
        let removed = before.shards.iter().skip(wanted.len());
        let removed = removed.map(|held| ShardChange::Remove((!counted).then_some(*held)));
        let changes = kept.chain(added).chain(removed).collect();
        PutPlan::LayOut { shards: wanted, changes }
    }

    /// Whether `item` is what this makes of it, so that there is nothing to do.
    #[must_use]
    pub fn is_met_by(&self, item: &Item) -> bool {
        let Self { name, price, available, stock, stock_shards } = self;
        (name, price) == (&item.name, &item.price)
            && available.is_none_or(|available| available == item.available)
            && stock.is_none_or(|stock| stock.get() == item.stock())
            && stock_shards.is_none_or(|shards| shards == item.stock_shards())
    }
}

/// How many portions come in, or go out where it is negative: not 0, and at most as many
/// as a stock can have.
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
    /// Whether the portions come in.
    pub delivery: bool,
    /// How many into or out of each shard that is touched, each shard once.
    pub portions: Vec<Portion>,
    /// The stock after that, where it was as it was read.
    pub stock: u32,
}

/// Why a stock cannot be changed so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StockRefusal {
    /// There is less than is to be taken out.
    #[error("there are only {stock} portions in stock")]
    Negative {
        /// How much there is.
        stock: u32,
    },
    /// There would be more than a stock can have.
    #[error("the stock would be more than {} portions", Stock::MOST)]
    Limit {
        /// How much there is.
        stock: u32,
    },
}

/// Divides a delivery or a withdrawal among the shards of an item: a delivery evenly, what
/// is left over from the shard `first` on; a withdrawal as an order is, see [`take`].
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
    //! An item for tests, and what is done with it.

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

    /// The item as it is, with another stock or number of shards.
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
    fn a_new_item_has_no_stock_and_one_shard_unless_somebody_says_otherwise() {
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
    fn what_is_told_of_an_item_changes_without_its_stock() {
        for shards in [None, Some(2)] {
            assert_eq!(put(None, shards).plan(Some(&item(&[4, 5]))), PutPlan::Describe);
        }
    }

    #[test]
    fn a_recount_sets_every_shard_whatever_it_held() {
        use ShardChange::{Add, Keep, Remove};
        let set = |count| Keep(Holding::Set(count));
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
    fn another_number_of_shards_moves_what_there_is() {
        use Holding::{Gain, Give};
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
    fn a_put_that_changes_nothing_is_known() {
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
    fn a_delivery_is_spread_and_a_withdrawal_is_taken_as_an_order_is() {
        let there = item(&[4, 3, 0]);
        let delivered = change(&there, delta(4), 2).expect("there is room");
        assert_eq!(delivered.portions, [portion(2, 2), portion(0, 1), portion(1, 1)]);
        assert_eq!((delivered.delivery, delivered.stock), (true, 11));
        let small = change(&there, delta(1), 4).expect("there is room");
        assert_eq!(small.portions, [portion(1, 1)]);
        let withdrawn = change(&there, delta(-2), 2).expect("there is as much");
        assert_eq!(withdrawn.portions, [portion(0, 2)], "the next one that has as many");
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
    fn a_change_of_the_stock_is_a_whole_number_and_not_nothing() {
        for accepted in [1, -1, 1_000_000, -1_000_000] {
            assert_eq!(delta(accepted).to_string(), accepted.to_string());
        }
        for refused in [0, 1_000_001, -1_000_001, i64::MAX, i64::MIN] {
            assert!(StockDelta::try_from(refused).is_err(), "{refused}");
        }
    }
}
