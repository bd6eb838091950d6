//! Which shards of the stocks get the portions of a cancelled or failed order back.

use thali_domain::orders::menu::Item;
use thali_domain::orders::order::Order;
use thali_platform::clock::random_bytes;

/// A random shard for the portions of each line, among those that its item has now, so that
/// orders that end at the same time do not all wait for one shard.
pub fn shards(order: &Order, menu: &[Item]) -> Vec<u8> {
    let shard = |line: &thali_domain::orders::order::OrderLine| {
        let item = menu.iter().find(|item| item.sku == line.sku);
        let shards = item.and_then(|item| u8::try_from(item.shards.len()).ok()).unwrap_or(1);
        let [random] = random_bytes();
        random % shards.max(1)
    };
    order.lines.iter().map(shard).collect()
}
