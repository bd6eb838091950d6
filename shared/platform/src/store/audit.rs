//! The audit trail.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Store, StoreError, expiring, keys, text};

/// How long a record is kept.
const KEPT: SignedDuration = SignedDuration::from_hours(24 * 365);

/// One change of one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// The stream's id of the change: a record that comes twice is one record.
    pub event_id: String,
    /// The mess in which it happened, or `none` where the item belongs to no mess.
    pub mess_id: String,
    /// What was changed: the item's sort key behind its partition key.
    pub entity: String,
    /// The kind of item.
    pub kind: String,
    /// `INSERT`, `MODIFY` or `REMOVE`.
    pub operation: String,
    /// Who changed it.
    pub actor: String,
    /// With which request.
    pub request_id: String,
    /// When.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub at: Timestamp,
    /// The item before, without secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// The item after, without secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

impl Store {
    /// Writes a record. A record that is there already is left as it is.
    pub async fn audit_put(&self, record: &AuditRecord) -> Result<(), StoreError> {
        let key = keys::audit(&record.mess_id, record.at, &record.event_id);
        let mut attributes: super::Attributes = serde_dynamo::to_item(record)?;
        attributes.extend(key.attributes());
        let entity = format!("{}#{}", record.mess_id, record.entity);
        attributes.insert("entity".to_owned(), text(entity));
        self.put_if_new(&self.tables.audit, expiring(attributes, record.at + KEPT)).await?;
        Ok(())
    }
}
