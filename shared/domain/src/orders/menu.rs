//! The menu of a mess: what can be ordered, for how many tokens, and how much of it is
//! there. The stock of an item may be spread over several shards, each an item of the
//! database, so that many can order it at once; what an owner sees is their sum. What
//! owners do with a menu is in [`crate::orders::stock`].

use serde::{Deserialize, Serialize};

use crate::Unacceptable;
use crate::number::bounded_number;
use crate::orders::limits::ORDER_TOKENS_MAX;
use crate::text::line_of_text;
use crate::text::{plain_schema, text_newtype};

/// What an item is known by in its mess: 1 to 40 letters, digits, `.`, `-` or `_`, of which
/// the first is a letter or a digit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sku(String);

impl Sku {
    /// Parses a SKU.
    pub fn parse(text: &str) -> Result<Self, Unacceptable> {
        let accepted = (1..=40).contains(&text.len())
            && text.starts_with(|first: char| first.is_ascii_alphanumeric())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_".contains(&b));
        if accepted {
            Ok(Self(text.to_owned()))
        } else {
            let message = "must be 1 to 40 letters, digits, dots, hyphens or underscores";
            Err(Unacceptable::new(message))
        }
    }
}
text_newtype!(Sku);
plain_schema!(Sku: String, pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$");

/// What people call an item: 1 to 80 characters on one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ItemName(String);

impl ItemName {
    /// Parses a name.
    pub fn parse(text: &str) -> Result<Self, Unacceptable> {
        line_of_text(text, 80).map(Self)
    }
}
text_newtype!(ItemName);
plain_schema!(ItemName: String, min_length = 1, max_length = 80);

bounded_number!(
    /// What one portion of an item costs, in tokens.
    PriceTokens: u16, 1, ORDER_TOKENS_MAX
);
bounded_number!(
    /// How many portions somebody orders of one item.
    Quantity: u16, 1, 1_000
);
bounded_number!(
    /// How many portions of an item there are.
    Stock: u32, 0, 1_000_000
);
bounded_number!(
    /// Over how many shards the stock of an item is spread.
    StockShards: u8, 1, 16
);

impl StockShards {
    /// Not spread at all.
    pub const ONE: Self = Self(1);
}

/// An item of the menu.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What it is known by.
    pub sku: Sku,
    /// What it is called.
    pub name: ItemName,
    /// What one portion costs.
    pub price: PriceTokens,
    /// Whether it can be ordered at all, whatever the stock.
    pub available: bool,
    /// The stock in each shard, at least one.
    pub shards: Vec<u32>,
    /// How often the stock was laid out over its shards anew. What two shards hold belongs
    /// together where both are of one layout.
    pub layout: u32,
}

impl Item {
    /// How many portions there are.
    #[must_use]
    pub fn stock(&self) -> u32 {
        self.shards.iter().sum()
    }

    /// Over how many shards they are spread.
    #[must_use]
    pub fn stock_shards(&self) -> StockShards {
        let count = u8::try_from(self.shards.len()).unwrap_or(StockShards::MOST);
        StockShards(count.clamp(StockShards::LEAST, StockShards::MOST))
    }
}

/// So many portions out of, or into, one shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Portion {
    /// The shard, from 0.
    pub shard: u8,
    /// How many.
    pub count: u32,
}

/// Spreads a stock evenly over shards; the first ones hold what is left over.
#[must_use]
pub fn spread(stock: u32, shards: StockShards) -> Vec<u32> {
    let shards = u32::from(shards.get());
    (0..shards).map(|shard| stock / shards + u32::from(shard < stock % shards)).collect()
}

/// Chooses the shards from which `count` portions are taken: `first` alone where it has as
/// many, else the next one that has, else the fullest ones together, of which at most
/// `shards_max` are touched. Where those do not have as many, answers how many they have.
pub fn take(shards: &[u32], count: u32, first: u8, shards_max: usize) -> Result<Vec<Portion>, u32> {
    let numbered = || (0_u8..).zip(shards.iter().copied());
    let from_first = numbered().cycle().skip(usize::from(first) % shards.len().max(1));
    let alone = from_first.take(shards.len()).find(|(_, stock)| *stock >= count);
    if let Some((shard, _)) = alone {
        return Ok(vec![Portion { shard, count }]);
    }
    let mut fullest: Vec<_> = numbered().collect();
    fullest.sort_by_key(|(shard, stock)| (std::cmp::Reverse(*stock), *shard));
    fullest.truncate(shards_max);
    let mut missing = count;
    let mut portions = Vec::new();
    for (shard, stock) in &fullest {
        let count = missing.min(*stock);
        if count > 0 {
            portions.push(Portion { shard: *shard, count });
        }
        missing -= count;
    }
    if missing == 0 { Ok(portions) } else { Err(count - missing) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn portion(shard: u8, count: u32) -> Portion {
        Portion { shard, count }
    }

    #[test]
    fn a_shard_that_has_enough_gives_all() {
        assert_eq!(take(&[5], 5, 0, 9), Ok(vec![portion(0, 5)]));
        assert_eq!(take(&[9, 9, 9], 2, 1, 9), Ok(vec![portion(1, 2)]));
        assert_eq!(take(&[9, 1, 1], 2, 1, 9), Ok(vec![portion(0, 2)]), "the next one that has");
        assert_eq!(take(&[9, 1, 9], 2, 7, 9), Ok(vec![portion(2, 2)]), "counted around");
    }

    #[test]
    fn shards_give_together_what_none_has_alone() {
        assert_eq!(take(&[1, 3, 2], 5, 0, 9), Ok(vec![portion(1, 3), portion(2, 2)]));
        assert_eq!(take(&[1, 3, 2], 7, 0, 9), Err(6));
        assert_eq!(take(&[1, 3, 2], 6, 0, 2), Err(5), "of two shards");
        assert_eq!(take(&[0, 0], 1, 0, 9), Err(0));
    }

    #[test]
    fn a_sku_is_short_and_plain() {
        for accepted in ["1", "rice", "Veg-Thali_2.5"] {
            assert!(Sku::parse(accepted).is_ok(), "{accepted}");
        }
        for refused in ["", "-rice", ".", "a b", "a#b", "a/b", "ä", &"x".repeat(41)] {
            assert!(Sku::parse(refused).is_err(), "{refused}");
        }
    }
}
