//! Mess cuts. A cut is an entry in its student's item, where scans find it, and a record,
//! which stays; both are written in one transaction.

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

/// A cut as it was applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CutRecord {
    /// Its id.
    pub cut_id: CutId,
    /// The student.
    pub account_id: AccountId,
    /// The mess.
    pub mess_id: MessId,
    /// The first day.
    pub from: MealDate,
    /// The last day.
    pub to: MealDate,
    /// The meals on each of them.
    pub meals: Meals,
    /// When it was applied.
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
    /// What scans must know of it.
    #[must_use]
    pub fn open(&self) -> OpenCut {
        let period = Period { from: self.from, to: self.to };
        OpenCut { period, meals: self.meals.clone() }
    }
}

impl Store {
    /// Records a cut that was decided by what its student's item held at `version`, takes
    /// the cuts that matter no more out of that item, and records the outcome of the
    /// idempotency key if the request had one. All or nothing; overtaken where that version is
    /// over, or the key was used.
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
        self.transact_as_read(writes).await
    }

    /// Takes a cut back: the record and what scans know of it. Answers whether it was there.
    /// It decides by nothing that the student's item holds, so it takes its turn whatever
    /// the version is, and makes others who decide at the same moment look again.
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

    /// Reads a cut.
    pub async fn cut_get(
        &self,
        mess: &MessId,
        cut: CutId,
    ) -> Result<Option<CutRecord>, StoreError> {
        self.get(&self.tables.meals, &keys::cut(mess, cut), Consistency::Strong).await
    }

    /// At most `limit` cuts of a student, the newest first, from the first that is older
    /// than `before` on.
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

    /// All cuts that a student ever had and did not take back, the oldest first.
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

/// The names of an update that removes entries of a map, and the part of its expression that
/// does so: nothing where there are none to be removed.
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
    /// At most `limit` items of a partition of the table of meals whose sort keys begin with
    /// `prefix`, in the descending order of these, behind the item `start`.
    pub(super) async fn newest_of<T: serde::de::DeserializeOwned>(
        &self,
        partition: &str,
        prefix: &str,
        start: Option<keys::Key>,
        limit: usize,
    ) -> Result<Vec<T>, StoreError> {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        // Items of at most two kilobytes, a hundred and one of them, are far from the
        // megabyte at which DynamoDB would cut an answer short.
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
