//! Mess cuts. A cut is an entry in the student's item, which scans read, and a record, which
//! stays. Both are written in one transaction.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thali_domain::days::{MealDate, Meals, Period};
use thali_domain::ids::{AccountId, CutId, MessId};
use thali_domain::meals::entitlement::OpenCut;

use crate::store::changes::kinds::{Kind, Stored};
use crate::store::changes::trail::Trail;
use crate::store::{
    Attempt, Attributes, Consistency, IdempotencyKey, Operation, STAMPED, Stamp, Store, StoreError,
    TransactError, delete, item, keys, number, put_new, update, values,
};

/// A cut as the student applied for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CutRecord {
    pub cut_id: CutId,
    pub account_id: AccountId,
    pub mess_id: MessId,
    pub from: MealDate,
    /// The last day, inclusive.
    pub to: MealDate,
    /// The meals that are cut on each day.
    pub meals: Meals,
    /// When the student applied for it.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub created_at: Timestamp,
}

impl Stored for CutRecord {
    type Read = Self;
    const KIND: Kind = Kind::Cut;
    const TRAIL: Trail =
        Trail::shows(&["cut_id", "account_id", "mess_id", "from", "to", "meals", "created_at"]);
}

impl CutRecord {
    /// The part that scans need.
    #[must_use]
    pub fn open(&self) -> OpenCut {
        let period = Period { from: self.from, to: self.to };
        OpenCut { period, meals: self.meals.clone() }
    }
}

impl Store {
    /// Records a cut in one transaction, with the outcome of the idempotency key if the request
    /// had one, and removes the cuts in `over` from the student's item. The cut was decided on the
    /// student's item at `version`. Returns [`Attempt::Overtaken`] if the item has another version
    /// by now, or the key was used.
    pub async fn cut_create(
        &self,
        cut: &CutRecord,
        version: u64,
        over: &[CutId],
        key: Option<&IdempotencyKey>,
        stamp: &Stamp,
    ) -> Result<Attempt<()>, StoreError> {
        let given = [
            (":cut", serde_dynamo::to_attribute_value(cut.open())?),
            (":read", number(version)),
            (":next", number(version + 1)),
        ];
        let (mut names, removed) = removing("cuts", over);
        names.insert("#cut".to_owned(), cut.cut_id.to_string());
        let set = format!("SET #cuts.#cut = :cut, version = :next, {STAMPED}{removed}");
        let member = keys::member(&cut.mess_id, cut.account_id);
        let given = values(stamp, given);
        let mut writes =
            vec![update(&self.tables.meals, &member, &set, "version = :read", Some(names), given)];
        let at = keys::cut(&cut.mess_id, cut.cut_id);
        writes.push(put_new(&self.tables.meals, item(&at, cut, stamp)?));
        if let Some(key) = key {
            let outcome = cut.cut_id.to_string();
            let operation = Operation::CutMeals;
            writes.push(self.idempotency_put(cut.account_id, operation, key, outcome, stamp)?);
        }
        self.transact_if_unchanged(writes).await
    }

    /// Deletes a cut: its record, and its entry in the student's item. Returns whether the cut
    /// existed. The decision does not depend on the student's item, so any version will do. The
    /// version still increases, so that concurrent decisions based on the item are made again.
    pub async fn cut_delete(
        &self,
        cut: &CutRecord,
        stamp: &Stamp,
    ) -> Result<Attempt<bool>, StoreError> {
        let (names, removed) = removing("cuts", &[cut.cut_id]);
        let set = format!("SET version = version + :one, {STAMPED}{removed}");
        let member = keys::member(&cut.mess_id, cut.account_id);
        let there = "attribute_exists(pk)";
        let given = values(stamp, [(":one", number(1))]);
        let at = keys::cut(&cut.mess_id, cut.cut_id);
        let writes = vec![
            delete(&self.tables.meals, &at, Some(there), Attributes::new()),
            update(&self.tables.meals, &member, &set, there, Some(names), given),
        ];
        match self.transact(writes).await {
            Ok(()) => Ok(Attempt::Done(true)),
            Err(TransactError::Conditions(_)) => Ok(Attempt::Done(false)),
            Err(TransactError::Conflict) => Ok(Attempt::Overtaken),
            Err(TransactError::Store(error)) => Err(error),
        }
    }

    pub async fn cut_get(
        &self,
        mess: &MessId,
        cut: CutId,
    ) -> Result<Option<CutRecord>, StoreError> {
        self.get(&self.tables.meals, &keys::cut(mess, cut), Consistency::Strong).await
    }

    /// At most `limit` cuts of a student that are older than `before`, newest first.
    pub async fn cuts_page(
        &self,
        mess: &MessId,
        account: AccountId,
        before: Option<CutId>,
        limit: usize,
    ) -> Result<Vec<CutRecord>, StoreError> {
        let partition = keys::student_records(mess, &account.account_part());
        let start = before.map(|cut| keys::cut(mess, cut));
        self.newest_of(&partition, keys::CUTS, start, limit).await
    }

    /// All cuts of a student that were not deleted, oldest first.
    pub async fn cuts_of(
        &self,
        mess: &MessId,
        account: AccountId,
    ) -> Result<Vec<CutRecord>, StoreError> {
        let partition = keys::student_records(mess, &account.account_part());
        let (table, prefix) = (&self.tables.meals, Some(keys::CUTS));
        let found = self.query(table, &partition, prefix, Consistency::Strong).await?;
        found.into_iter().map(|found| Ok(serde_dynamo::from_item(found)?)).collect()
    }
}

/// The `REMOVE` part of an update that removes entries of a map, with its attribute names. The
/// expression is empty if there are no entries to remove.
pub(super) fn removing(
    map: &str,
    ids: &[impl std::fmt::Display],
) -> (HashMap<String, String>, String) {
    let mut names = HashMap::from([(format!("#{map}"), map.to_owned())]);
    let mut paths = Vec::with_capacity(ids.len());
    for (index, id) in ids.iter().enumerate() {
        paths.push(format!("#{map}.#gone{index}"));
        names.insert(format!("#gone{index}"), id.to_string());
    }
    let expression =
        if paths.is_empty() { String::new() } else { format!(" REMOVE {}", paths.join(", ")) };
    (names, expression)
}

impl Store {
    /// At most `limit` items of a partition of the meals table whose sort keys begin with
    /// `prefix`, in descending order of their sort keys. If `start` is given, only the items below
    /// that key.
    pub(super) async fn newest_of<T: serde::de::DeserializeOwned>(
        &self,
        partition: &str,
        prefix: &str,
        start: Option<keys::Key>,
        limit: usize,
    ) -> Result<Vec<T>, StoreError> {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        // A hundred and one items of at most two kilobytes are far below the megabyte at which
        // DynamoDB ends a page.
        let answer = self
            .client
            .query()
            .table_name(&self.tables.meals)
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":pk", text(partition))
            .expression_attribute_values(":prefix", text(prefix))
            .scan_index_forward(false)
            .consistent_read(true)
            .set_exclusive_start_key(start.map(|key| key.attributes()))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .send()
            .await?;
        let found = answer.items.unwrap_or_default().into_iter();
        found.map(|found| Ok(serde_dynamo::from_item(found)?)).collect()
    }
}
