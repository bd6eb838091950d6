//! Closures. A closure is an entry in the mess's item, which scans read, and a record, which
//! stays. Both are written in one transaction.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::{Delete, TransactWriteItem};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thali_domain::days::{MealDate, Meals, Period};
use thali_domain::ids::{AccountId, ClosureId, MessId};
use thali_domain::reason::Reason;
use thali_domain::staff::gate::{Gate, OpenClosure};

use super::cuts::removing;
use crate::store::changes::kinds::{Kind, Stored};
use crate::store::changes::trail::Trail;
use crate::store::{
    Attempt, Consistency, IdempotencyKey, Operation, STAMPED, Stamp, Store, StoreError, item, keys,
    number, put_new, text, update, values,
};

/// The condition that the record's last day is unchanged since it was read. Its other attributes
/// never change.
const AS_READ: &str = "#to = :read";

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClosureRecord {
    pub closure_id: ClosureId,
    pub mess_id: MessId,
    pub from: MealDate,
    /// The last day, inclusive.
    pub to: MealDate,
    /// The meals that are closed on each day.
    pub meals: Meals,
    pub reason: Reason,
    /// When an owner announced it.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub created_at: Timestamp,
}

impl Stored for ClosureRecord {
    type Read = Self;
    const KIND: Kind = Kind::Closure;
    const TRAIL: Trail =
        Trail::shows(&["closure_id", "mess_id", "from", "to", "meals", "reason", "created_at"]);
}

impl ClosureRecord {
    /// The part that scans need.
    #[must_use]
    pub fn open(&self) -> OpenClosure {
        let period = Period { from: self.from, to: self.to };
        OpenClosure { period, meals: self.meals.clone() }
    }
}

impl Store {
    /// Records a closure in one transaction, with the outcome of the idempotency key if the
    /// request had one, and removes the closures in `over` from the mess's item. `owner` made the
    /// decision on the closures in `gate`, as they were read.
    pub async fn closure_create(
        &self,
        closure: &ClosureRecord,
        gate: &Gate,
        over: &[ClosureId],
        owner: AccountId,
        key: Option<&IdempotencyKey>,
        stamp: &Stamp,
    ) -> Result<Attempt<()>, StoreError> {
        let mut writes = vec![self.gate_closure_add(closure, gate, over, stamp)?];
        let at = keys::closure(&closure.mess_id, closure.closure_id);
        writes.push(put_new(&self.tables.meals, item(&at, closure, stamp)?));
        if let Some(key) = key {
            let outcome = closure.closure_id.to_string();
            let operation = Operation::CloseMess;
            writes.push(self.idempotency_put(owner, operation, key, outcome, stamp)?);
        }
        self.transact_if_unchanged(writes).await
    }

    /// The update that adds a closure to the mess's item. The condition is that the item still has
    /// the number of closures that was read. An old mess item has no map of closures; the update
    /// then creates it.
    fn gate_closure_add(
        &self,
        closure: &ClosureRecord,
        gate: &Gate,
        over: &[ClosureId],
        stamp: &Stamp,
    ) -> Result<TransactWriteItem, StoreError> {
        let key = keys::mess(&closure.mess_id);
        let counted = (":counted", number(gate.closures.len()));
        if gate.closures.is_empty() {
            let first = BTreeMap::from([(closure.closure_id, closure.open())]);
            let first = serde_dynamo::to_attribute_value(first)?;
            let names = HashMap::from([("#closures".to_owned(), "closures".to_owned())]);
            let condition = "attribute_exists(pk) AND \
                             (attribute_not_exists(#closures) OR size(#closures) = :counted)";
            let set = format!("SET #closures = :first, {STAMPED}");
            let given = values(stamp, [counted, (":first", first)]);
            return Ok(update(&self.tables.meals, &key, &set, condition, Some(names), given));
        }
        let (mut names, removed) = removing("closures", over);
        names.insert("#closure".to_owned(), closure.closure_id.to_string());
        let set = format!("SET #closures.#closure = :closure, {STAMPED}{removed}");
        let open = serde_dynamo::to_attribute_value(closure.open())?;
        let given = values(stamp, [counted, (":closure", open)]);
        let condition = "size(#closures) = :counted";
        Ok(update(&self.tables.meals, &key, &set, condition, Some(names), given))
    }

