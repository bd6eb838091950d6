//! The tables' change streams, decoded: one [`Change`] for each record, whose images are the
//! store's own items. So whoever follows a change names its attributes as the store does.
//!
//! | file | its subject |
//! |---|---|
//! | this one | one change, as a stream tells it |
//! | `kinds` | the kinds of items, in the one table of them |
//! | `trail` | what the audit trail shows of each kind, and the record of a change |
//! | `fixtures` | an item of each kind as it is stored: what is stored must stay readable |

pub(super) mod kinds;
#[cfg(test)]
mod tests;
pub(super) mod trail;

use aws_lambda_events::dynamodb::EventRecord;
use jiff::Timestamp;
use serde_dynamo::{AttributeValue, Item};
use thali_domain::ids::MessId;

use self::kinds::{Changed, Kind, Stored};
use crate::store::StoreError;

/// A change of one item.
pub struct Change {
    /// The stream's id of the change.
    pub event_id: String,
    /// Where the change is in its stream.
    pub sequence_number: String,
    /// When the item was written. Where it was removed, to the second only.
    pub at: Timestamp,
    /// The mess of the item, if it has one.
    pub mess_id: Option<MessId>,
    /// What was changed. `None` where the item is of no known kind or cannot be read: that
    /// would be so the next time too, so it is logged, the audit trail has the change, and
    /// the changes behind it go on.
    pub of: Option<Changed>,
    /// `INSERT`, `MODIFY` or `REMOVE`.
    operation: String,
    /// The sort key behind the partition key.
    key: String,
    before: Option<Item>,
    after: Option<Item>,
}

/// An item before and after a change.
pub struct Images<T> {
    /// `None` where there was no such item.
    pub before: Option<Box<T>>,
    /// `None` where the item was removed.
    pub after: Option<Box<T>>,
}

impl<T> Images<T> {
    /// The item, if the change made it.
    #[must_use]
    pub fn inserted(&self) -> Option<&T> {
        self.after.as_deref().filter(|_| self.before.is_none())
    }

    /// The item before and after, if there was one and still is.
    #[must_use]
    pub fn modified(&self) -> Option<(&T, &T)> {
        self.before.as_deref().zip(self.after.as_deref())
    }

    /// The item after the change, if `part` of it was not the same before.
    pub fn became<P: PartialEq>(&self, part: impl Fn(&T) -> P) -> Option<&T> {
        let after = self.after.as_deref()?;
        let before = self.before.as_deref().map(&part);
        (before != Some(part(after))).then_some(after)
    }

    /// The item after the change, or as it was removed.
    #[must_use]
    pub fn last(&self) -> Option<&T> {
        self.after.as_deref().or(self.before.as_deref())
    }

    fn read<I: Stored<Read = T>>(
        before: Option<&Item>,
        after: Option<&Item>,
    ) -> Result<Self, StoreError> {
        let read = |image: Option<&Item>| -> Result<Option<Box<T>>, StoreError> {
            image.map(|image| Ok(Box::new(I::read(image.clone().into())?))).transpose()
        };
        Ok(Self { before: read(before)?, after: read(after)? })
    }
}

impl From<EventRecord> for Change {
    fn from(record: EventRecord) -> Self {
        let change = record.change;
        let image = |item: Item| (!item.is_empty()).then_some(item);
        let (before, after) = (image(change.old_image), image(change.new_image));
        let part = |name: &str| text_of(&change.keys, name).unwrap_or_default();
        let key = format!("{}/{}", part("pk"), part("sk"));
        // The stream knows the second only; whoever wrote the item knew the millisecond.
        let stamped_ms = after.as_ref().and_then(|after| number_of(after, "changed_at"));
        let streamed_ms = change.approximate_creation_date_time.timestamp_millis();
        let at = Timestamp::from_millisecond(stamped_ms.unwrap_or(streamed_ms));
        let last = after.as_ref().or(before.as_ref());
        let mess_id = last.and_then(|last| MessId::parse(text_of(last, "mess_id")?).ok());
        Self {
            of: read(&record.event_id, before.as_ref(), after.as_ref()),
            event_id: record.event_id,
            sequence_number: change.sequence_number.unwrap_or_default(),
            at: at.unwrap_or(Timestamp::UNIX_EPOCH),
            mess_id,
            operation: record.event_name,
            key,
            before,
            after,
        }
    }
}

impl Change {
    /// A text of the item after the change, or as it was removed.
    fn text(&self, attribute: &str) -> Option<&str> {
        text_of(self.after.as_ref().or(self.before.as_ref())?, attribute)
    }
}

/// Reads the images. What is logged is not the error itself: that may quote the item.
fn read(event_id: &str, before: Option<&Item>, after: Option<&Item>) -> Option<Changed> {
    let kind = after.or(before).and_then(|image| text_of(image, "kind"));
    let Some(kind) = kind.and_then(Kind::of) else {
        tracing::error!(event_id, "an item is of no known kind, so nothing follows from it");
        return None;
    };
    let read = Changed::read(kind, before, after);
    if read.is_err() {
        let kind = kind.name();
        tracing::error!(event_id, kind, "an item cannot be read, so nothing follows from it");
    }
    read.ok()
}

fn text_of<'a>(image: &'a Item, attribute: &str) -> Option<&'a str> {
    match image.get(attribute)? {
        AttributeValue::S(text) => Some(text),
        _ => None,
    }
}

fn number_of(image: &Item, attribute: &str) -> Option<i64> {
    match image.get(attribute)? {
        AttributeValue::N(number) => number.parse().ok(),
        _ => None,
    }
}
