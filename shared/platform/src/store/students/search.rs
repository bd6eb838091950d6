//! Searching students: the index of names, the guards of roll numbers, and the record of each
//! look-up, from which the audit trail is made.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use thali_domain::accounts::identity::{Name, RollNo};
use thali_domain::ids::{AccountId, LookupId, MessId};
use thali_domain::students::search::{NameKey, SearchText};

use crate::auth::sha256_hex;
use crate::store::accounts::account::Guard;
use crate::store::changes::kinds::{Kind, Stored};
use crate::store::changes::trail::{ERASED_AT, Trail};
use crate::store::{
    Consistency, Member, STAMPED, Stamp, Store, StoreError, expiring, item, keys,
    none_if_condition_failed, text, values,
};

/// How long a look-up is kept in the table. The audit trail keeps it for longer.
const KEPT: SignedDuration = SignedDuration::from_hours(24);

/// That somebody searched for students. Who did is in the item's stamp.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookupRecord {
    pub lookup_id: LookupId,
    pub mess_id: MessId,
    /// The hash of what was searched for, which may be a name of nobody here.
    query_hash: String,
    /// The students who were shown.
    pub found: Vec<AccountId>,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub at: Timestamp,
}

impl LookupRecord {
    #[must_use]
    pub fn new(
        lookup_id: LookupId,
        mess_id: MessId,
        searched: &SearchText,
        found: Vec<AccountId>,
        at: Timestamp,
    ) -> Self {
        let query_hash = sha256_hex(&format!("{mess_id}|{}", searched.name().as_str()));
        Self { lookup_id, mess_id, query_hash, found, at }
    }
}

impl Stored for LookupRecord {
    type Read = Self;
    const KIND: Kind = Kind::Lookup;
    const TRAIL: Trail = Trail::shows(&["lookup_id", "mess_id", "query_hash", "found", "at"])
        .hides(&["ttl"])
        .of_new_ones();
}

impl Store {
    /// At most `limit` students of a mess whose names begin so, in the order of their names. The
    /// index may be a moment behind.
    pub async fn students_named(
        &self,
        mess: &MessId,
        beginning: &NameKey,
        limit: usize,
    ) -> Result<Vec<AccountId>, StoreError> {
        // DynamoDB refuses an empty beginning.
        if beginning.as_str().is_empty() {
            return Ok(Vec::new());
        }
        let answer = self
            .client
            .query()
            .table_name(&self.tables.accounts)
            .index_name(keys::NAMES_INDEX)
            .key_condition_expression("mess_id = :mess AND begins_with(name_key, :beginning)")
            .expression_attribute_values(":mess", text(mess))
            .expression_attribute_values(":beginning", text(beginning.as_str()))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .send()
            .await?;
        let found = answer.items.unwrap_or_default();
        let keys = found.iter().filter_map(keys::Key::of);
        Ok(keys.filter_map(|key| key.pk.parse().ok()).collect())
    }

    /// The account that holds a roll number. The read may be a moment behind.
    pub async fn roll_no_holder(
        &self,
        mess: &MessId,
        roll_no: &RollNo,
    ) -> Result<Option<AccountId>, StoreError> {
        let key = keys::roll_no_guard(mess, roll_no);
        let guard: Option<Guard> =
            self.get(&self.tables.accounts, &key, Consistency::Eventual).await?;
        Ok(guard.map(|guard| guard.account_id))
    }

    /// Several students, in the order of `accounts`. Those that do not exist are left out. The read
    /// may be a moment behind.
    pub async fn members_found(
        &self,
        mess: &MessId,
        accounts: &[AccountId],
    ) -> Result<Vec<Member>, StoreError> {
        let keys = accounts.iter().map(|account| keys::member(mess, *account)).collect();
        let found = self.batch_get(&self.tables.meals, keys, Consistency::Eventual).await?;
        let members = found.into_iter().map(|found| Ok(serde_dynamo::from_item(found)?));
        let mut members: Vec<Member> = members.collect::<Result<_, StoreError>>()?;
        let place = |member: &Member| accounts.iter().position(|it| *it == member.account_id);
        members.sort_by_key(place);
        Ok(members)
    }

    /// Records a look-up.
    pub async fn lookup_record(
        &self,
        lookup: &LookupRecord,
        stamp: &Stamp,
    ) -> Result<(), StoreError> {
        let key = keys::lookup(&lookup.mess_id, lookup.lookup_id);
        let attributes = expiring(item(&key, lookup, stamp)?, lookup.at + KEPT);
        self.put_if_new(&self.tables.meals, attributes).await?;
        Ok(())
    }

    /// Adds a student of before the index of names to it. Returns `false`, and writes nothing, if
    /// the student is in it, or has changed the name since it was read.
    pub async fn name_index(
        &self,
        account: AccountId,
        name: &Name,
        stamp: &Stamp,
    ) -> Result<bool, StoreError> {
        let given = [(":key", text(NameKey::of(name).as_str())), (":name", text(name))];
        let request = self
            .client
            .update_item()
            .table_name(&self.tables.accounts)
            .set_key(Some(keys::account(account).attributes()))
            .update_expression(format!("SET name_key = :key, {STAMPED}"))
            .condition_expression(format!(
                "attribute_not_exists(name_key) AND #name = :name AND attribute_not_exists({ERASED_AT})"
            ))
            .expression_attribute_names("#name", "name")
            .set_expression_attribute_values(Some(values(stamp, given)));
        Ok(none_if_condition_failed(request.send().await)?.is_some())
    }
}
