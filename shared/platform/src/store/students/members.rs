//! A mess's students, with the data that scans need: the members. One item holds a student's
//! status, QR code, open cycles and cuts, so each rule about these needs only one conditional
//! write. The attributes that are copied from the account are written in the same transaction as
//! the account.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, TransactWriteItem};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use thali_domain::accounts::identity::{AccountStatus, Name, Role, RollNo, RoomNo};
use thali_domain::ids::{AccountId, CutId, CycleId, MessId};
use thali_domain::meals::entitlement::{Entitlement, OpenCut, OpenCycle, STATUSES_MAX};
use thali_domain::past::Past;
use thali_domain::pictures::PictureKey;
use thali_domain::staff::plates::Diner;
use thali_domain::students::qr::Nonce;

use crate::clock::random_bytes;
use crate::store::changes::kinds::{Kind, Stored};
use crate::store::changes::trail::{ERASED_AT, Trail};
use crate::store::past;
use crate::store::{
    Account, Attempt, Attributes, Consistency, STAMPED, Stamp, Store, StoreError, TransactError,
    item, keys, millis, number, put_new, retry_overtaken, text, update, values,
};

/// The attribute of a member's earlier statuses. The audit trail need not show it, nor the earlier
/// codes: it has each change.
const STATUSES: &str = "was";

/// The data of a student that scans need, in its storage format.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    pub account_id: AccountId,
    pub mess_id: MessId,
    pub name: Name,
    pub roll_no: Option<RollNo>,
    pub room_no: Option<RoomNo>,
    pub picture_key: Option<PictureKey>,
    pub status: AccountStatus,
    /// What the status was before. Items of before this was stored lack it until the next
    /// decision.
    #[serde(rename = "was", default, with = "past::optional_packed")]
    pub statuses: Option<Past<AccountStatus>>,
    /// The nonce that the student's QR code must carry.
    pub qr_nonce: Nonce,
    /// The nonces before the last resets. A device that was offline may have scanned them.
    #[serde(default, skip_serializing_if = "Past::is_empty", with = "past::packed")]
    pub codes: Past<Nonce>,
    /// The nonce before the last reset, in items of before `codes` was stored.
    pub qr_previous: Option<Nonce>,
    /// Since when the QR code carries `qr_nonce`.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub qr_issued_at: Timestamp,
    /// The pending and verified cycles, without those that ended too long ago to matter.
    pub cycles: BTreeMap<CycleId, OpenCycle>,
    /// The cuts, without those that ended too long ago to matter.
    pub cuts: BTreeMap<CutId, OpenCut>,
    /// Counts the changes of `cycles` and `cuts`. A write that was decided on either of them
    /// requires that the version is unchanged since it was read.
    pub version: u64,
    /// When the item was last written, which is part of every item's stamp.
    #[serde(
        default,
        skip_serializing,
        with = "jiff::fmt::serde::timestamp::millisecond::optional"
    )]
    changed_at: Option<Timestamp>,
}

impl Stored for Member {
    type Read = Self;
    const KIND: Kind = Kind::Member;
    const TRAIL: Trail = Trail::shows(&[
        "account_id",
        "mess_id",
        "name",
        "roll_no",
        "room_no",
        "picture_key",
        "status",
        "qr_nonce",
        "qr_previous",
        "qr_issued_at",
        "cycles",
        "cuts",
        "version",
        ERASED_AT,
    ])
    .hides(&[STATUSES, "codes"]);
}

