//! Properties of an item's stock under concurrent changes by owners and orders. [`World`]
//! models the store's conditional writes: each decision uses an item that may be out of date,
//! and is carried out only if the write's condition holds now. The conditions are the ones in
//! `store/orders/menu.rs` and `store/orders/stock.rs`.

use proptest::prelude::*;

use crate::orders::menu::{Item, Portion, StockShards, spread, take};
use crate::orders::stock::samples::{delta, item, portion, put};
use crate::orders::stock::{
    CountChange, ItemPut, PutPlan, ShardChange, StockChange, StockDelta, change,
};

/// An event in the life of an item. A stale step was decided on the item as it was at the last
/// [`Step::Look`].
#[derive(Debug, Clone)]
enum Step {
    Look,
    Order {
        count: u32,
        first: u8,
        stale: bool,
    },
    /// Portions of an order come back into one of the shards.
    Return {
        count: u32,
        shard: u8,
    },
    Change {
        delta: StockDelta,
        first: u8,
        exact: bool,
        stale: bool,
    },
    Put {
        put: ItemPut,
        stale: bool,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let deltas = prop_oneof![1_i64..60, -60_i64..0].prop_map(delta);
    let puts = (prop::option::of(0_u32..80), prop::option::of(1_u8..=16))
        .prop_map(|(stock, shards)| put(stock, shards));
    let step = prop_oneof![
        Just(Step::Look),
        (1_u32..30, any::<u8>(), any::<bool>()).prop_map(|(count, first, stale)| Step::Order {
            count,
            first,
            stale
        }),
        (1_u32..10, 0_u8..16).prop_map(|(count, shard)| Step::Return { count, shard }),
        (deltas, any::<u8>(), any::<bool>(), any::<bool>())
            .prop_map(|(delta, first, exact, stale)| Step::Change { delta, first, exact, stale }),
        (puts, any::<bool>()).prop_map(|(put, stale)| Step::Put { put, stale }),
    ];
    prop::collection::vec(step, 1..60)
}

/// The item as the database holds it, and the expected figures.
struct World {
    item: Item,
    looked: Item,
    stock: u32,
    sold: u32,
}

impl World {
    fn seen(&self, stale: bool) -> Item {
        if stale { self.looked.clone() } else { self.item.clone() }
    }

    fn held(&self, shard: u8) -> Option<u32> {
        self.item.shards.get(usize::from(shard)).copied()
    }

    fn take_out(&mut self, portions: &[Portion]) -> bool {
        let there = |portion: &Portion| self.held(portion.shard) >= Some(portion.count);
        let done = portions.iter().all(there);
        if done {
            for portion in portions {
                self.item.shards[usize::from(portion.shard)] -= portion.count;
                self.stock -= portion.count;
            }
        }
        done
    }

    fn put_in(&mut self, portions: &[Portion]) {
        for portion in portions {
            self.item.shards[usize::from(portion.shard)] += portion.count;
            self.stock += portion.count;
        }
    }

    fn order(&mut self, count: u32, first: u8, seen: &Item) {
        let Ok(portions) = take(&seen.shards, count, first, 8) else { return };
        if self.take_out(&portions) {
            self.sold += count;
        }
    }

    fn give_back(&mut self, count: u32, shard: u8) {
        let count = count.min(self.sold);
        if self.held(shard).is_some() {
            self.sold -= count;
            self.put_in(&[portion(shard, count)]);
        }
    }

    fn change(&mut self, seen: &Item, change: &StockChange, exact: bool) {
        let now = &self.item;
        let as_seen = now.layout == seen.layout;
        let done = match (exact, change.delivery) {
            (true, _) => as_seen && now.shards == seen.shards,
            (false, true) => as_seen && now.shards.iter().zip(&seen.shards).all(|(a, b)| a <= b),
            (false, false) => true,
        };
        let done = done
            && if change.delivery {
                self.put_in(&change.portions);
                true
            } else {
                self.take_out(&change.portions)
            };
        if done && exact {
            assert_eq!(self.stock, change.stock, "the returned stock");
        }
    }

