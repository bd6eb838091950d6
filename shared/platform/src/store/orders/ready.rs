//! The orders of a mess that wait to be handed over, from the index `pending`, and the students
//! who ordered them.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use jiff::Timestamp;
use thali_domain::Unacceptable;
use thali_domain::ids::{MessId, OrderId};
use thali_domain::orders::order::{Order, OrderStatus};

use super::order::order_of;
use crate::store::keys::Key;
use crate::store::{Attributes, Consistency, Store, StoreError, keys, millis, number, text};

/// A place in the list of orders that wait: after this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadyPlace {
    created_at: Timestamp,
    order_id: OrderId,
}

impl Display for ReadyPlace {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.created_at.as_millisecond(), self.order_id)
    }
}

impl FromStr for ReadyPlace {
    type Err = Unacceptable;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let place = || {
            let (created_at, order_id) = text.split_once('#')?;
            let created_at = Timestamp::from_millisecond(created_at.parse().ok()?).ok()?;
            Some(Self { created_at, order_id: order_id.parse().ok()? })
        };
        place().ok_or_else(|| Unacceptable("is no place in the list".to_owned()))
    }
}

/// One page of the orders that wait to be handed over, the oldest first.
pub struct ReadyPage {
    pub orders: Vec<Order>,
    /// Where the next page begins, or `None` if there are no more.
    pub next: Option<ReadyPlace>,
}

impl Store {
    /// At most `limit` orders of a mess that are processed and not collected, the oldest first:
    /// those that come after `after`, and were placed at `since` or later. The page may be a moment
    /// behind. It may be short, because an order that was collected just now is left out.
    pub async fn orders_ready(
        &self,
        mess: &MessId,
        since: Option<Timestamp>,
        after: Option<ReadyPlace>,
        limit: usize,
    ) -> Result<ReadyPage, StoreError> {
        let since = since.unwrap_or(Timestamp::UNIX_EPOCH);
        // DynamoDB refuses a start that is outside of the range.
        let start = after.filter(|place| place.created_at >= since);
        let answer = self
            .client
            .query()
            .table_name(&self.tables.orders)
            .index_name(keys::PENDING_INDEX)
            .key_condition_expression("pending = :ready AND created_at >= :since")
            .expression_attribute_values(":ready", text(keys::ready_partition(mess)))
            .expression_attribute_values(":since", millis(since))
            .set_exclusive_start_key(start.map(|place| entry(mess, place)))
            .limit(i32::try_from(limit + 1).unwrap_or(i32::MAX))
            .send()
            .await?;
        let mut places: Vec<ReadyPlace> =
            answer.items.unwrap_or_default().iter().filter_map(place_of).collect();
        let more = places.len() > limit;
        places.truncate(limit);
        let next = places.last().copied().filter(|_| more);
        let wanted = places.iter().map(|place| keys::order(mess, place.order_id)).collect();
        let found = self.batch_get(&self.tables.orders, wanted, Consistency::Eventual).await?;
        let mut orders: Vec<Order> = found.into_iter().map(order_of).collect::<Result<_, _>>()?;
        orders.retain(|order| order.status == OrderStatus::Processed);
        orders.sort_by_key(|order| (order.created_at, order.order_id));
        Ok(ReadyPage { orders, next })
    }
}

/// The key of an order in the index.
fn entry(mess: &MessId, place: ReadyPlace) -> Attributes {
    let mut key = keys::order(mess, place.order_id).attributes();
    key.insert(keys::PENDING_INDEX.to_owned(), text(keys::ready_partition(mess)));
    key.insert("created_at".to_owned(), number(place.created_at.as_millisecond()));
    key
}

/// The place of an entry of the index.
fn place_of(entry: &Attributes) -> Option<ReadyPlace> {
    let created_at = entry.get("created_at")?.as_n().ok()?.parse().ok()?;
    let created_at = Timestamp::from_millisecond(created_at).ok()?;
    Some(ReadyPlace { created_at, order_id: Key::of(entry)?.sk.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_the_list_is_parsed_back() {
        let text = "1767225600000#ord_01ARZ3NDEKTSV4RRFFQ69G5FAV";
        let place: ReadyPlace = text.parse().expect("a place");
        assert_eq!(place.to_string(), text);
        for refused in ["", "1767225600000", "x#ord_01ARZ3NDEKTSV4RRFFQ69G5FAV", "1#ord_x"] {
            assert!(refused.parse::<ReadyPlace>().is_err(), "{refused}");
        }
    }
}
