//! Notifications for owners: one item for each event. Its id is derived from the change that
//! caused it, so a message that is delivered twice creates the notification once.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use thali_domain::ids::{MessId, NotificationId};
use thali_domain::owner::notifications::{KEPT, News, Notification};

use super::reports::COUNT_MAX;
use crate::store::changes::kinds::{Kind, Stored};
use crate::store::changes::trail::Trail;
use crate::store::{
    Attempt, Attributes, Consistency, STAMPED, Stamp, Store, StoreError, expiring, item, keys,
    none_if_condition_failed, text, update, values,
};

/// The most notifications that one request for unread ones reads.
const LOOKED_AT_MAX: usize = 2_000;

/// The number of notifications that one query reads: a few hundred kilobytes.
const QUERY_ITEMS: usize = 500;

/// A notification in its storage format. What happened is in `news`, because `kind` is the kind of
/// the item.
#[skip_serializing_none]
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::store) struct NotificationItem {
    notification_id: NotificationId,
    mess_id: MessId,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    at: Timestamp,
    #[serde(default, with = "jiff::fmt::serde::timestamp::millisecond::optional")]
    read_at: Option<Timestamp>,
    news: News,
}

impl Stored for NotificationItem {
    type Read = Notification;
    const KIND: Kind = Kind::Notification;
    const TRAIL: Trail = Trail::NONE;
}

impl From<Notification> for NotificationItem {
    fn from(notification: Notification) -> Self {
        let Notification { notification_id, mess_id, at, read_at, news } = notification;
        Self { notification_id, mess_id, at, read_at, news }
    }
}

impl From<NotificationItem> for Notification {
    fn from(item: NotificationItem) -> Self {
        let NotificationItem { notification_id, mess_id, at, read_at, news } = item;
        Self { notification_id, mess_id, at, read_at, news }
    }
}

/// One page of notifications, newest first.
pub struct NotificationsPage {
    pub items: Vec<Notification>,
    /// The last notification that was read from the table, or `None` if there are no more.
    pub next: Option<NotificationId>,
}

/// A range of a mess's notifications.
struct Range {
    /// The first notification, inclusive.
    from: NotificationId,
    /// The sort key that ends the range, exclusive.
    to: String,
}

impl Store {
    /// Stores a notification. An existing one stays unchanged, read or not.
    pub async fn notification_put(
        &self,
        notification: &Notification,
        stamp: &Stamp,
    ) -> Result<(), StoreError> {
        let key = keys::notification(&notification.mess_id, notification.notification_id);
        let record = NotificationItem::from(notification.clone());
        let attributes = item(&key, &record, stamp)?;
        let attributes = expiring(attributes, notification.at + KEPT);
        self.put_if_new(&self.tables.meals, attributes).await?;
        Ok(())
    }

    /// At most `limit` notifications of a mess that are older than `before` and not expired,
    /// newest first. With `unread`, only those that nobody has read. One call reads a bounded
    /// number of notifications, so it may return fewer than `limit` although there are more.
    pub async fn notifications_page(
        &self,
        mess: &MessId,
        before: Option<NotificationId>,
        unread: bool,
        limit: usize,
        now: Timestamp,
    ) -> Result<NotificationsPage, StoreError> {
        let (mut items, mut looked_at, mut before) = (Vec::new(), 0, before);
        loop {
            let some = if unread { QUERY_ITEMS } else { limit - items.len() };
            let range = Range { from: first_kept(now), to: until(before) };
            let (found, last) = self.notifications_query(mess, range, some).await?;
            looked_at += some;
            for notification in found {
                before = Some(notification.notification_id);
                if !unread || notification.read_at.is_none() {
                    items.push(notification);
                }
                if items.len() == limit {
                    return Ok(NotificationsPage { items, next: before });
                }
            }
            let Some(last) = last else { return Ok(NotificationsPage { items, next: None }) };
            before = Some(last);
            if looked_at >= LOOKED_AT_MAX {
                return Ok(NotificationsPage { items, next: before });
            }
        }
    }

    /// The number of unread ones among the newest [`COUNT_MAX`] notifications.
    pub async fn notifications_unread(
        &self,
        mess: &MessId,
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        let range = Range { from: first_kept(now), to: until(None) };
        let (found, _) = self.notifications_query(mess, range, COUNT_MAX).await?;
        Ok(found.iter().filter(|notification| notification.read_at.is_none()).count())
    }

