//! Cycles: payments for a student's days. The cycle's record keeps the whole history. In the same
//! transaction the cycle is also written to the student's item ([`Member`]), which holds the
//! pending and verified cycles. That item ensures that no two cycles share a day, and scans read
//! it.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use thali_domain::accounts::deletion;
use thali_domain::accounts::identity::{Name, RollNo};
use thali_domain::days::Period;
use thali_domain::ids::{AccountId, CycleId, MessId};
use thali_domain::meals::cycles::{Cycle, CycleStatus};
use thali_domain::meals::entitlement::{CycleState, OpenCycle};
use thali_domain::meals::rupees::CyclePaise;
use thali_domain::meals::screenshots::{Screenshot, ScreenshotUrl};
use thali_domain::pictures::ScreenshotKey;
use thali_domain::reason::Reason;

use crate::store::changes::kinds::{Kind, Stored};
use crate::store::changes::trail::{ERASED_AT, Trail};
use crate::store::keys::Key;
use crate::store::{
    Attempt, Attributes, Consistency, IdempotencyKey, Member, Operation, STAMPED, Stamp, Store,
    StoreError, item, keys, millis, none_if_condition_failed, number, put_new, text, update,
    values,
};

/// The storage format of a screenshot: one of two attributes of its cycle.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Screenshot")]
enum ScreenshotAttribute {
    #[serde(rename = "screenshot_key")]
    Uploaded(ScreenshotKey),
    #[serde(rename = "screenshot_url")]
    Elsewhere(ScreenshotUrl),
}

/// The storage format of a cycle.
#[skip_serializing_none]
#[derive(Serialize, Deserialize)]
#[serde(remote = "Cycle")]
struct CycleItem {
    cycle_id: CycleId,
    account_id: AccountId,
    mess_id: MessId,
    name: Name,
    roll_no: Option<RollNo>,
    #[serde(flatten)]
    period: Period,
    amount_paise: CyclePaise,
    #[serde(flatten, with = "ScreenshotAttribute")]
    screenshot: Screenshot,
    status: CycleStatus,
    reason: Option<Reason>,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    created_at: Timestamp,
    #[serde(default, with = "jiff::fmt::serde::timestamp::millisecond::optional")]
    decided_at: Option<Timestamp>,
}

/// A cycle in its storage format.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub(in crate::store) struct StoredCycle(#[serde(with = "CycleItem")] Cycle);

/// In place of the address of a screenshot on another site. RFC 6761 reserves the domain: nobody
/// will ever answer there.
const NOWHERE: &str = "https://deleted.invalid/";

/// The attribute with the partition of the index `cycles`.
const PARTITION: &str = "cycle_status";

impl Stored for StoredCycle {
    type Read = Cycle;
    const KIND: Kind = Kind::Cycle;
    const TRAIL: Trail = Trail::shows(&[
        "cycle_id",
        "account_id",
        "mess_id",
        "name",
        "roll_no",
        "from",
        "to",
        "amount_paise",
        "screenshot_key",
        "screenshot_url",
        "status",
        "reason",
        "created_at",
        "decided_at",
        "decided_by",
        ERASED_AT,
        PARTITION,
    ]);
}

impl From<StoredCycle> for Cycle {
    fn from(stored: StoredCycle) -> Self {
        stored.0
    }
}

