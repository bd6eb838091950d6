//! The audit trail: writing its records and reading them by item or by time.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_with::skip_serializing_none;

use thali_domain::ids::MessId;

use crate::store::{Store, StoreError, expiring, keys, text};

const KEPT: SignedDuration = SignedDuration::from_hours(24 * 365);

/// The length of a UTC day.
const DAY: SignedDuration = SignedDuration::from_hours(24);

#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// The stream's id of the change. A change that is delivered twice gives only one record.
    pub event_id: String,
    /// The mess of the changed item, or `none` if the item belongs to no mess.
    pub mess_id: String,
    /// The changed item: its partition key and its sort key, joined by `/`.
    pub entity: String,
    pub kind: String,
    /// `INSERT`, `MODIFY` or `REMOVE`.
    pub operation: String,
    /// Who made the change.
    pub actor: String,
    /// The request that caused the change.
    pub request_id: String,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub at: Timestamp,
    /// The item before the change, without secrets.
    pub before: Option<Value>,
    /// The item after the change, without secrets.
    pub after: Option<Value>,
}

/// A selection of audit records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditFilter {
    /// The records of one item, by the name that the records give it.
    Entity(String),
    /// The records from the first time (inclusive) until the second (exclusive).
    Between(Timestamp, Timestamp),
}

/// A partition of records, sorted by time.
enum Partition {
    /// The records of a UTC day, in the table.
    Day(String),
    /// The records of one item, in the index.
    Entity(String),
}

impl Store {
    /// At most `limit` records of a mess that are older than the position `before`, newest first.
    /// Also returns the position at which the next page starts, if there may be more records.
    ///
    /// A record holds two images of an item and may be hundreds of kilobytes long. For each UTC
    /// day the result therefore contains only one DynamoDB response, which is at most a megabyte.
    /// So there may be fewer records than `limit` although more exist.
    pub async fn audit_page(
        &self,
        mess: &MessId,
        of: &AuditFilter,
        before: Option<&str>,
        limit: usize,
        now: Timestamp,
    ) -> Result<(Vec<AuditRecord>, Option<String>), StoreError> {
        // A colon sorts after every digit, so every position is before this one.
        let before = before.unwrap_or(":");
        let (mut records, next) = match of {
            AuditFilter::Entity(entity) => {
                let partition = Partition::Entity(keys::audit_entity(mess, entity));
                self.audit_query(mess, partition, before, limit).await?
            }
            AuditFilter::Between(from, until) => {
                self.audit_between(mess, *from, *until, before, limit).await?
            }
        };
        // DynamoDB removes expired records, but with a delay.
        records.retain(|record| now < record.at + KEPT);
        Ok((records, next))
    }

    /// The records between two times, which may belong to more than one UTC day. Reads one day
    /// after the other, the latest first.
    async fn audit_between(
        &self,
        mess: &MessId,
        from: Timestamp,
        until: Timestamp,
        before: &str,
        limit: usize,
    ) -> Result<(Vec<AuditRecord>, Option<String>), StoreError> {
        let until_position = keys::audit_position(until);
        let before = before.min(until_position.as_str());
        let mut records = Vec::new();
        for day in utc_days(from, until) {
            let begins = keys::audit_position(day);
            if before <= begins.as_str() {
                continue;
            }
            if records.len() >= limit {
                let ends = day + DAY;
                return Ok((records, Some(keys::audit_position(ends))));
            }
            let partition = Partition::Day(keys::audit_day(mess, day));
            let room = limit - records.len();
            let (found, next) = self.audit_query(mess, partition, before, room).await?;
            let is_past = found.last().is_some_and(|record| record.at < from);
            records.extend(found.into_iter().take_while(|record| from <= record.at));
            if is_past || next.is_some() {
                return Ok((records, next.filter(|_| !is_past)));
            }
        }
        Ok((records, None))
    }

    /// At most `limit` records of one partition that are older than the position `before`, newest
    /// first. Also returns the position of the last one, if there may be more.
    async fn audit_query(
        &self,
        mess: &MessId,
        partition: Partition,
        before: &str,
        limit: usize,
    ) -> Result<(Vec<AuditRecord>, Option<String>), StoreError> {
        let request = self.client.query().table_name(&self.tables.audit);
        let (request, name, partition) = match partition {
            Partition::Day(partition) => (request, "pk", partition),
            Partition::Entity(partition) => {
                (request.index_name(keys::ENTITY_INDEX), keys::ENTITY_INDEX, partition)
            }
        };
        let answer = request
            .key_condition_expression("#partition = :partition AND sk < :before")
            .expression_attribute_names("#partition", name)
            .expression_attribute_values(":partition", text(partition))
            .expression_attribute_values(":before", text(before))
            .scan_index_forward(false)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .send()
            .await?;
        let next = answer.last_evaluated_key.as_ref().and_then(keys::Key::of).map(|key| key.sk);
        let found = answer.items.unwrap_or_default().into_iter();
        let records: Result<Vec<AuditRecord>, _> = found.map(|item| read(mess, item)).collect();
        Ok((records?, next))
    }

    /// Writes a record. An existing record stays unchanged.
    pub async fn audit_put(&self, record: &AuditRecord) -> Result<(), StoreError> {
        let key = keys::audit(&record.mess_id, record.at, &record.event_id);
        let mut attributes: crate::store::Attributes = serde_dynamo::to_item(record)?;
        attributes.extend(key.attributes());
        let entity = format!("{}#{}", record.mess_id, record.entity);
        attributes.insert("entity".to_owned(), text(entity));
        self.put_if_new(&self.tables.audit, expiring(attributes, record.at + KEPT)).await?;
        Ok(())
    }
}

/// The beginnings of all UTC days that the time from `from` until `until` (exclusive) touches,
/// latest first. A day in the time zone of a mess usually touches two.
fn utc_days(from: Timestamp, until: Timestamp) -> impl Iterator<Item = Timestamp> {
    let day_ms = DAY.as_secs() * 1_000;
    let day_of = move |millisecond: i64| millisecond.div_euclid(day_ms);
    let days = day_of(from.as_millisecond())..=day_of(until.as_millisecond() - 1);
    days.rev().filter_map(move |day| Timestamp::from_millisecond(day * day_ms).ok())
}

fn read(mess: &MessId, mut item: crate::store::Attributes) -> Result<AuditRecord, StoreError> {
    // The index needs the mess before the entity; callers get the entity without the mess.
    if let Some(entity) = item.get_mut(keys::ENTITY_INDEX) {
        let told = entity.as_s().ok().and_then(|it| it.strip_prefix(&format!("{mess}#")));
        if let Some(told) = told.map(text) {
            *entity = told;
        }
    }
    Ok(serde_dynamo::from_item(item)?)
}