impl Member {
    /// The member for an account, with a new QR code and no cycles or cuts.
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
            statuses: Some(Past::default()),
            qr_nonce: Nonce::from_random(random_bytes()),
            codes: Past::default(),
            qr_previous: None,
            qr_issued_at: now,
            cycles: BTreeMap::new(),
            cuts: BTreeMap::new(),
            version: 0,
            changed_at: None,
        }
    }

    /// The part that the rules of a scan need.
    #[must_use]
    pub fn entitlement(&self) -> Entitlement {
        Entitlement {
            status: self.status,
            statuses: self.past_statuses(),
            qr_nonce: self.qr_nonce.clone(),
            codes: self.past_codes(),
            cycles: self.cycles.clone(),
            cuts: self.cuts.clone(),
        }
    }

    /// What the status was before. An older item says nothing of it. Then a student who is not
    /// active may have been so until the item was last written. Only a student who waits for
    /// approval never had another status, and one who is active is taken as having always been so.
    fn past_statuses(&self) -> Past<AccountStatus> {
        match (&self.statuses, self.status) {
            (Some(statuses), _) => statuses.clone(),
            (None, AccountStatus::Active | AccountStatus::PendingApproval) => Past::default(),
            (None, AccountStatus::Blocked | AccountStatus::Rejected | AccountStatus::Deleted) => {
                self.changed_at.map_or_else(Past::default, Past::unknown_until)
            }
        }
    }

    /// The nonces before the last resets. An older item has only the last of them, and says nothing
    /// of when that one was new.
    pub(super) fn past_codes(&self) -> Past<Nonce> {
        let Some(previous) = &self.qr_previous else { return self.codes.clone() };
        let issued = self.qr_issued_at;
        let before = issued - SignedDuration::from_millis(1);
        BTreeMap::from([(before, None), (issued, Some(previous.clone()))]).into()
    }

    /// The part that a plate stores.
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

