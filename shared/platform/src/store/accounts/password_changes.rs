//! Changes of a password by the person who knows it. The session that makes the change goes on;
//! all others end.

use jiff::Timestamp;

use crate::store::{
    Account, Attempt, STAMPED, SessionRecord, Stamp, Store, StoreError, keys, millis, number, text,
    update, values,
};

/// The part of a password change that is stored.
pub struct PasswordChange {
    /// The hash of the new password.
    pub password_hash: String,
    /// By which a repetition of the change is recognised.
    pub repeat_hash: String,
    /// Until when a repetition is answered as the change was.
    pub repeats_until: Timestamp,
}

impl Store {
    /// Replaces the password of `account`, ends the `others` among its sessions, and lets its
    /// session `own` go on, in one transaction. The password must still be the one that was read,
    /// because the proof was of that one. A refresh of the session at the same moment stays valid:
    /// it changes other attributes of the session.
    pub async fn password_change_commit(
        &self,
        account: &Account,
        own: &SessionRecord,
        others: &[SessionRecord],
        change: &PasswordChange,
        stamp: &Stamp,
    ) -> Result<Attempt<()>, StoreError> {
        let table = &self.tables.accounts;
        let version = number(account.password_version + 1);
        let given = [
            (":read", text(&account.password_hash)),
            (":password_hash", text(&change.password_hash)),
            (":version", version.clone()),
        ];
        let changed = update(
            table,
            &keys::account(account.account_id),
            &format!(
                "SET password_hash = :password_hash, password_version = :version, \
                 password_changed_at = :changed_at, {STAMPED}"
            ),
            "password_hash = :read",
            None,
            values(stamp, given),
        );
        let given = [
            (":version", version),
            (":repeat_hash", text(&change.repeat_hash)),
            (":repeats_until", millis(change.repeats_until)),
        ];
        let goes_on = update(
            table,
            &keys::session(own.account_id, own.session_id),
            &format!(
                "SET password_version = :version, repeat_hash = :repeat_hash, \
                 repeats_until = :repeats_until, {STAMPED}"
            ),
            "attribute_exists(pk)",
            None,
            values(stamp, given),
        );
        let mut writes = vec![changed, goes_on];
        writes.extend(self.session_deletes(others));
        self.transact_if_unchanged(writes).await
    }
}
