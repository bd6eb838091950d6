//! Password resets. Each e-mail address has at most one reset for each source that asked, and one
//! item for all. It is stored whether or not an account has the address, so that neither the
//! response nor its time reveals an account.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::TransactWriteItem;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use thali_domain::accounts::identity::{Email, LoginName};
use thali_domain::accounts::password_reset::{ATTEMPTS_MAX, REPEATABLE};
use thali_domain::accounts::sources::{Requests, STRANGERS_ATTEMPTS_MAX, Source, attempts_left};
use thali_domain::ids::{AccountId, MessId, PasswordResetId};

use super::mailboxes::{Asked, is_zero, unchanged};
use crate::store::changes::kinds::{Kind, Stored};
use crate::store::changes::trail::Trail;
use crate::store::{
    Account, Attempt, Attributes, Consistency, STAMPED, SessionRecord, Stamp, Store, StoreError,
    TransactError, expiring, item, keys, millis, none_if_condition_failed, number, retry_overtaken,
    text, update, values,
};

/// The newest password reset of an address, and the others, in their storage format. They do not
/// contain the one-time codes.
#[skip_serializing_none]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PasswordReset {
    /// The id from which the one-time code is derived.
    pub reset_id: PasswordResetId,
    pub mess_id: MessId,
    /// Where the code is mailed.
    pub email: Email,
    /// The account that has the address. Without an account no code is right.
    pub account_id: Option<AccountId>,
    /// How many codes were tried. After the right one, how many wrong ones.
    pub attempts: u32,
    /// The version of the password that the reset has set. `None` as long as the reset waits for
    /// its code.
    pub password_version: Option<u32>,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub expires_at: Timestamp,
    /// From where it was asked for. Older items do not have it.
    pub asked_from: Option<Source>,
    /// How many of the tries strangers have made.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub stranger_attempts: u32,
    /// The newest resets of other sources, which a later one by somebody else leaves valid. Older
    /// items have none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub other_resets: BTreeMap<Source, OtherReset>,
}

/// A reset that another source asked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OtherReset {
    reset_id: PasswordResetId,
    attempts: u32,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    expires_at: Timestamp,
}

impl Stored for PasswordReset {
    type Read = Self;
    const KIND: Kind = Kind::PasswordReset;
    const TRAIL: Trail = Trail::shows(&[
        "reset_id",
        "mess_id",
        "account_id",
        "attempts",
        "stranger_attempts",
        "password_version",
        "created_at",
        "expires_at",
        "begun",
        "counted_until",
        "ttl",
    ])
    .hides(&["email", "asked_from", "other_resets", "sources"])
    .hashes_name();
}

impl PasswordReset {
    /// Whether the code of the reset with this id is still valid.
    #[must_use]
    pub fn is_waiting(&self, id: PasswordResetId, now: Timestamp) -> bool {
        let newest = self.password_version.is_none().then_some((self.reset_id, self.expires_at));
        let others = self.other_resets.values().map(|other| (other.reset_id, other.expires_at));
        others.chain(newest).any(|(of, expires_at)| of == id && now < expires_at)
    }

    /// The reset as the newest, after which `before` leaves those of other sources valid.
    #[must_use]
    pub fn after(mut self, before: Option<&Self>, now: Timestamp) -> Self {
        let Some(before) = before else { return self };
        self.other_resets = before.other_resets.clone();
        // One that was used is no longer needed.
        let waiting = before.asked_from.as_ref().filter(|_| before.password_version.is_none());
        if let Some(source) = waiting {
            let Self { reset_id, attempts, expires_at, .. } = *before;
            self.other_resets.insert(source.clone(), OtherReset { reset_id, attempts, expires_at });
        }
        self.other_resets.retain(|_, other| now < other.expires_at);
        if let Some(source) = &self.asked_from {
            self.other_resets.remove(source);
        }
        self
    }

    /// The reset that somebody from one of `sources` means, and their role in it: their own, or
    /// else the newest. `None` if that one has expired.
    fn meant_by(mut self, sources: &[Source], now: Timestamp) -> Option<(Self, Role)> {
        let is_own = |source: &Source| sources.contains(source);
        if now < self.expires_at && self.asked_from.as_ref().is_none_or(is_own) {
            return Some((self, Role::Asker));
        }
        let others = |source: &&Source| {
            self.other_resets.get(source).is_some_and(|other| now < other.expires_at)
        };
        if let Some(source) = sources.iter().find(others).cloned() {
            let OtherReset { reset_id, attempts, expires_at } = self.other_resets[&source].clone();
            self.asked_from = Some(source);
            return Some((Self { reset_id, attempts, expires_at, ..self }, Role::EarlierAsker));
        }
        (now < self.expires_at).then_some((self, Role::Stranger))
    }
}

/// Who tries a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// The source that asked for the newest reset.
    Asker,
    /// A source that asked for another one, which is still valid.
    EarlierAsker,
    /// A source that asked for none.
    Stranger,
}