impl Store {
    /// Records a new cycle in one transaction, with the outcome of the idempotency key if the
    /// request had one, and removes the `forgotten` cycles from the student's item. Returns
    /// [`Attempt::Overtaken`] if the student's cycles or cuts have changed since `member` was
    /// read, or if the id or the key is in use by now.
    pub async fn cycle_upload(
        &self,
        member: &Member,
        cycle: &Cycle,
        forgotten: &[CycleId],
        key: Option<&IdempotencyKey>,
        stamp: &Stamp,
    ) -> Result<Attempt<()>, StoreError> {
        let at = keys::cycle(&cycle.mess_id, cycle.cycle_id);
        let mut record = item(&at, &StoredCycle(cycle.clone()), stamp)?;
        let partition = keys::cycles_partition(&cycle.mess_id, cycle.status.as_str());
        record.insert(PARTITION.to_owned(), text(partition));
        let mut writes = vec![put_new(&self.tables.meals, record)];

        let open = OpenCycle { period: cycle.period, state: CycleState::Pending };
        let open = serde_dynamo::to_attribute_value(open)?;
        let given = [
            (":cycle", open),
            (":read", number(member.version)),
            (":version", number(member.version + 1)),
        ];
        let mut names = HashMap::from([("#id".to_owned(), cycle.cycle_id.to_string())]);
        let mut removed = Vec::new();
        for (index, id) in forgotten.iter().enumerate() {
            names.insert(format!("#old{index}"), id.to_string());
            removed.push(format!("cycles.#old{index}"));
        }
        let removed = match removed.as_slice() {
            [] => String::new(),
            removed => format!(" REMOVE {}", removed.join(", ")),
        };
        writes.push(update(
            &self.tables.meals,
            &keys::member(&member.mess_id, member.account_id),
            &format!("SET cycles.#id = :cycle, version = :version, {STAMPED}{removed}"),
            "version = :read",
            Some(names),
            values(stamp, given),
        ));
        if let Some(key) = key {
            let (operation, outcome) = (Operation::UploadCycle, cycle.cycle_id.to_string());
            writes.push(self.idempotency_put(cycle.account_id, operation, key, outcome, stamp)?);
        }
        self.transact_if_unchanged(writes).await
    }

    pub async fn cycle_get(
        &self,
        mess: &MessId,
        cycle: CycleId,
    ) -> Result<Option<Cycle>, StoreError> {
        let key = keys::cycle(mess, cycle);
        let found: Option<StoredCycle> =
            self.get(&self.tables.meals, &key, Consistency::Strong).await?;
        Ok(found.map(|StoredCycle(cycle)| cycle))
    }

    /// Writes an owner's decision about a pending cycle to its record and to the student's item,
    /// in one transaction. A verified cycle counts from the next scan on, and the days of a
    /// rejected one are free again. `forgotten` says that the cycle ended so long ago that it
    /// stays out of the student's item. Returns [`Attempt::Overtaken`] if the cycle is no longer
    /// pending.
    pub async fn cycle_decide(
        &self,
        decided: &Cycle,
        forgotten: bool,
        stamp: &Stamp,
    ) -> Result<Attempt<()>, StoreError> {
        let partition = keys::cycles_partition(&decided.mess_id, decided.status.as_str());
        let given = [
            (":pending", text(CycleStatus::Pending.as_str())),
            (":status", text(decided.status.as_str())),
            (":partition", text(partition)),
            (":decided_at", millis(decided.decided_at.unwrap_or(stamp.at))),
        ];
        let mut given = values(stamp, given);
        let mut set = format!(
            "#status = :status, {PARTITION} = :partition, decided_at = :decided_at, \
             decided_by = :actor"
        );
        if let Some(reason) = &decided.reason {
            given.insert(":reason".to_owned(), text(reason));
            set += ", reason = :reason";
        }
        let names = HashMap::from([("#status".to_owned(), "status".to_owned())]);
        let record = update(
            &self.tables.meals,
            &keys::cycle(&decided.mess_id, decided.cycle_id),
            &format!("SET {set}, {STAMPED}"),
            "#status = :pending",
            Some(names),
            given,
        );

        let mut given = values(stamp, [(":one", number(1))]);
        let counted = format!("version = version + :one, {STAMPED}");
        // A cycle that ended so long ago that the student's item may have dropped it is not added
        // again.
        let expression = match decided.status {
            CycleStatus::Verified if !forgotten => {
                let open = OpenCycle { period: decided.period, state: CycleState::Verified };
                given.insert(":cycle".to_owned(), serde_dynamo::to_attribute_value(open)?);
                format!("SET cycles.#id = :cycle, {counted}")
            }
            _ => {
                format!("SET {counted} REMOVE cycles.#id")
            }
        };
        let names = HashMap::from([("#id".to_owned(), decided.cycle_id.to_string())]);
        let member = update(
            &self.tables.meals,
            &keys::member(&decided.mess_id, decided.account_id),
            &expression,
            "attribute_exists(pk)",
            Some(names),
            given,
        );
        self.transact_if_unchanged(vec![record, member]).await
    }