/// An attribute that a member copies from the account: its name and its value, if there is one.
pub(in crate::store) type CopiedAttribute = (&'static str, Option<AttributeValue>);

/// All attributes that a member copies from the account, with their values in `account`.
fn followed(account: &Account) -> [CopiedAttribute; 5] {
    [
        ("status", Some(text(account.status.as_str()))),
        ("name", Some(text(&account.name))),
        ("roll_no", account.roll_no.as_ref().map(text)),
        ("room_no", account.room_no.as_ref().map(text)),
        ("picture_key", account.picture_key.as_ref().map(text)),
    ]
}

/// A condition, with its attribute names and values.
pub(in crate::store) struct AsRead {
    pub(in crate::store) condition: String,
    pub(in crate::store) names: HashMap<String, String>,
    pub(in crate::store) values: Attributes,
}

/// The condition that an account is unchanged since it was read, in all attributes that its member
/// copies, except those in `replaced`. A transaction with [`Store::member_copy_write`] needs this
/// condition for the account, because that update may create the member from `account`. Without
/// the condition, it could copy a value that another request has changed since.
pub(in crate::store) fn as_read(account: &Account, replaced: &[&str]) -> AsRead {
    let (mut names, mut given, mut parts) = (HashMap::new(), Attributes::new(), Vec::new());
    for (name, value) in followed(account) {
        if replaced.contains(&name) {
            continue;
        }
        names.insert(format!("#{name}"), name.to_owned());
        match value {
            Some(value) => {
                parts.push(format!("#{name} = :read_{name}"));
                given.insert(format!(":read_{name}"), value);
            }
            None => parts.push(format!("attribute_not_exists(#{name})")),
        }
    }
    // Without this, an item that does not exist could meet the condition.
    parts.push("attribute_exists(pk)".to_owned());
    AsRead { condition: parts.join(" AND "), names, values: given }
}

impl Store {
    /// Reads a student with strong consistency.
    pub async fn member_get(
        &self,
        mess: &MessId,
        account: AccountId,
    ) -> Result<Option<Member>, StoreError> {
        self.get(&self.tables.meals, &keys::member(mess, account), Consistency::Strong).await
    }

    /// Reads several students with strong consistency, in no particular order. Students that do
    /// not exist are left out.
    pub async fn members_of(
        &self,
        mess: &MessId,
        accounts: impl IntoIterator<Item = AccountId>,
    ) -> Result<Vec<Member>, StoreError> {
        let keys = accounts.into_iter().map(|account| keys::member(mess, account)).collect();
        let found = self.batch_get(&self.tables.meals, keys, Consistency::Strong).await?;
        found.into_iter().map(|found| Ok(serde_dynamo::from_item(found)?)).collect()
    }

    /// All students of a mess. Two thousand students are about two megabytes.
    pub async fn members_all(&self, mess: &MessId) -> Result<Vec<Member>, StoreError> {
        let pk = keys::members(mess);
        let found = self.query(&self.tables.meals, &pk, None, Consistency::Eventual).await?;
        found.into_iter().map(|found| Ok(serde_dynamo::from_item(found)?)).collect()
    }

    /// At most `limit` students of a mess that come after `after`, in the order in which their
    /// accounts were created, and the last of them if there may be more. One read of at most a
    /// megabyte, which may be a moment behind.
    pub async fn members_page(
        &self,
        mess: &MessId,
        after: Option<AccountId>,
        limit: usize,
    ) -> Result<(Vec<Member>, Option<AccountId>), StoreError> {
        let start = after.map(|after| keys::member(mess, after).attributes());
        let answer = self
            .client
            .query()
            .table_name(&self.tables.meals)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", text(keys::members(mess)))
            .set_exclusive_start_key(start)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .send()
            .await?;
        let last = answer.last_evaluated_key.as_ref().and_then(keys::Key::of);
        let found = answer.items.unwrap_or_default().into_iter();
        let members = found.map(|found| Ok(serde_dynamo::from_item(found)?));
        let members = members.collect::<Result<_, StoreError>>()?;
        Ok((members, last.and_then(|last| last.sk.parse().ok())))
    }

    /// The put of a new account's member, part of the transaction that creates the account.
    pub(in crate::store) fn member_put(
        &self,
        account: &Account,
        stamp: &Stamp,
    ) -> Result<TransactWriteItem, StoreError> {
        let key = keys::member(&account.mess_id, account.account_id);
        let member = Member::of(account, stamp.at);
        Ok(put_new(&self.tables.meals, item(&key, &member, stamp)?))
    }

    /// Makes sure that a student's account has a member: older accounts were created without one.
    /// The new member has a QR code that nobody knows yet, and is only created if the account is
    /// unchanged since it was read. Returns `false` if the account does not exist or is not a
    /// student's.
    pub async fn member_ensure(
        &self,
        account: AccountId,
        stamp: &Stamp,
    ) -> Result<bool, StoreError> {
        retry_overtaken(|_| async {
            let account = self.account_get(account, Consistency::Strong).await?;
            let Some(account) = account.filter(|account| account.role == Role::Student) else {
                return Ok(Attempt::Done(false));
            };
            let check = account_check(&self.tables.accounts, &account);
            match self.transact(vec![check, self.member_put(&account, stamp)?]).await {
                Ok(()) => Ok(Attempt::Done(true)),
                // Another request was faster and has created the member.
                Err(TransactError::Conditions(failed)) if failed == [false, true] => {
                    Ok(Attempt::Done(true))
                }
                Err(TransactError::Conditions(_) | TransactError::Conflict) => {
                    Ok(Attempt::Overtaken)
                }
                Err(TransactError::Store(error)) => Err(error),
            }
        })
        .await
    }

    /// Reads a student that the caller wants to change. If the account is so old that it has no
    /// member, the member is created. That needs the IAM permissions of [`Store::member_ensure`]:
    /// to read and to check accounts, and to put members.
    pub async fn member_ensured(
        &self,
        mess: &MessId,
        account: AccountId,
        stamp: &Stamp,
    ) -> Result<Option<Member>, StoreError> {
        if let Some(member) = self.member_get(mess, account).await? {
            return Ok(Some(member));
        }
        if !self.member_ensure(account, stamp).await? {
            return Ok(None);
        }
        self.member_get(mess, account).await
    }

    /// The update that copies to the member what the same transaction changes in the account:
    /// `changed`, and nothing else. If an old account has no member yet, the update creates it
    /// from `account`. That is why the account's condition must be [`as_read`].
    pub(in crate::store) fn member_copy_write(
        &self,
        account: &Account,
        changed: &[CopiedAttribute],
        stamp: &Stamp,
    ) -> Result<TransactWriteItem, StoreError> {
        // A condition that always holds: the other writes of the transaction decide.
        let always = "attribute_not_exists(pk) OR attribute_exists(pk)";
        self.member_copy_if(account, changed, (always, Attributes::new()), stamp)
    }

    /// The same for a new status of the member as it was read, which keeps the one before.
    pub(in crate::store) fn member_status_write(
        &self,
        account: &Account,
        member: Option<&Member>,
        status: AccountStatus,
        stamp: &Stamp,
    ) -> Result<TransactWriteItem, StoreError> {
        let status = ("status", Some(text(status.as_str())));
        self.member_status_and(account, member, vec![status], stamp)
    }

    /// The same for the member of a deleted account. The member loses everything that leads to the
    /// person, and whoever is changing its cycles or cuts at this moment reads it again.
    pub(in crate::store) fn member_deleted_write(
        &self,
        deleted: &Account,
        member: Option<&Member>,
        stamp: &Stamp,
    ) -> Result<TransactWriteItem, StoreError> {
        let version = member.map_or(0, |member| member.version + 1);
        let mut changed = followed(deleted).to_vec();
        changed.push(("version", Some(number(version))));
        changed.push((ERASED_AT, Some(millis(stamp.at))));
        self.member_status_and(deleted, member, changed, stamp)
    }

    fn member_status_and(
        &self,
        account: &Account,
        member: Option<&Member>,
        mut changed: Vec<CopiedAttribute>,
        stamp: &Stamp,
    ) -> Result<TransactWriteItem, StoreError> {
        let Some(member) = member else {
            // Nobody has seen a code of this student, so nobody asks for the past.
            let none = Past::<AccountStatus>::default();
            changed.push((STATUSES, Some(past::packed_attribute(&none))));
            let new = ("attribute_not_exists(pk)", Attributes::new());
            return self.member_copy_if(account, &changed, new, stamp);
        };
        let replaced = member.past_statuses().replaced(member.status, stamp.at, STATUSES_MAX);
        changed.push((STATUSES, Some(past::packed_attribute(&replaced))));
        let mut given = Attributes::from([(":read".to_owned(), text(member.status.as_str()))]);
        let condition = match &member.statuses {
            Some(read) => {
                given.insert(":read_past".to_owned(), past::packed_attribute(read));
                "#status = :read AND #was = :read_past"
            }
            None => "#status = :read AND attribute_not_exists(#was)",
        };
        let mut condition = condition.to_owned();
        if changed.iter().any(|(name, _)| *name == "version") {
            condition.push_str(" AND #version = :read_version");
            given.insert(":read_version".to_owned(), number(member.version));
        }
        self.member_copy_if(account, &changed, (&condition, given), stamp)
    }

    fn member_copy_if(
        &self,
        account: &Account,
        changed: &[CopiedAttribute],
        (condition, read): (&str, Attributes),
        stamp: &Stamp,
    ) -> Result<TransactWriteItem, StoreError> {
        let mut whole: Attributes = serde_dynamo::to_item(Member::of(account, stamp.at))?;
        // Nothing is known of the past of an older member, and an empty one would say otherwise.
        whole.remove(STATUSES);
        let mut names = HashMap::from([("#kind".to_owned(), "kind".to_owned())]);
        let mut given = values(stamp, [(":kind", text(Member::KIND))]);
        given.extend(read);
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
        Ok(update(&self.tables.meals, &key, &expression, condition, Some(names), given))
    }
}

/// The check that an account is unchanged since it was read.
fn account_check(table: &str, account: &Account) -> TransactWriteItem {
    let AsRead { condition, names, values } = as_read(account, &[]);
    let check = ConditionCheck::builder()
        .table_name(table)
        .set_key(Some(keys::account(account.account_id).attributes()))
        .condition_expression(condition)
        .set_expression_attribute_names(Some(names))
        .set_expression_attribute_values(Some(values));
    TransactWriteItem::builder()
        .condition_check(check.build().expect("table, key and condition are set"))
        .build()
}