/// A reset whose code is tried, after the try was counted.
pub struct TriedReset {
    pub reset: PasswordReset,
    /// How many tries are left to the one who tries.
    pub attempts_left: u32,
}

/// How long an expired reset is kept. Longer than the window in which requests are counted,
/// because the reset holds the count.
const LINGERS: SignedDuration = SignedDuration::from_hours(2);

impl Store {
    /// Stores a reset as the newest of its address, whose source has made `requests`. `seen` is the
    /// item that this was decided on.
    pub async fn password_reset_begin(
        &self,
        reset: &PasswordReset,
        requests: &Requests,
        seen: Option<&Asked<PasswordReset>>,
        stamp: &Stamp,
    ) -> Result<Attempt<()>, StoreError> {
        let key = keys::password_reset(&reset.mess_id, &reset.email);
        let mut attributes = expiring(item(&key, reset, stamp)?, reset.expires_at + LINGERS);
        attributes.insert("created_at".to_owned(), millis(stamp.at));
        attributes.extend(serde_dynamo::to_item::<_, Attributes>(requests)?);
        let (condition, values) = unchanged(seen);
        let request = self
            .client
            .put_item()
            .table_name(&self.tables.accounts)
            .set_item(Some(attributes))
            .condition_expression(condition)
            .set_expression_attribute_values((!values.is_empty()).then_some(values));
        let written = none_if_condition_failed(request.send().await);
        match written {
            Err(StoreError::Contended) => Ok(Attempt::Overtaken),
            written => Ok(Attempt::of(written?.map(|_| ()))),
        }
    }

    /// Reads the reset of an address.
    pub async fn password_reset_get(
        &self,
        mess: &MessId,
        email: &Email,
    ) -> Result<Option<PasswordReset>, StoreError> {
        let key = keys::password_reset(mess, email);
        self.get(&self.tables.accounts, &key, Consistency::Strong).await
    }

    /// Counts a try of a code before it returns the reset to compare the code with, so that
    /// concurrent tries cannot exceed the limit. `None` if the reset has expired or the limit is
    /// reached. `sources` are those from which the try comes. A source that has asked for a code
    /// tries its own one, with all its tries. Another one tries the newest, with fewer.
    pub async fn password_reset_attempt(
        &self,
        mess: &MessId,
        email: &Email,
        sources: &[Source],
        stamp: &Stamp,
    ) -> Result<Option<TriedReset>, StoreError> {
        retry_overtaken(|_| async {
            let found = self.password_reset_get(mess, email).await?;
            let meant = found.and_then(|found| found.meant_by(sources, stamp.at));
            let Some((mut reset, role)) = meant else { return Ok(Attempt::Done(None)) };
            let strangers = (role == Role::Stranger).then_some(reset.stranger_attempts);
            if attempts_left(ATTEMPTS_MAX, reset.attempts, strangers) == 0 {
                return Ok(Attempt::Done(None));
            }
            let counted = self.password_reset_count(&reset, role, stamp).await?;
            let Some(updated) = counted else { return Ok(Attempt::Overtaken) };
            // The count after the update; another try may have been counted since the read.
            let own = reset.asked_from.as_ref().and_then(|own| updated.other_resets.get(own));
            match (role, own) {
                (Role::EarlierAsker, Some(own)) => reset.attempts = own.attempts,
                _ => reset.attempts = updated.attempts,
            }
            let strangers = strangers.map(|_| updated.stranger_attempts);
            let attempts_left = attempts_left(ATTEMPTS_MAX, reset.attempts, strangers);
            Ok(Attempt::Done(Some(TriedReset { reset, attempts_left })))
        })
        .await
    }

    /// Counts a try of this reset. `None` if the reset has ended or was replaced, or the limit is
    /// reached.
    async fn password_reset_count(
        &self,
        reset: &PasswordReset,
        role: Role,
        stamp: &Stamp,
    ) -> Result<Option<PasswordReset>, StoreError> {
        let place = match (role, &reset.asked_from) {
            (Role::EarlierAsker, Some(source)) => format!("other_resets.{source}."),
            _ => String::new(),
        };
        let mut given = values(
            stamp,
            [(":one", number(1)), (":max", number(ATTEMPTS_MAX)), (":id", text(reset.reset_id))],
        );
        let mut expression = format!("SET {place}attempts = {place}attempts + :one, {STAMPED}");
        let mut condition = format!(
            "{place}reset_id = :id AND {place}attempts < :max AND {place}expires_at > :changed_at"
        );
        if role == Role::Stranger {
            given.insert(":zero".to_owned(), number(0));
            given.insert(":strangers_max".to_owned(), number(STRANGERS_ATTEMPTS_MAX));
            expression
                .push_str(", stranger_attempts = if_not_exists(stranger_attempts, :zero) + :one");
            condition.push_str(
                " AND (attribute_not_exists(stranger_attempts) \
                 OR stranger_attempts < :strangers_max)",
            );
        }
        let request = self
            .client
            .update_item()
            .table_name(&self.tables.accounts)
            .set_key(Some(keys::password_reset(&reset.mess_id, &reset.email).attributes()))
            .update_expression(expression)
            .condition_expression(condition)
            .set_expression_attribute_values(Some(given))
            .return_values("ALL_NEW".into());
        let updated =
            none_if_condition_failed(request.send().await)?.and_then(|answer| answer.attributes);
        Ok(updated.map(serde_dynamo::from_item).transpose()?)
    }

