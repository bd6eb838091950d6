//! A mess's students as a scan must know them. One item holds a student's status, code,
//! open cycles and cuts, so each rule about these is one conditional write; the parts that
//! are the account's are written in the same transaction as the account.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thali_domain::entitlement::{Entitlement, OpenCut, OpenCycle};
use thali_domain::identity::{AccountStatus, Name, RollNo, RoomNo};
use thali_domain::ids::{AccountId, CutId, CycleId, MessId};
use thali_domain::pictures::PictureKey;
use thali_domain::plates::Diner;
use thali_domain::qr::Nonce;

use super::{
    Account, Attributes, Consistency, STAMPED, Stamp, Store, StoreError, item, keys, put_new, text,
    update, values,
};
use crate::clock::random_bytes;

/// The kind of these items.
const KIND: &str = "member";

/// A student of a mess, as a scan must know them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The account.
    pub account_id: AccountId,
    /// The mess.
    pub mess_id: MessId,
    /// The name.
    pub name: Name,
    /// The roll number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roll_no: Option<RollNo>,
    /// The room number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room_no: Option<RoomNo>,
    /// The picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture_key: Option<PictureKey>,
    /// Where the account stands.
    pub status: AccountStatus,
    /// What the student's code must carry.
    pub qr_nonce: Nonce,
    /// Since when.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub qr_issued_at: Timestamp,
    /// The cycles that are pending or verified and may still matter.
    pub cycles: BTreeMap<CycleId, OpenCycle>,
    /// The cuts that may still matter.
    pub cuts: BTreeMap<CutId, OpenCut>,
    /// How often `cycles` or `cuts` gained or lost something. Whoever decides by what they
    /// hold writes under the version that was read.
    pub version: u64,
}

impl Member {
    /// The student that an account is.
    #[must_use]
    pub fn of(account: &Account, now: Timestamp) -> Self {
        Self {
            account_id: account.account_id,
            mess_id: account.mess_id.clone(),
            name: account.name.clone(),
            roll_no: account.roll_no.clone(),
            room_no: account.room_no.clone(),
            picture_key: account.picture_key,
            status: account.status,
            qr_nonce: Nonce::from_random(random_bytes()),
            qr_issued_at: now,
            cycles: BTreeMap::new(),
            cuts: BTreeMap::new(),
            version: 0,
        }
    }

    /// What the rules need to know.
    #[must_use]
    pub fn entitlement(&self) -> Entitlement {
        Entitlement {
            status: self.status,
            qr_nonce: self.qr_nonce.clone(),
            cycles: self.cycles.clone(),
            cuts: self.cuts.clone(),
        }
    }

    /// The student as a plate remembers them.
    #[must_use]
    pub fn diner(&self) -> Diner {
        Diner {
            account_id: self.account_id,
            name: self.name.clone(),
            roll_no: self.roll_no.clone(),
            room_no: self.room_no.clone(),
        }
    }
}

/// What becomes of an attribute that is the account's: its new value, or none any more.
pub(super) type Followed = (&'static str, Option<AttributeValue>);

impl Store {
    /// Reads a student, as every write before left them.
    pub async fn member_get(
        &self,
        mess: &MessId,
        account: AccountId,
    ) -> Result<Option<Member>, StoreError> {
        self.get(&self.tables.meals, &keys::member(mess, account), Consistency::Strong).await
    }

    /// Reads several students as [`Store::member_get`] does; those that there are not are
    /// left out. They come in no order.
    pub async fn members_of(
        &self,
        mess: &MessId,
        accounts: impl IntoIterator<Item = AccountId>,
    ) -> Result<Vec<Member>, StoreError> {
        let keys = accounts.into_iter().map(|account| keys::member(mess, account)).collect();
        let found = self.batch_get(&self.tables.meals, keys, Consistency::Strong).await?;
        found.into_iter().map(|found| Ok(serde_dynamo::from_item(found)?)).collect()
    }

    /// All students of a mess. Two thousand are some two megabytes.
    pub async fn members_all(&self, mess: &MessId) -> Result<Vec<Member>, StoreError> {
        let pk = keys::members(mess);
        let found = self.query(&self.tables.meals, &pk, None, Consistency::Eventual).await?;
        found.into_iter().map(|found| Ok(serde_dynamo::from_item(found)?)).collect()
    }

    /// The put of a new account's student, part of the transaction that makes the account.
    pub(super) fn member_put(
        &self,
        account: &Account,
        stamp: &Stamp,
    ) -> Result<TransactWriteItem, StoreError> {
        let key = keys::member(&account.mess_id, account.account_id);
        let member = Member::of(account, stamp.at);
        Ok(put_new(&self.tables.meals, item(&key, KIND, &member, stamp)?))
    }

    /// The update by which a student follows what the same transaction changes in the
    /// account: `changed`, and nothing else. It makes a student of an account from before
    /// there were any.
    pub(super) fn member_follow(
        &self,
        account: &Account,
        changed: &[Followed],
        stamp: &Stamp,
    ) -> Result<TransactWriteItem, StoreError> {
        let whole: Attributes = serde_dynamo::to_item(Member::of(account, stamp.at))?;
        let mut names = HashMap::from([("#kind".to_owned(), "kind".to_owned())]);
        let mut given = values(stamp, [(":kind", text(KIND))]);
        let mut set = vec![STAMPED.to_owned(), "#kind = :kind".to_owned()];
        let mut removed = Vec::new();
        let known = whole.into_iter().filter(|(name, _)| changed.iter().all(|(it, _)| it != name));
        for (name, value) in known {
            set.push(format!("#{name} = if_not_exists(#{name}, :{name})"));
            given.insert(format!(":{name}"), value);
            names.insert(format!("#{name}"), name);
        }
        for (name, value) in changed {
            names.insert(format!("#{name}"), (*name).to_owned());
            match value {
                Some(value) => {
                    set.push(format!("#{name} = :{name}"));
                    given.insert(format!(":{name}"), value.clone());
                }
                None => removed.push(format!("#{name}")),
            }
        }
        let removed = match removed.as_slice() {
            [] => String::new(),
            removed => format!(" REMOVE {}", removed.join(", ")),
        };
        let expression = format!("SET {}{removed}", set.join(", "));
        let key = keys::member(&account.mess_id, account.account_id);
        // A condition that always holds: the transaction's others decide.
        let always = "attribute_not_exists(pk) OR attribute_exists(pk)";
        Ok(update(&self.tables.meals, &key, &expression, always, Some(names), given))
    }
}
