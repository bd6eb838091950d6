//! A basket: the items that a student requests, and the portions of stock reserved for them.

use serde::Serialize;

use crate::Unacceptable;
use crate::orders::limits::{ORDER_ITEMS_MAX, TRANSACTION_PORTIONS_MAX};
use crate::orders::menu::{Item, Portion, Quantity, Sku, take};
use crate::orders::order::OrderLine;

/// The items that a student wants to order: each item once, in the order of its first mention.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Basket(Vec<(Sku, u16)>);

/// An entry of a basket that is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadEntry {
    /// Its position in the request, from 0.
    pub index: usize,
    pub refusal: Unacceptable,
}

impl Basket {
    /// Accepts 1 to [`ORDER_ITEMS_MAX`] entries. Several entries for one item are added up; the
    /// sum has the same upper bound as one entry.
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

    /// Each item with its number of portions.
    #[must_use]
    pub fn entries(&self) -> impl ExactSizeIterator<Item = (&Sku, u16)> {
        self.0.iter().map(|(sku, quantity)| (sku, *quantity))
    }

    /// Reserves the whole basket, or refuses it: for each entry, returns the order line and the
    /// portions to take from the item's shards. Names and prices come from the menu. `first` is
    /// the shard to try first for each entry, see [`take`].
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
        // Each line needs at least one portion.
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
                    let (name, price_tokens) = (item.name.clone(), item.price);
                    let line =
                        OrderLine { sku: sku.clone(), name, quantity: *quantity, price_tokens };
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
    /// Equal baskets print equal text.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|(sku, quantity)| write!(f, "{quantity} {sku} "))
    }
}

/// An order line, and the portions of stock reserved for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reserved {
    pub line: OrderLine,
    /// How many portions come from which shards of the item's stock.
    pub portions: Vec<Portion>,
}

/// An item with less stock than the basket requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shortage {
    pub sku: Sku,
    /// How many portions the basket requests.
    pub requested: u32,
    /// How many portions the order could have; 0 if the item is not available.
    pub available: u32,
}

/// Why a basket cannot be reserved. No part of it is reserved then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReserveRefusal {
    /// These items are not on the menu.
    #[error("some items are not on the menu")]
    UnknownItems(Vec<Sku>),
    /// These items have less stock than requested.
    #[error("there is less in stock than was ordered")]
    OutOfStock(Vec<Shortage>),
}

#[cfg(test)]
pub(super) mod samples {
    //! Items and baskets for tests.

    use super::*;
    use crate::orders::menu::{ItemName, PriceTokens};

    pub fn sku(text: &str) -> Sku {
        Sku::parse(text).expect("a sku")
    }

    pub fn item(name: &str, price: i64) -> Item {
        Item {
            sku: sku(name),
            name: ItemName::parse(name).expect("a name"),
            price: PriceTokens::try_from(price).expect("a price"),
            available: true,
            shards: vec![10],
            layout: 0,
        }
    }

    pub fn quantity(number: i64) -> Quantity {
        Quantity::try_from(number).expect("a quantity")
    }

    pub fn basket(entries: &[(&str, i64)]) -> Basket {
        let entries = entries.iter().map(|(name, count)| (sku(name), quantity(*count)));
        Basket::new(entries.collect()).expect("a number of items").expect("good entries")
    }

    pub fn lines(basket: &Basket, menu: &[Item]) -> Vec<OrderLine> {
        let reserved = basket.reserve(menu, &[]).expect("all there");
        reserved.into_iter().map(|reserved| reserved.line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::samples::{basket, item, quantity, sku};
    use super::*;

    #[test]
    fn entries_for_the_same_item_are_merged() {
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
    fn nothing_is_reserved_unless_every_item_is_in_stock() {
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
}