    /// The notifications from `from` (inclusive) until `until` (exclusive), newest first.
    pub async fn notifications_between(
        &self,
        mess: &MessId,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Notification>, StoreError> {
        let (from, to) = (NotificationId::first_of(from), NotificationId::first_of(until));
        let mut all = Vec::new();
        let mut to = to.to_string();
        loop {
            let range = Range { from, to };
            let (found, last) = self.notifications_query(mess, range, usize::MAX).await?;
            all.extend(found.into_iter().filter(|found| found.at < until));
            let Some(last) = last else { return Ok(all) };
            to = last.to_string();
        }
    }

    /// Marks a notification as read, if it was not read before, and returns it. Returns `None` if
    /// the mess has no notification with this id, or if it is expired.
    pub async fn notification_read(
        &self,
        mess: &MessId,
        notification: NotificationId,
        stamp: &Stamp,
    ) -> Result<Option<Notification>, StoreError> {
        let kept = crate::store::millis(stamp.at - KEPT);
        let request = self
            .client
            .update_item()
            .table_name(&self.tables.meals)
            .set_key(Some(keys::notification(mess, notification).attributes()))
            .update_expression(format!(
                "SET read_at = if_not_exists(read_at, :changed_at), {STAMPED}"
            ))
            .condition_expression("attribute_exists(pk) AND #at > :kept")
            .expression_attribute_names("#at", "at")
            .set_expression_attribute_values(Some(values(stamp, [(":kept", kept)])))
            .return_values("ALL_NEW".into());
        let Some(answer) = none_if_condition_failed(request.send().await)? else { return Ok(None) };
        Ok(Some(notification_of(answer.attributes.unwrap_or_default())?))
    }

    /// Marks several notifications as read, in one transaction, and returns how many of them
    /// nobody had read before. Those that the mess does not have, or that are expired, are left
    /// out. Overtaken if one of them was marked, or has gone, since they were read.
    pub async fn notifications_read(
        &self,
        mess: &MessId,
        notifications: &BTreeSet<NotificationId>,
        stamp: &Stamp,
    ) -> Result<Attempt<usize>, StoreError> {
        let table = &self.tables.meals;
        let keys = notifications.iter().map(|id| keys::notification(mess, *id)).collect();
        let found = self.batch_get(table, keys, Consistency::Strong).await?;
        let found: Vec<Notification> =
            found.into_iter().map(notification_of).collect::<Result<_, _>>()?;
        let is_unread = |it: &&Notification| it.read_at.is_none() && it.at > stamp.at - KEPT;
        let expression = format!("SET read_at = :changed_at, {STAMPED}");
        let mark = |it: &Notification| {
            let key = keys::notification(mess, it.notification_id);
            let condition = "attribute_exists(pk) AND attribute_not_exists(read_at)";
            update(table, &key, &expression, condition, None, values(stamp, []))
        };
        let writes: Vec<_> = found.iter().filter(is_unread).map(mark).collect();
        let marked = writes.len();
        if marked == 0 {
            return Ok(Attempt::Done(0));
        }
        Ok(self.transact_if_unchanged(writes).await?.map(|()| marked))
    }

    /// Removes the name and the roll number of a student who has deleted the account. It is safe to
    /// repeat.
    pub async fn notification_erase(
        &self,
        notification: &Notification,
        stamp: &Stamp,
    ) -> Result<(), StoreError> {
        let Notification { mess_id, notification_id, .. } = notification;
        let request = self
            .client
            .update_item()
            .table_name(&self.tables.meals)
            .set_key(Some(keys::notification(mess_id, *notification_id).attributes()))
            .update_expression(format!("SET {STAMPED} REMOVE news.#name, news.roll_no"))
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_names("#name", "name")
            .set_expression_attribute_values(Some(values(stamp, [])));
        none_if_condition_failed(request.send().await)?;
        Ok(())
    }

    /// At most `limit` notifications of a range, newest first. If there are more, also the id of
    /// the last one. The read may be a moment behind.
    async fn notifications_query(
        &self,
        mess: &MessId,
        range: Range,
        limit: usize,
    ) -> Result<(Vec<Notification>, Option<NotificationId>), StoreError> {
        // A cursor may be older than all kept notifications, and DynamoDB refuses a range that
        // ends before it begins.
        if range.to < range.from.to_string() {
            return Ok((Vec::new(), None));
        }
        // The end of a range is exclusive, but BETWEEN includes it.
        let start = (range.to != until(None)).then(|| {
            let key = keys::Key { pk: keys::notifications(mess), sk: range.to.clone() };
            key.attributes()
        });
        let answer = self
            .client
            .query()
            .table_name(&self.tables.meals)
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
            .expression_attribute_values(":pk", text(keys::notifications(mess)))
            .expression_attribute_values(":from", text(range.from))
            .expression_attribute_values(":to", text(&range.to))
            .scan_index_forward(false)
            .set_exclusive_start_key(start)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .send()
            .await?;
        let last = answer.last_evaluated_key.as_ref().and_then(keys::Key::of);
        let last = last.and_then(|key| key.sk.parse().ok());
        let found = answer.items.unwrap_or_default().into_iter();
        Ok((found.map(notification_of).collect::<Result<_, _>>()?, last))
    }
}

/// The lowest id of a notification that is not expired.
fn first_kept(now: Timestamp) -> NotificationId {
    NotificationId::first_of(now - KEPT + SignedDuration::from_millis(1))
}

/// The exclusive end of a range: `before`, or a text that sorts after every id.
fn until(before: Option<NotificationId>) -> String {
    before.map_or_else(|| format!("{}~", NotificationId::PREFIX), |before| before.to_string())
}

fn notification_of(attributes: Attributes) -> Result<Notification, StoreError> {
    let item: NotificationItem = serde_dynamo::from_item(attributes)?;
    Ok(item.into())
}
