//! Password resets. Each e-mail address has at most one reset, the newest. It is stored whether or
//! not an account has the address, so that neither the response nor its time reveals an account.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use thali_domain::accounts::identity::{Email, LoginName};
use thali_domain::accounts::password_reset::{ATTEMPTS_MAX, REQUESTS_WINDOW};
use thali_domain::ids::{AccountId, MessId, PasswordResetId};

use crate::store::changes::kinds::{Kind, Stored};
use crate::store::changes::trail::Trail;
use crate::store::{
    Account, Attributes, Consistency, STAMPED, SessionRecord, Stamp, Store, StoreError,
    TransactError, delete, keys, millis, none_if_condition_failed, number, text, update, values,
};

/// A password reset in its storage format. It does not contain the one-time code.
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
    /// How many codes were tried.
    pub attempts: u32,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub expires_at: Timestamp,
}

impl Stored for PasswordReset {
    type Read = Self;
    const KIND: Kind = Kind::PasswordReset;
    const TRAIL: Trail = Trail::shows(&[
        "reset_id",
        "mess_id",
        "account_id",
        "attempts",
        "created_at",
        "expires_at",
        "begun",
        "counted_until",
        "ttl",
    ])
    .hides(&["email"])
    .hashes_name();
}

/// How long an expired reset is kept. Longer than the window in which requests are counted,
/// because the reset holds the count.
const LINGERS: SignedDuration = SignedDuration::from_hours(2);

impl Store {
    /// Stores a reset in place of the address's previous one. Returns `false`, and writes nothing,
    /// if there were `requests_max` requests for the address in the last hour.
    pub async fn password_reset_begin(
        &self,
        reset: &PasswordReset,
        requests_max: u32,
        stamp: &Stamp,
    ) -> Result<bool, StoreError> {
        let window_over = (
            "begun = :one, counted_until = :until",
            "attribute_not_exists(counted_until) OR counted_until <= :changed_at",
            (":until", millis(stamp.at + REQUESTS_WINDOW)),
        );
        let one_more = (
            "begun = begun + :one",
            "begun < :max AND counted_until > :changed_at",
            (":max", number(requests_max)),
        );
        for (count, condition, given) in [window_over, one_more] {
            if self.password_reset_put(reset, count, condition, given, stamp).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn password_reset_put(
        &self,
        reset: &PasswordReset,
        count: &str,
        condition: &str,
        (name, value): (&str, AttributeValue),
        stamp: &Stamp,
    ) -> Result<bool, StoreError> {
        let mut attributes = values(
            stamp,
            [
                (":kind", text(PasswordReset::KIND)),
                (":id", text(reset.reset_id)),
                (":mess_id", text(&reset.mess_id)),
                (":email", text(&reset.email)),
                (":zero", number(0)),
                (":one", number(1)),
                (":expires_at", millis(reset.expires_at)),
                (":ttl", number((reset.expires_at + LINGERS).as_second())),
                (name, value),
            ],
        );
        let account = match reset.account_id {
            Some(account_id) => {
                attributes.insert(":account_id".to_owned(), text(account_id));
                ", account_id = :account_id"
            }
            None => " REMOVE account_id",
        };
        let request = self
            .client
            .update_item()
            .table_name(&self.tables.accounts)
            .set_key(Some(keys::password_reset(&reset.mess_id, &reset.email).attributes()))
            .update_expression(format!(
                "SET kind = :kind, reset_id = :id, mess_id = :mess_id, email = :email, \
                 attempts = :zero, created_at = :changed_at, expires_at = :expires_at, \
                 #ttl = :ttl, {count}, {STAMPED}{account}"
            ))
            .condition_expression(condition)
            .expression_attribute_names("#ttl", "ttl")
            .set_expression_attribute_values(Some(attributes));
        Ok(none_if_condition_failed(request.send().await)?.is_some())
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
    /// concurrent tries cannot exceed the limit. `None` if the reset has ended or the limit is
    /// reached.
    pub async fn password_reset_attempt(
        &self,
        mess: &MessId,
        email: &Email,
        stamp: &Stamp,
    ) -> Result<Option<PasswordReset>, StoreError> {
        let given = [(":one", number(1)), (":max", number(ATTEMPTS_MAX))];
        let request = self
            .client
            .update_item()
            .table_name(&self.tables.accounts)
            .set_key(Some(keys::password_reset(mess, email).attributes()))
            .update_expression(format!("SET attempts = attempts + :one, {STAMPED}"))
            .condition_expression("attempts < :max AND expires_at > :changed_at")
            .set_expression_attribute_values(Some(values(stamp, given)))
            .return_values("ALL_NEW".into());
        let updated =
            none_if_condition_failed(request.send().await)?.and_then(|answer| answer.attributes);
        Ok(updated.map(serde_dynamo::from_item).transpose()?)
    }

    /// Uses up a reset in one transaction: sets the account's new password, forgets its wrong
    /// passwords, and ends `sessions`, which are the sessions known now. Returns `false`, and
    /// changes nothing, if the reset was used or replaced in the meantime.
    pub async fn password_reset_commit(
        &self,
        reset: &PasswordReset,
        account: &Account,
        sessions: &[SessionRecord],
        password_hash: &str,
        stamp: &Stamp,
    ) -> Result<bool, StoreError> {
        let table = &self.tables.accounts;
        let given = [(":password_hash", text(password_hash)), (":one", number(1))];
        let given = values(stamp, given);
        let expression =
            format!("SET password_hash = :password_hash, {STAMPED} ADD password_version :one");
        let key = keys::account(account.account_id);
        let changed = update(table, &key, &expression, "attribute_exists(pk)", None, given);
        let key = keys::password_reset(&reset.mess_id, &reset.email);
        let this: Attributes = HashMap::from([(":id".to_owned(), text(reset.reset_id))]);
        let mut parts = vec![changed, delete(table, &key, Some("reset_id = :id"), this)];
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
            Err(TransactError::Conditions(_)) => Ok(false),
            Err(TransactError::Conflict) => Err(StoreError::Contended),
            Err(TransactError::Store(error)) => Err(error),
        }
    }
}