    fn lay_out(&mut self, put: &ItemPut, seen: &Item) {
        let PutPlan::LayOut { shards, changes } = put.plan(Some(seen)) else { return };
        if self.item.layout != seen.layout {
            return;
        }
        let mut after = Vec::new();
        for (shard, change) in (0..).zip(changes) {
            let held = self.held(shard);
            after.extend(match (change, held) {
                (ShardChange::Keep(CountChange::Set(count)), Some(_))
                | (ShardChange::Add(count), None) => Some(count),
                (ShardChange::Keep(CountChange::Gain(count)), Some(held)) => Some(held + count),
                (ShardChange::Keep(CountChange::Give(count)), Some(held)) if held >= count => {
                    Some(held - count)
                }
                (ShardChange::Remove(None), Some(_)) => None,
                (ShardChange::Remove(Some(read)), Some(held)) if read == held => None,
                (ShardChange::Keep(CountChange::Give(_)) | ShardChange::Remove(_), Some(_)) => {
                    return;
                }
                (change, held) => panic!("{change:?} of {held:?}"),
            });
        }
        assert_eq!(after.len(), shards.len());
        if let Some(counted) = put.stock {
            assert_eq!(after, shards);
            self.stock = counted.get();
        }
        self.item.shards = after;
        self.item.layout += 1;
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Look => self.looked = self.item.clone(),
            Step::Order { count, first, stale } => self.order(count, first, &self.seen(stale)),
            Step::Return { count, shard } => self.give_back(count, shard),
            Step::Change { delta, first, exact, stale } => {
                let seen = self.seen(stale);
                if let Ok(decided) = change(&seen, delta, first) {
                    self.change(&seen, &decided, exact);
                }
            }
            Step::Put { put, stale } => self.lay_out(&put, &self.seen(stale)),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_024))]

    #[test]
    fn the_sum_over_the_shards_is_always_exact(steps in steps()) {
        let item = item(&[20, 20]);
        let mut world = World { looked: item.clone(), item, stock: 40, sold: 0 };
        for step in steps {
            world.step(step.clone());
            prop_assert_eq!(world.item.stock(), world.stock, "after {:?}", step);
        }
    }

    #[test]
    fn concurrent_sales_do_not_disturb_a_delivery_or_added_shards(
        shards in prop::collection::vec(10_u32..50, 1..=8),
        more in 8_u8..=16,
        sales in prop::collection::vec((1_u32..3, any::<u8>()), 1..3),
    ) {
        let item = item(&shards);
        let stock = item.stock();
        let mut world = World { looked: item.clone(), item, stock, sold: 0 };
        for (count, first) in sales {
            let seen = world.seen(false);
            world.order(count, first, &seen);
        }
        let seen = world.seen(true);
        let delivery = change(&seen, delta(5), 0).expect("there is room");
        world.change(&seen, &delivery, false);
        prop_assert_eq!(world.stock, stock + 5 - world.sold);
        if usize::from(more) > 2 * shards.len() {
            world.lay_out(&put(None, Some(more)), &seen);
            prop_assert_eq!(world.item.shards.len(), usize::from(more));
        }
        prop_assert_eq!(world.item.stock(), world.stock);
    }
}

proptest! {
    #[test]
    fn taken_portions_are_in_stock_and_add_up_to_the_requested_count(
        shards in proptest::collection::vec(0_u32..40, 1..=16),
        count in 1_u32..200,
        first in any::<u8>(),
        shards_max in 1_usize..=16,
    ) {
        match take(&shards, count, first, shards_max) {
            Ok(portions) => {
                prop_assert_eq!(portions.iter().map(|portion| portion.count).sum::<u32>(), count);
                prop_assert!(portions.len() <= shards_max);
                let mut touched: Vec<_> = portions.iter().map(|portion| portion.shard).collect();
                touched.dedup();
                prop_assert_eq!(touched.len(), portions.len());
                for portion in portions {
                    prop_assert!(portion.count > 0);
                    prop_assert!(portion.count <= shards[usize::from(portion.shard)]);
                }
            }
            Err(available) => {
                prop_assert!(available < count);
                if shards_max >= shards.len() {
                    prop_assert_eq!(available, shards.iter().sum::<u32>());
                }
            }
        }
    }

    #[test]
    fn a_spread_stock_is_even_and_exact(stock in 0_u32..=1_000_000, shards in 1_i64..=16) {
        let shards = StockShards::try_from(shards).expect("in range");
        let spread = spread(stock, shards);
        prop_assert_eq!(spread.len(), usize::from(shards.get()));
        prop_assert_eq!(spread.iter().sum::<u32>(), stock);
        prop_assert!(spread.iter().max().zip(spread.iter().min()).is_some_and(|(a, b)| a - b <= 1));
    }
}
