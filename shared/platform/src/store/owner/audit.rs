//! The audit trail.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use thali_domain::ids::MessId;

use crate::store::{Store, StoreError, expiring, keys, text};

/// How long a record is kept.
const KEPT: SignedDuration = SignedDuration::from_hours(24 * 365);

/// A day of UTC.
const DAY: SignedDuration = SignedDuration::from_hours(24);

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

/// Which records somebody wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditOf {
    /// Those of one thing, by what the records call it.
    Entity(String),
    /// Those from one moment until another, that one excluded.
    Between(Timestamp, Timestamp),
}

/// Where records lie together, in the order of time.
enum Partition {
    /// Those of a day of UTC, in the table.
    Day(String),
    /// Those of one thing, in the index.
    Entity(String),
}

impl Store {
    /// At most `limit` records of a mess, the newest first, from the first that is older than
    /// the one at `before` on. Each has its position, which is behind those that are newer.
    ///
    /// A record holds two images of an item and may be hundreds of kilobytes long; so what is
    /// answered together is one answer of DynamoDB for each day of UTC, a megabyte at most, and
    /// perhaps fewer records than `limit` though there are more: then there is a position to go
    /// on from.
    pub async fn audit_page(
        &self,
        mess: &MessId,
        of: &AuditOf,
        before: Option<&str>,
        limit: usize,
        now: Timestamp,
    ) -> Result<(Vec<AuditRecord>, Option<String>), StoreError> {
        // A digit is less than a colon, so that no position is behind this one.
        let before = before.unwrap_or(":");
        let (mut records, next) = match of {
            AuditOf::Entity(entity) => {
                let partition = Partition::Entity(keys::audit_entity(mess, entity));
                self.audit_query(mess, partition, before, limit).await?
            }
            AuditOf::Between(from, until) => {
                self.audit_between(mess, *from, *until, before, limit).await?
            }
        };
        // DynamoDB removes what has expired, but takes its time.
        records.retain(|record| now < record.at + KEPT);
        Ok((records, next))
    }

    /// The records of some hours, which may be of more than one day of UTC: of one after the
    /// other, the latest first.
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

    /// At most `limit` records of one partition that are older than the one at `before`, the
    /// newest first, and the position of the last one if there may be more.
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

    /// Writes a record. A record that is there already is left as it is.
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

/// When the days of UTC begin that the time from one moment until another (that one excluded)
/// touches, the last day first: two where a day of a mess is meant.
fn utc_days(from: Timestamp, until: Timestamp) -> impl Iterator<Item = Timestamp> {
    let day_ms = DAY.as_secs() * 1_000;
    let day_of = move |millisecond: i64| millisecond.div_euclid(day_ms);
    let days = day_of(from.as_millisecond())..=day_of(until.as_millisecond() - 1);
    days.rev().filter_map(move |day| Timestamp::from_millisecond(day * day_ms).ok())
}

fn read(mess: &MessId, mut item: crate::store::Attributes) -> Result<AuditRecord, StoreError> {
    // The index needs the mess before the entity; the record is told without.
    if let Some(entity) = item.get_mut(keys::ENTITY_INDEX) {
        let told = entity.as_s().ok().and_then(|it| it.strip_prefix(&format!("{mess}#")));
        if let Some(told) = told.map(text) {
            *entity = told;
        }
    }
    Ok(serde_dynamo::from_item(item)?)
}
