//! A mess's students for the owner: the list of them, and the owner's decisions.

use aws_sdk_dynamodb::types::TransactWriteItem;
use jiff::Timestamp;
use serde::Deserialize;
use thali_domain::accounts::identity::{
    AccountStatus, Email, Name, Role, RollNo, RoomNo, Username,
};
use thali_domain::ids::{AccountId, MessId};
use thali_domain::phone::Phone;
use thali_domain::reason::Reason;

use super::members::{AsRead, as_read};
use crate::auth::password::NO_PASSWORD;
use crate::store::accounts::account::Guard;
use crate::store::keys::Key;
use crate::store::{
    Account, Member, STAMPED, SessionRecord, Stamp, Store, StoreError, TransactError, delete, item,
    keys, put_where, text, update, values,
};

/// Why a decision about a student was not written.
#[derive(Debug, thiserror::Error)]
pub enum StudentDecideError {
    /// The account was changed, or one of the sessions was used, since they were read: read again.
    #[error("the account was changed at the same moment")]
    Overtaken,
    /// Another account has taken the e-mail address that this account had given up.
    #[error("another account has the student's e-mail address by now")]
    EmailTaken,
    /// Another account has taken the roll number that this account had given up.
    #[error("another account has the student's roll number by now")]
    RollNoTaken,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The condition that a guard belongs to the account `:me` or does not exist.
pub(in crate::store) const OWNED_OR_FREE: &str = "attribute_not_exists(pk) OR account_id = :me";

/// An account's entry in the index `directory`. It contains no secrets.
#[derive(Debug, Clone, Deserialize)]
pub struct DirectoryEntry {
    pub account_id: AccountId,
    pub mess_id: MessId,
    pub role: Role,
    pub status: AccountStatus,
    #[serde(default)]
    pub username: Option<Username>,
    pub name: Name,
    #[serde(default)]
    pub email: Option<Email>,
    #[serde(default)]
    pub roll_no: Option<RollNo>,
    #[serde(default)]
    pub room_no: Option<RoomNo>,
    #[serde(default)]
    pub phone: Option<Phone>,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub created_at: Timestamp,
}

impl Store {
    /// At most `limit` students of a mess with one status that come after `after`, in the order in
    /// which their accounts were created. The index may be a moment behind.
    pub async fn students_page(
        &self,
        mess: &MessId,
        status: AccountStatus,
        after: Option<AccountId>,
        limit: usize,
    ) -> Result<Vec<DirectoryEntry>, StoreError> {
        let partition = keys::directory_partition(mess, Role::Student, status);
        let request = self
            .client
            .query()
            .table_name(&self.tables.accounts)
            .index_name(keys::DIRECTORY_INDEX)
            .expression_attribute_names("#directory", keys::DIRECTORY_INDEX)
            .expression_attribute_values(":directory", text(partition))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX));
        let request = match after {
            None => request.key_condition_expression("#directory = :directory"),
            Some(after) => request
                .key_condition_expression("#directory = :directory AND account_id > :after")
                .expression_attribute_values(":after", text(after)),
        };
        // A hundred entries of at most two kilobytes are far below the megabyte at which DynamoDB
        // ends a page.
        let answer = request.send().await?;
        let entries = answer.items.unwrap_or_default().into_iter();
        entries.map(|entry| Ok(serde_dynamo::from_item(entry)?)).collect()
    }

    /// Writes an owner's decision about an account and its member as they were read, in one
    /// transaction: the status, and who decided, when and why. The sessions in `ended` end with it.
    ///
    /// A rejected student's account gives up its roll number, and its e-mail address if nobody has
    /// proven to own it, so that it cannot block the real owner of either. If a rejected student
    /// is activated later, the account takes them again.
    pub async fn student_decide(
        &self,
        (account, member): (&Account, Option<&Member>),
        status: AccountStatus,
        reason: Option<&Reason>,
        ended: &[SessionRecord],
        stamp: &Stamp,
    ) -> Result<(), StudentDecideError> {
        let follows = self.member_status_write(account, member, status, stamp)?;
        let mut writes = vec![self.decision(account, status, reason, stamp), follows];
        writes.extend(self.session_deletes(ended));
        let others = writes.len();
        let (guards, refusals): (Vec<_>, Vec<_>) =
            self.guards_decided(account, status, stamp)?.into_iter().unzip();
        writes.extend(guards);
        let failed = match self.transact(writes.clone()).await {
            Ok(()) => return Ok(()),
            Err(TransactError::Conditions(failed)) => failed,
            Err(TransactError::Conflict) => return Err(StudentDecideError::Overtaken),
            Err(TransactError::Store(error)) => return Err(error.into()),
        };
        let (of_others, of_guards) = failed.split_at(others.min(failed.len()));
        if of_others.contains(&true) {
            return Err(StudentDecideError::Overtaken);
        }
        let mut refused = refusals.into_iter().zip(of_guards).filter(|(_, failed)| **failed);
        if let Some((Some(refusal), _)) = refused.next() {
            return Err(refusal);
        }
        // A guard that this account would give up belongs to another account and is kept.
        let held = writes.into_iter().zip(&failed).filter(|(_, failed)| !**failed);
        match self.transact(held.map(|(write, _)| write).collect()).await {
            Ok(()) => Ok(()),
            Err(TransactError::Conditions(_) | TransactError::Conflict) => {
                Err(StudentDecideError::Overtaken)
            }
            Err(TransactError::Store(error)) => Err(error.into()),
        }
    }

    fn decision(
        &self,
        account: &Account,
        status: AccountStatus,
        reason: Option<&Reason>,
        stamp: &Stamp,
    ) -> TransactWriteItem {
        let decided = format!(
            "SET #status = :status, #directory = :directory, decided_by = :actor, \
             decided_at = :changed_at, {STAMPED}"
        );
        let directory = keys::directory_partition(&account.mess_id, account.role, status);
        let mut given =
            values(stamp, [(":status", text(status.as_str())), (":directory", text(directory))]);
        let expression = match reason {
            Some(reason) => {
                given.insert(":reason".to_owned(), text(reason));
                format!("{decided}, decision_reason = :reason")
            }
            None => format!("{decided} REMOVE decision_reason"),
        };
        // The decision depends on the status that was read. The rest of the condition is for the
        // member and for the guards.
        let AsRead { mut condition, mut names, values } = as_read(account, &[]);
        names.insert("#directory".to_owned(), keys::DIRECTORY_INDEX.to_owned());
        given.extend(values);
        if gives_back_email(account, status) {
            // Somebody who has set a password since then has proven to own the address.
            condition.push_str(" AND password_hash = :no_password");
            given.insert(":no_password".to_owned(), text(NO_PASSWORD));
        }
        let key = keys::account(account.account_id);
        update(&self.tables.accounts, &key, &expression, &condition, Some(names), given)
    }

    /// The guards that a decision deletes or takes. A guard to take comes with the error for the
    /// case that another account has it.
    fn guards_decided(
        &self,
        account: &Account,
        status: AccountStatus,
        stamp: &Stamp,
    ) -> Result<Vec<(TransactWriteItem, Option<StudentDecideError>)>, StoreError> {
        let table = &self.tables.accounts;
        let mess = &account.mess_id;
        let me = || [(":me".to_owned(), text(account.account_id))].into();
        let email = account.email.as_ref().map(|email| keys::email_guard(mess, email));
        let roll_no = account.roll_no.as_ref().map(|roll_no| keys::roll_no_guard(mess, roll_no));
        if status == AccountStatus::Rejected {
            let email = email.filter(|_| gives_back_email(account, status));
            let given_back = email.into_iter().chain(roll_no);
            let given_back =
                given_back.map(|key| (delete(table, &key, Some(OWNED_OR_FREE), me()), None));
            return Ok(given_back.collect());
        }
        // A pending account has never given up its guards; a blocked one may have been rejected
        // before.
        let back = matches!(account.status, AccountStatus::Rejected | AccountStatus::Blocked);
        if status != AccountStatus::Active || !back {
            return Ok(Vec::new());
        }
        let guard = Guard { account_id: account.account_id, mess_id: mess.clone() };
        let take = |(key, refusal): (Key, StudentDecideError)| {
            let attributes = item(&key, &guard, stamp)?;
            Ok((put_where(table, attributes, OWNED_OR_FREE, me()), Some(refusal)))
        };
        let email = email.map(|key| (key, StudentDecideError::EmailTaken));
        let roll_no = roll_no.map(|key| (key, StudentDecideError::RollNoTaken));
        roll_no.into_iter().chain(email).map(take).collect()
    }
}

/// Whether a decision makes the account give up its e-mail address: the address came from the
/// registration, and nobody has proven to receive its mails.
fn gives_back_email(account: &Account, status: AccountStatus) -> bool {
    status == AccountStatus::Rejected
        && account.email.is_some()
        && account.password_hash == NO_PASSWORD
}
