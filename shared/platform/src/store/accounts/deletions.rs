//! The deletion of a student's account: what decides it, in one transaction. The rest follows from
//! the change stream.

use aws_sdk_dynamodb::types::TransactWriteItem;
use thali_domain::accounts::deletion;
use thali_domain::accounts::identity::{AccountStatus, LoginName};

use crate::auth::password::NO_PASSWORD;
use crate::store::changes::trail::ERASED_AT;
use crate::store::students::directory::OWNED_OR_FREE;
use crate::store::students::members::{AsRead, as_read};
use crate::store::{
    Account, Attempt, Attributes, Member, STAMPED, SessionRecord, Stamp, Store, StoreError, delete,
    keys, number, text, update, values,
};

/// The attributes that a deleted account no longer has.
const REMOVED: [&str; 15] = [
    "username",
    "email",
    "roll_no",
    "room_no",
    "phone",
    "bio",
    "address",
    "profession",
    "date_of_birth",
    "picture_key",
    "telegram_claim",
    "email_claim",
    "security_code_hash",
    "decision_reason",
    "name_key",
];

impl Account {
    /// What is left of the account after its deletion: nothing that leads to the person.
    fn deleted(&self) -> Self {
        let Self { account_id, mess_id, role, created_at, .. } = self.clone();
        let name = deletion::name_of_deleted();
        Self {
            status: AccountStatus::Deleted,
            // Sessions and resets that are in flight end with the password.
            password_version: self.password_version + 1,
            decided_by: self.decided_by.clone(),
            decided_at: self.decided_at,
            ..Self::new(account_id, mess_id, role, name, NO_PASSWORD.to_owned(), created_at)
        }
    }
}

impl Store {
    /// Deletes an account as it was read, with its member and its sessions as they were read, in
    /// one transaction: the account and the member lose all personal data, its names are free
    /// again, and what waits for a one-time code ends.
    pub async fn account_delete(
        &self,
        account: &Account,
        member: Option<&Member>,
        sessions: &[SessionRecord],
        stamp: &Stamp,
    ) -> Result<Attempt<()>, StoreError> {
        let deleted = account.deleted();
        let (table, mess) = (&self.tables.accounts, &account.mess_id);
        let mut writes = vec![
            self.account_deleted_write(account, &deleted, stamp),
            self.member_deleted_write(&deleted, member, stamp)?,
            delete(table, &keys::email_change(account.account_id), None, Attributes::new()),
        ];
        let email = account.email.as_ref();
        let guards = [
            email.map(|email| keys::email_guard(mess, email)),
            account.username.as_ref().map(|name| keys::username_guard(mess, name)),
            account.roll_no.as_ref().map(|roll_no| keys::roll_no_guard(mess, roll_no)),
        ];
        let me = || [(":me".to_owned(), text(account.account_id))].into();
        let given_back = guards.into_iter().flatten();
        writes.extend(given_back.map(|key| delete(table, &key, Some(OWNED_OR_FREE), me())));
        if let Some(email) = email {
            let reset = keys::password_reset(mess, email);
            writes.push(delete(table, &reset, None, Attributes::new()));
            writes.push(self.login_forget(mess, &LoginName::Email(email.clone())));
        }
        if let Some(username) = &account.username {
            writes.push(self.login_forget(mess, &LoginName::Username(username.clone())));
        }
        writes.extend(self.session_deletes(sessions));
        self.transact_if_unchanged(writes).await
    }

    fn account_deleted_write(
        &self,
        account: &Account,
        deleted: &Account,
        stamp: &Stamp,
    ) -> TransactWriteItem {
        let partition = keys::directory_partition(&account.mess_id, account.role, deleted.status);
        let given = [
            (":status", text(deleted.status.as_str())),
            (":directory", text(partition)),
            (":name", text(&deleted.name)),
            (":password_hash", text(&deleted.password_hash)),
            (":version", number(deleted.password_version)),
            (":zero", number(0)),
            (":read_hash", text(&account.password_hash)),
        ];
        // The rest of the names whose guards the transaction deletes.
        let AsRead { condition, mut names, values: read } = as_read(account, &[]);
        let mut unchanged = vec![condition, "password_hash = :read_hash".to_owned()];
        let mut given = values(stamp, given);
        given.extend(read);
        let others = [
            ("email", account.email.as_ref().map(text)),
            ("username", account.username.as_ref().map(text)),
        ];
        for (name, value) in others {
            match value {
                Some(value) => {
                    unchanged.push(format!("#{name} = :read_{name}"));
                    given.insert(format!(":read_{name}"), value);
                }
                None => unchanged.push(format!("attribute_not_exists(#{name})")),
            }
        }
        let removed = REMOVED.map(|name| format!("#{name}")).join(", ");
        names.extend(REMOVED.map(|name| (format!("#{name}"), name.to_owned())));
        names.insert("#directory".to_owned(), keys::DIRECTORY_INDEX.to_owned());
        let expression = format!(
            "SET #status = :status, #directory = :directory, #name = :name, \
             password_hash = :password_hash, password_version = :version, \
             {ERASED_AT} = :changed_at, security_code_failures = :zero, {STAMPED} \
             REMOVE {removed}, security_code_forgotten_at"
        );
        let key = keys::account(account.account_id);
        let condition = unchanged.join(" AND ");
        update(&self.tables.accounts, &key, &expression, &condition, Some(names), given)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::Value;

    use super::REMOVED;

    /// What a deleted account keeps, or gets another value of.
    const KEPT: [&str; 19] = [
        "pk",
        "sk",
        "kind",
        "actor",
        "request_id",
        "changed_at",
        "account_id",
        "mess_id",
        "role",
        "status",
        "directory",
        "name",
        "password_hash",
        "password_version",
        "security_code_failures",
        "security_code_forgotten_at",
        "created_at",
        "decided_at",
        "decided_by",
    ];

    /// So a new attribute of an account is in one of the two lists.
    #[test]
    fn a_deletion_removes_every_attribute_that_is_not_kept() {
        let stored = include_str!("../changes/fixtures/account.json");
        let stored: BTreeMap<String, Value> = serde_json::from_str(stored).expect("JSON");
        for name in stored.keys().map(String::as_str) {
            assert_ne!(REMOVED.contains(&name), KEPT.contains(&name), "{name}");
        }
        let deleted = include_str!("../changes/fixtures/account-deleted.json");
        let deleted: BTreeMap<String, Value> = serde_json::from_str(deleted).expect("JSON");
        assert!(deleted.keys().all(|name| !REMOVED.contains(&name.as_str())));
    }
}
