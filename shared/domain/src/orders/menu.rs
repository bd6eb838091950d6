//! The menu of a mess: its items, their prices in tokens, and their stock. The stock of an item
//! can be spread over several shards, each a database item of its own, so that many students
//! can order at the same time; owners see only the sum. How owners change the menu is in
//! [`crate::orders::stock`].

use serde::{Deserialize, Serialize};

use crate::Unacceptable;
use crate::number::bounded_number;
use crate::orders::limits::ORDER_TOKENS_MAX;
use crate::text::{parse_line, plain_schema, stored_text, text_newtype};

/// The key of an item within its mess: 1 to 40 letters, digits, `.`, `-` or `_`, beginning with
/// a letter or a digit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sku(String);

impl Sku {
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

/// The display name of an item: 1 to 80 characters on one line.
#[derive(Debug, Clone, Serialize)]
#[serde(into = "String")]
pub struct ItemName(String);

impl ItemName {
    pub fn parse(text: &str) -> Result<Self, Unacceptable> {
        parse_line(text, 80).map(Self)
    }
}
text_newtype!(ItemName);
stored_text!(ItemName);
plain_schema!(ItemName: String, min_length = 1, max_length = 80);

bounded_number!(
    /// The price of one portion of an item, in tokens.
    PriceTokens: u16, 1, ORDER_TOKENS_MAX
);
bounded_number!(
    /// The number of portions of one item in an order.
    Quantity: u16, 1, 1_000
);
bounded_number!(
    /// The number of portions of an item in stock.
    Stock: u32, 0, 1_000_000
);
bounded_number!(
    /// The number of shards over which the stock of an item is spread.
    StockShards: u8, 1, 16
);

impl StockShards {
    /// The stock is not spread.
    pub const ONE: Self = Self(1);
}

/// An item of the menu.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    pub sku: Sku,
    pub name: ItemName,
    /// The price of one portion.
    pub price: PriceTokens,
    /// Whether the item can be ordered at all, regardless of its stock.
    pub available: bool,
    /// The stock in each shard; there is at least one shard.
    pub shards: Vec<u32>,
    /// How often the stock was redistributed over its shards. Only counts of shards with the
    /// same layout belong together.
    pub layout: u32,
}

impl Item {
    /// The number of portions over all shards.
    #[must_use]
    pub fn stock(&self) -> u32 {
        self.shards.iter().sum()
    }

    /// The number of shards.
    #[must_use]
    pub fn stock_shards(&self) -> StockShards {
        let count = u8::try_from(self.shards.len()).unwrap_or(StockShards::MOST);
        StockShards(count.clamp(StockShards::LEAST, StockShards::MOST))
    }
}

/// A number of portions to take from, or to add to, one shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Portion {
    /// The shard's number, from 0.
    pub shard: u8,
    pub count: u32,
}

/// Spreads a stock evenly over shards; the first shards hold the remainder.
#[must_use]
pub fn spread(stock: u32, shards: StockShards) -> Vec<u32> {
    let shards = u32::from(shards.get());
    (0..shards).map(|shard| stock / shards + u32::from(shard < stock % shards)).collect()
}

/// Chooses the shards to take `count` portions from. One shard alone is preferred: `first`, or
/// else the next shard that has enough. Otherwise the fullest shards are combined, at most
/// `shards_max` of them. If these do not have enough, returns how many they have.
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
    fn one_shard_with_enough_portions_gives_them_all() {
        assert_eq!(take(&[5], 5, 0, 9), Ok(vec![portion(0, 5)]));
        assert_eq!(take(&[9, 9, 9], 2, 1, 9), Ok(vec![portion(1, 2)]));
        assert_eq!(take(&[9, 1, 1], 2, 1, 9), Ok(vec![portion(0, 2)]), "the next with enough");
        assert_eq!(take(&[9, 1, 9], 2, 7, 9), Ok(vec![portion(2, 2)]), "the numbers wrap around");
    }

    #[test]
    fn several_shards_are_combined_if_none_has_enough_alone() {
        assert_eq!(take(&[1, 3, 2], 5, 0, 9), Ok(vec![portion(1, 3), portion(2, 2)]));
        assert_eq!(take(&[1, 3, 2], 7, 0, 9), Err(6));
        assert_eq!(take(&[1, 3, 2], 6, 0, 2), Err(5), "of two shards");
        assert_eq!(take(&[0, 0], 1, 0, 9), Err(0));
    }

    #[test]
    fn a_sku_is_short_and_has_only_allowed_characters() {
        for accepted in ["1", "rice", "Veg-Thali_2.5"] {
            assert!(Sku::parse(accepted).is_ok(), "{accepted}");
        }
        for refused in ["", "-rice", ".", "a b", "a#b", "a/b", "ä", &"x".repeat(41)] {
            assert!(Sku::parse(refused).is_err(), "{refused}");
        }
    }
}