    /// Removes from a cycle's record what leads to a student who has deleted the account. It is
    /// safe to repeat.
    pub async fn cycle_erase(&self, cycle: &Cycle, stamp: &Stamp) -> Result<(), StoreError> {
        let mut given = values(stamp, [(":name", text(deletion::name_of_deleted()))]);
        let mut set = format!("#name = :name, {ERASED_AT} = :changed_at, {STAMPED}");
        if let Screenshot::Elsewhere(_) = cycle.screenshot {
            set += ", screenshot_url = :nowhere";
            given.insert(":nowhere".to_owned(), text(NOWHERE));
        }
        let request = self
            .client
            .update_item()
            .table_name(&self.tables.meals)
            .set_key(Some(keys::cycle(&cycle.mess_id, cycle.cycle_id).attributes()))
            .update_expression(format!("SET {set} REMOVE roll_no, reason"))
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_names("#name", "name")
            .set_expression_attribute_values(Some(given));
        none_if_condition_failed(request.send().await)?;
        Ok(())
    }

    /// At most `limit` cycles of a mess with one status that come after `after`, oldest first. The
    /// index may be a moment behind.
    pub async fn cycles_page(
        &self,
        mess: &MessId,
        status: CycleStatus,
        after: Option<CycleId>,
        limit: usize,
    ) -> Result<Vec<Cycle>, StoreError> {
        let partition = keys::cycles_partition(mess, status.as_str());
        let request = self
            .client
            .query()
            .table_name(&self.tables.meals)
            .index_name(keys::CYCLES_INDEX)
            .expression_attribute_values(":partition", text(partition))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX));
        let request = match after {
            None => request.key_condition_expression("cycle_status = :partition"),
            Some(after) => request
                .key_condition_expression("cycle_status = :partition AND cycle_id > :after")
                .expression_attribute_values(":after", text(after)),
        };
        // A hundred records of at most two kilobytes are far below the megabyte at which DynamoDB
        // ends a page.
        let answer = request.send().await?;
        answer.items.unwrap_or_default().into_iter().map(cycle_of).collect()
    }

    /// At most `limit` cycles of a student that are older than `before`, newest first. If `status`
    /// is given, only the cycles with that status.
    pub async fn cycles_of_page(
        &self,
        mess: &MessId,
        account: AccountId,
        status: Option<CycleStatus>,
        before: Option<CycleId>,
        limit: usize,
    ) -> Result<Vec<Cycle>, StoreError> {
        let pk = keys::student_records(mess, &account.account_part());
        let start = before.map(|cycle| Key { pk: pk.clone(), sk: cycle.to_string() });
        let mut request = self
            .client
            .query()
            .table_name(&self.tables.meals)
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":pk", text(pk))
            .expression_attribute_values(":prefix", text(keys::CYCLES))
            .scan_index_forward(false)
            .consistent_read(true)
            .set_exclusive_start_key(start.map(|key| key.attributes()))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX));
        if let Some(status) = status {
            request = request
                .filter_expression("#status = :status")
                .expression_attribute_names("#status", "status")
                .expression_attribute_values(":status", text(status.as_str()));
        }
        // Usually one response. If few cycles have the status, as many responses as needed.
        let mut found = request.into_paginator().items().send();
        let mut cycles = Vec::new();
        while cycles.len() < limit
            && let Some(attributes) = found.next().await
        {
            cycles.push(cycle_of(attributes?)?);
        }
        Ok(cycles)
    }
}

fn cycle_of(attributes: Attributes) -> Result<Cycle, StoreError> {
    let StoredCycle(cycle) = serde_dynamo::from_item(attributes)?;
    Ok(cycle)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_stored_cycle_keeps_attribute_names_and_formats() {
        let mut stored = json!({
            "cycle_id": "cyc_01ARZ3NDEKTSV4RRFFQ69G5FAV",
            "account_id": "acc_01ARZ3NDEKTSV4RRFFQ69G5FAV",
            "mess_id": "mess_demo",
            "name": "Asha",
            "from": "2026-01-01",
            "to": "2026-01-31",
            "amount_paise": 150_050,
            "screenshot_url": "https://example.com/a.png",
            "status": "pending",
            "created_at": 1_767_225_600_000_u64,
        });
        let cycle: StoredCycle = serde_json::from_value(stored.clone()).expect("a pending cycle");
        assert_eq!(serde_json::to_value(cycle).expect("plain data"), stored);
        stored["roll_no"] = "21CS042".into();
        stored["status"] = "rejected".into();
        stored["reason"] = "Not received".into();
        stored["decided_at"] = 1_767_225_601_000_u64.into();
        let cycle: StoredCycle = serde_json::from_value(stored.clone()).expect("a decided cycle");
        assert_eq!(serde_json::to_value(cycle).expect("plain data"), stored);
    }
}