    /// Takes back the count of a try whose code was right. Only a used reset needs this.
    pub async fn password_reset_attempt_return(
        &self,
        reset: &PasswordReset,
        stamp: &Stamp,
    ) -> Result<(), StoreError> {
        let given = [(":one", number(1)), (":id", text(reset.reset_id))];
        let request = self
            .client
            .update_item()
            .table_name(&self.tables.accounts)
            .set_key(Some(keys::password_reset(&reset.mess_id, &reset.email).attributes()))
            .update_expression(format!("SET attempts = attempts - :one, {STAMPED}"))
            .condition_expression("reset_id = :id AND attempts >= :one")
            .set_expression_attribute_values(Some(values(stamp, given)));
        none_if_condition_failed(request.send().await)?;
        Ok(())
    }

    /// The write that uses up a reset, as part of the transaction that sets the new password. For
    /// some minutes the reset still answers the right code. The try of that code is no longer
    /// counted, so that the person who sends it again is not out of tries. The codes of other
    /// sources end.
    fn password_reset_finish(
        &self,
        reset: &PasswordReset,
        password_version: u32,
        stamp: &Stamp,
    ) -> TransactWriteItem {
        let key = keys::password_reset(&reset.mess_id, &reset.email);
        let mut given = values(
            stamp,
            [
                (":id", text(reset.reset_id)),
                (":version", number(password_version)),
                (":attempts", number(reset.attempts.saturating_sub(1))),
                (":expires_at", millis(stamp.at + REPEATABLE)),
            ],
        );
        // Perhaps another source has asked for a code since, so that this one is no longer the
        // newest.
        let (asked_from, this) = match &reset.asked_from {
            Some(source) => {
                given.insert(":source".to_owned(), text(source));
                let of_source = format!("other_resets.{source}.reset_id = :id");
                (", asked_from = :source", format!("(reset_id = :id OR {of_source})"))
            }
            None => ("", "reset_id = :id".to_owned()),
        };
        let expression = format!(
            "SET reset_id = :id, password_version = :version, attempts = :attempts, \
             expires_at = :expires_at{asked_from}, {STAMPED} REMOVE other_resets, stranger_attempts"
        );
        let condition = format!("{this} AND attribute_not_exists(password_version)");
        update(&self.tables.accounts, &key, &expression, &condition, None, given)
    }

    /// Uses up a reset in one transaction: sets the account's new password, forgets its wrong
    /// passwords, and ends `sessions`, which are the sessions known now. Returns `false`, and
    /// changes nothing, if the reset was used or replaced in the meantime. The account must still
    /// have the address and the password that were read, or else this is contended.
    pub async fn password_reset_commit(
        &self,
        reset: &PasswordReset,
        account: &Account,
        sessions: &[SessionRecord],
        password_hash: &str,
        stamp: &Stamp,
    ) -> Result<bool, StoreError> {
        let table = &self.tables.accounts;
        let given = [
            (":password_hash", text(password_hash)),
            (":version", number(account.password_version + 1)),
            (":read_hash", text(&account.password_hash)),
            (":email", text(&reset.email)),
        ];
        let given = values(stamp, given);
        let expression = format!(
            "SET password_hash = :password_hash, password_version = :version, \
                 password_changed_at = :changed_at, {STAMPED}"
        );
        let key = keys::account(account.account_id);
        let changed = update(
            table,
            &key,
            &expression,
            "email = :email AND password_hash = :read_hash",
            None,
            given,
        );
        let used_up = self.password_reset_finish(reset, account.password_version + 1, stamp);
        let mut parts = vec![changed, used_up];
        let names = [
            account.email.clone().map(LoginName::Email),
            account.username.clone().map(LoginName::Username),
        ];
        parts.extend(
            names.into_iter().flatten().map(|name| self.login_forget(&account.mess_id, &name)),
        );
        parts.extend(self.session_deletes(sessions));
        match self.transact(parts).await {
            Ok(()) => Ok(true),
            // The account was changed since it was read.
            Err(TransactError::Conditions(failed)) if failed.first() == Some(&true) => {
                Err(StoreError::Contended)
            }
            Err(TransactError::Conditions(_)) => Ok(false),
            Err(TransactError::Conflict) => Err(StoreError::Contended),
            Err(TransactError::Store(error)) => Err(error),
        }
    }
}
