//! One change of one item, as the stream tells it.

use aws_lambda_events::dynamodb::EventRecord;
use jiff::Timestamp;
use serde_json::{Map, Value};

/// A change of one item, its images as plain JSON.
pub(super) struct Change {
    pub(super) event_id: String,
    pub(super) operation: String,
    pub(super) sequence_number: String,
    pub(super) at: Timestamp,
    pub(super) key: String,
    pub(super) before: Option<Map<String, Value>>,
    pub(super) after: Option<Map<String, Value>>,
}

impl From<EventRecord> for Change {
    fn from(record: EventRecord) -> Self {
        let change = record.change;
        let image = |item: serde_dynamo::Item| -> Option<Map<String, Value>> {
            let image: Map<String, Value> = serde_dynamo::from_item(item).ok()?;
            (!image.is_empty()).then_some(image)
        };
        let keys = image(change.keys).unwrap_or_default();
        let part = |name: &str| keys.get(name).and_then(Value::as_str).unwrap_or_default();
        let after = image(change.new_image);
        // The stream knows the second only; what wrote the item knew the millisecond.
        let stamped_ms = after.as_ref().and_then(|after| after.get("changed_at")?.as_i64());
        let streamed_ms = change.approximate_creation_date_time.timestamp_millis();
        let at = Timestamp::from_millisecond(stamped_ms.unwrap_or(streamed_ms));
        Self {
            event_id: record.event_id,
            operation: record.event_name,
            sequence_number: change.sequence_number.unwrap_or_default(),
            at: at.unwrap_or(Timestamp::UNIX_EPOCH),
            key: format!("{}/{}", part("pk"), part("sk")),
            before: image(change.old_image),
            after,
        }
    }
}

impl Change {
    pub(super) fn text(&self, attribute: &str) -> Option<&str> {
        let image = self.after.as_ref().or(self.before.as_ref())?;
        image.get(attribute)?.as_str()
    }

    /// The value of an attribute after the change, if the change made it.
    pub(super) fn became(&self, attribute: &str) -> Option<&Value> {
        let after = self.after.as_ref()?.get(attribute)?;
        let before = self.before.as_ref().and_then(|before| before.get(attribute));
        (before != Some(after)).then_some(after)
    }

    /// Reads an image. One that cannot be read is our mistake and would be as unreadable
    /// the next time: it is logged, the trail has it, and the changes behind it go on.
    pub(super) fn read<T: serde::de::DeserializeOwned>(&self, image: Value) -> Option<T> {
        let read = serde_json::from_value(image).ok();
        if read.is_none() {
            // Not the error itself: it may quote the item.
            tracing::error!(
                event_id = self.event_id,
                "an item cannot be read, so nothing follows from it"
            );
        }
        read
    }
}
