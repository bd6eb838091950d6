//! The tables' change streams, decoded: one [`Change`] for each stream record. The images before
//! and after the change are the store's own items, so code that reacts to a change uses the
//! store's types.
//!
//! | file | its subject |
//! |---|---|
//! | this one | one change, decoded from a stream record |
//! | `kinds` | the table of all kinds of items |
//! | `trail` | what the audit trail shows of each kind, and the audit record of a change |
//! | `fixtures` | a stored item of each kind: tests check that stored items stay readable |

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

pub struct Change {
    /// The stream's id of the change.
    pub event_id: String,
    /// The position of the change in its stream.
    pub sequence_number: String,
    /// When the item was written. For a removed item, precise only to the second.
    pub at: Timestamp,
    /// The mess of the item, if it has one.
    pub mess_id: Option<MessId>,
    /// The changed item. `None` if its kind is unknown or the item cannot be read. A retry would
    /// not help, so the error is logged, the audit trail still records the change, and later
    /// changes of the stream are processed.
    pub of: Option<Changed>,
    /// `INSERT`, `MODIFY` or `REMOVE`.
    operation: String,
    /// The partition key and the sort key, joined by `/`.
    key: String,
    before: Option<Item>,
    after: Option<Item>,
}

/// An item before and after a change.
pub struct Images<T> {
    /// `None` if the item did not exist.
    pub before: Option<Box<T>>,
    /// `None` if the item was removed.
    pub after: Option<Box<T>>,
}

impl<T> Images<T> {
    /// The item, if the change created it.
    #[must_use]
    pub fn inserted(&self) -> Option<&T> {
        self.after.as_deref().filter(|_| self.before.is_none())
    }

    /// The item before and after the change, if it existed both times.
    #[must_use]
    pub fn modified(&self) -> Option<(&T, &T)> {
        self.before.as_deref().zip(self.after.as_deref())
    }

    /// The item after the change, if the change gave `part` a new value.
    pub fn became<P: PartialEq>(&self, part: impl Fn(&T) -> P) -> Option<&T> {
        let after = self.after.as_deref()?;
        let before = self.before.as_deref().map(&part);
        (before != Some(part(after))).then_some(after)
    }

    /// The item after the change, or its last state if it was removed.
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
        // The stream's time is precise to the second; the item's stamp has milliseconds.
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
    /// A text attribute of the item after the change, or of its last state if it was removed.
    fn text(&self, attribute: &str) -> Option<&str> {
        text_of(self.after.as_ref().or(self.before.as_ref())?, attribute)
    }
}

/// Reads the images. The error itself is not logged, because it may quote the item.
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
