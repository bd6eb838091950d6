//! A mess's students as its owner sees them: the list, and the decisions.

use jiff::Timestamp;
use serde::Deserialize;
use thali_domain::identity::{AccountStatus, Email, Name, Phone, Role, RollNo, RoomNo, Username};
use thali_domain::ids::{AccountId, MessId};
use thali_domain::membership::Reason;

use super::members::{AsRead, as_read};
use super::{
    Account, STAMPED, SessionRecord, Stamp, Store, StoreError, TransactError, keys, text, update,
    values,
};

/// An account as the index `directory` has it: what people may see of each other, and no
/// secret.
#[derive(Debug, Clone, Deserialize)]
pub struct DirectoryEntry {
    /// Its id.
    pub account_id: AccountId,
    /// Its mess.
    pub mess_id: MessId,
    /// What it may do.
    pub role: Role,
    /// Where it stands.
    pub status: AccountStatus,
    /// The username.
    #[serde(default)]
    pub username: Option<Username>,
    /// The person's name.
    pub name: Name,
    /// The e-mail address.
    #[serde(default)]
    pub email: Option<Email>,
    /// The roll number.
    #[serde(default)]
    pub roll_no: Option<RollNo>,
    /// The room number.
    #[serde(default)]
    pub room_no: Option<RoomNo>,
    /// The telephone number.
    #[serde(default)]
    pub phone: Option<Phone>,
    /// When it was made.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub created_at: Timestamp,
}

impl Store {
    /// At most `limit` students of a mess with one status, in the order in which their
    /// accounts were made, from the first after `after` on. The index may be a moment
    /// behind.
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
        // A hundred entries of at most two kilobytes are far from the megabyte at which
        // DynamoDB would cut an answer short.
        let answer = request.send().await?;
        let entries = answer.items.unwrap_or_default().into_iter();
        entries.map(|entry| Ok(serde_dynamo::from_item(entry)?)).collect()
    }

    /// Writes what an owner has decided about an account as it was read: its status, and
    /// who decided so, when and why. `ended` are the sessions that end by it, all or
    /// nothing. Answers `false` where the account was changed, or one of the sessions was
    /// just used, since they were read: look again.
    pub async fn student_decide(
        &self,
        account: &Account,
        status: AccountStatus,
        reason: Option<&Reason>,
        ended: &[SessionRecord],
        stamp: &Stamp,
    ) -> Result<bool, StoreError> {
        let decided = format!(
            "SET #status = :status, #directory = :directory, decided_by = :actor, \
             decided_at = :changed_at, {STAMPED}"
        );
        let mut given = values(
            stamp,
            [
                (":status", text(status.as_str())),
                (
                    ":directory",
                    text(keys::directory_partition(&account.mess_id, account.role, status)),
                ),
            ],
        );
        let expression = match reason {
            Some(reason) => {
                given.insert(":reason".to_owned(), text(reason));
                format!("{decided}, decision_reason = :reason")
            }
            None => format!("{decided} REMOVE decision_reason"),
        };
        // The decision is about the status that was read; the rest is for the member.
        let AsRead { condition, mut names, values } = as_read(account, &[]);
        names.insert("#directory".to_owned(), keys::DIRECTORY_INDEX.to_owned());
        given.extend(values);
        let decision = update(
            &self.tables.accounts,
            &keys::account(account.account_id),
            &expression,
            &condition,
            Some(names),
            given,
        );
        let mut writes = self.session_deletes(ended);
        writes.push(decision);
        writes.push(self.member_follow(
            account,
            &[("status", Some(text(status.as_str())))],
            stamp,
        )?);
        match self.transact(writes).await {
            Ok(()) => Ok(true),
            Err(TransactError::Conditions(_) | TransactError::Conflict) => Ok(false),
            Err(TransactError::Store(error)) => Err(error),
        }
    }
}