    /// Deletes a closure of which no meal is over yet: its record, if that is unchanged since it
    /// was read, and its entry in the mess's item.
    pub async fn closure_delete(
        &self,
        closure: &ClosureRecord,
        stamp: &Stamp,
    ) -> Result<Attempt<()>, StoreError> {
        let delete = Delete::builder()
            .table_name(&self.tables.meals)
            .set_key(Some(keys::closure(&closure.mess_id, closure.closure_id).attributes()))
            .condition_expression(AS_READ)
            .expression_attribute_names("#to", "to")
            .expression_attribute_values(":read", text(closure.to))
            .build()
            .expect("table and key are set");
        let (names, removed) = removing("closures", &[closure.closure_id]);
        let (mess, there) = (keys::mess(&closure.mess_id), "attribute_exists(pk)");
        let set = format!("SET {STAMPED}{removed}");
        let writes = vec![
            TransactWriteItem::builder().delete(delete).build(),
            update(&self.tables.meals, &mess, &set, there, Some(names), values(stamp, [])),
        ];
        self.transact_if_unchanged(writes).await
    }

    /// Shortens a closure so that `to` becomes its last day: in its record, if that is unchanged
    /// since it was read, and in the mess's item.
    pub async fn closure_shorten(
        &self,
        closure: &ClosureRecord,
        to: MealDate,
        stamp: &Stamp,
    ) -> Result<Attempt<()>, StoreError> {
        let name = |(name, of): (&str, String)| (name.to_owned(), of);
        let record = keys::closure(&closure.mess_id, closure.closure_id);
        let set = format!("SET #to = :to, {STAMPED}");
        let names = HashMap::from([("#to", "to".to_owned())].map(name));
        let given = values(stamp, [(":to", text(to)), (":read", text(closure.to))]);
        let of_record = update(&self.tables.meals, &record, &set, AS_READ, Some(names), given);

        let mess = keys::mess(&closure.mess_id);
        let set = format!("SET #closures.#closure.#to = :to, {STAMPED}");
        let there = "attribute_exists(#closures.#closure)";
        let names = [
            ("#closures", "closures".to_owned()),
            ("#closure", closure.closure_id.to_string()),
            ("#to", "to".to_owned()),
        ];
        let names = HashMap::from(names.map(name));
        let given = values(stamp, [(":to", text(to))]);
        let of_gate = update(&self.tables.meals, &mess, &set, there, Some(names), given);
        self.transact_if_unchanged(vec![of_record, of_gate]).await
    }

    pub async fn closure_get(
        &self,
        mess: &MessId,
        closure: ClosureId,
    ) -> Result<Option<ClosureRecord>, StoreError> {
        self.get(&self.tables.meals, &keys::closure(mess, closure), Consistency::Strong).await
    }

    /// At most `limit` closures of a mess that are older than `before`, newest first.
    pub async fn closures_page(
        &self,
        mess: &MessId,
        before: Option<ClosureId>,
        limit: usize,
    ) -> Result<Vec<ClosureRecord>, StoreError> {
        let start = before.map(|closure| keys::closure(mess, closure));
        self.newest_of(&keys::closures(mess), ClosureId::PREFIX, start, limit).await
    }

    /// All closures of a mess that were not deleted, oldest first.
    pub async fn closures_all(&self, mess: &MessId) -> Result<Vec<ClosureRecord>, StoreError> {
        let (table, pk) = (&self.tables.meals, keys::closures(mess));
        let found = self.query(table, &pk, None, Consistency::Strong).await?;
        found.into_iter().map(|found| Ok(serde_dynamo::from_item(found)?)).collect()
    }
}
