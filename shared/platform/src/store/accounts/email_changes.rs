//! Changes of e-mail addresses. Each account has at most one, the newest. It is stored whether or
//! not another account has the new address, so that neither the response nor its time reveals one.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use thali_domain::accounts::email_change::{ATTEMPTS_MAX, REPEATED_WITHIN, REQUESTS_WINDOW};
use thali_domain::accounts::identity::{Email, LoginName};
use thali_domain::accounts::sources::Requests;
use thali_domain::ids::{AccountId, EmailChangeId, MessId};

use super::account::Guard;
use super::mailboxes::Asked;
use super::registrations::NewestRegistration;
use crate::store::changes::kinds::{Kind, Stored};
use crate::store::changes::trail::Trail;
use crate::store::students::directory::OWNED_OR_FREE;
use crate::store::{
    Account, Attempt, Attributes, Consistency, STAMPED, Stamp, Store, StoreError, TransactError,
    delete, item, keys, millis, none_if_condition_failed, number, put_new, text, update, values,
};

/// A change of an address in its storage format. It does not contain the one-time code.
#[skip_serializing_none]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EmailChange {
    /// The id from which the one-time code is derived.
    pub change_id: EmailChangeId,
    pub account_id: AccountId,
    pub mess_id: MessId,
    /// The new address, to which the code is mailed.
    pub email: Email,
    /// Whether an account already has this address. Such a change never succeeds. It exists so
    /// that the response does not reveal the account, while the mail does.
    pub known: bool,
    /// How many codes were tried.
    pub attempts: u32,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub expires_at: Timestamp,
    /// When the change was made. It is kept for some minutes after that, for repetitions.
    #[serde(default, with = "jiff::fmt::serde::timestamp::millisecond::optional")]
    pub confirmed_at: Option<Timestamp>,
}

impl Stored for EmailChange {
    type Read = Self;
    const KIND: Kind = Kind::EmailChange;
    const TRAIL: Trail = Trail::shows(&[
        "change_id",
        "account_id",
        "mess_id",
        "known",
        "attempts",
        "created_at",
        "expires_at",
        "confirmed_at",
        "begun",
        "counted_until",
        "ttl",
    ])
    // Nobody has proven yet whose address it is.
    .hides(&["email"]);
}

/// Why a change was not made.
#[derive(Debug, thiserror::Error)]
pub enum EmailChangeError {
    /// The change was made or replaced in the meantime.
    #[error("the change was made or replaced")]
    Ended,
    /// Another account has taken the address.
    #[error("there is an account with this e-mail address")]
    EmailTaken,
    /// A concurrent request changed the account.
    #[error("the account was changed at the same moment")]
    Overtaken,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How long an expired change is kept. Longer than the window in which requests are counted,
/// because the item holds the count.
const LINGERS: SignedDuration = SignedDuration::from_hours(2);

/// One of the two ways to count a request of the account: as the first of a new window, or as one
/// more of the current one.
struct Count {
    set: &'static str,
    condition: &'static str,
    given: (&'static str, AttributeValue),
}

impl Store {
    /// Stores a change in place of the account's previous one, and counts it for the account and
    /// for the new address, whose mails are then `of_address`. `seen` is what was read of the
    /// address. Returns `false`, and writes nothing, if the account has made `of_account_max`
    /// requests in the last hour.
    pub async fn email_change_begin(
        &self,
        change: &EmailChange,
        of_account_max: u32,
        of_address: &Requests,
        seen: Option<&Asked<NewestRegistration>>,
        stamp: &Stamp,
    ) -> Result<Attempt<bool>, StoreError> {
        let first = Count {
            set: "begun = :one, counted_until = :until",
            condition: "attribute_not_exists(counted_until) OR counted_until <= :changed_at",
            given: (":until", millis(stamp.at + REQUESTS_WINDOW)),
        };
        let one_more = Count {
            set: "begun = begun + :one",
            condition: "begun < :max AND counted_until > :changed_at",
            given: (":max", number(of_account_max)),
        };
        let newest = seen.map(|seen| seen.item.clone()).unwrap_or_default();
        for of_account in [first, one_more] {
            let counted = (&newest, of_address);
            let writes = vec![
                self.email_change_put(change, of_account, stamp),
                self.newest_put(&change.mess_id, &change.email, counted, seen, stamp)?,
            ];
            match self.transact(writes).await {
                Ok(()) => return Ok(Attempt::Done(true)),
                Err(TransactError::Conditions(failed)) if failed == [true, false] => {}
                Err(TransactError::Conditions(_) | TransactError::Conflict) => {
                    return Ok(Attempt::Overtaken);
                }
                Err(TransactError::Store(error)) => return Err(error),
            }
        }
        Ok(Attempt::Done(false))
    }

    fn email_change_put(
        &self,
        change: &EmailChange,
        count: Count,
        stamp: &Stamp,
    ) -> TransactWriteItem {
        let given = [
            (":kind", text(EmailChange::KIND)),
            (":id", text(change.change_id)),
            (":account_id", text(change.account_id)),
            (":mess_id", text(&change.mess_id)),
            (":email", text(&change.email)),
            (":known", AttributeValue::Bool(change.known)),
            (":zero", number(0)),
            (":one", number(1)),
            (":expires_at", millis(change.expires_at)),
            (":ttl", number((change.expires_at + LINGERS).as_second())),
            count.given,
        ];
        let expression = format!(
            "SET kind = :kind, change_id = :id, account_id = :account_id, mess_id = :mess_id, \
             email = :email, #known = :known, attempts = :zero, created_at = :changed_at, \
             expires_at = :expires_at, #ttl = :ttl, {}, {STAMPED} REMOVE confirmed_at",
            count.set
        );
        let names = HashMap::from(
            [("#ttl", "ttl"), ("#known", "known")].map(|(a, b)| (a.to_owned(), b.to_owned())),
        );
        let key = keys::email_change(change.account_id);
        let table = &self.tables.accounts;
        update(table, &key, &expression, count.condition, Some(names), values(stamp, given))
    }

    pub async fn email_change_get(
        &self,
        account: AccountId,
    ) -> Result<Option<EmailChange>, StoreError> {
        let key = keys::email_change(account);
        self.get(&self.tables.accounts, &key, Consistency::Strong).await
    }

    /// Counts a try of a code before it returns the change to compare the code with, so that
    /// concurrent tries cannot exceed the limit. `None` if there is no change, it has expired, or
    /// the limit is reached. A change that was made has no limit: its code has no effect any more.
    pub async fn email_change_attempt(
        &self,
        account: AccountId,
        stamp: &Stamp,
    ) -> Result<Option<EmailChange>, StoreError> {
        let given = [(":one", number(1)), (":max", number(ATTEMPTS_MAX))];
        let request = self
            .client
            .update_item()
            .table_name(&self.tables.accounts)
            .set_key(Some(keys::email_change(account).attributes()))
            .update_expression(format!("SET attempts = attempts + :one, {STAMPED}"))
            .condition_expression(
                "expires_at > :changed_at AND (attempts < :max OR attribute_exists(confirmed_at))",
            )
            .set_expression_attribute_values(Some(values(stamp, given)))
            .return_values("ALL_NEW".into());
        let updated =
            none_if_condition_failed(request.send().await)?.and_then(|answer| answer.attributes);
        Ok(updated.map(serde_dynamo::from_item).transpose()?)
    }

    /// Makes a change in one transaction: the account's address, and the guards of the new and the
    /// old one. A pending password reset of the old address ends with it, and the wrong passwords
    /// that were counted for either address are forgotten.
    pub async fn email_change_commit(
        &self,
        account: &Account,
        change: &EmailChange,
        stamp: &Stamp,
    ) -> Result<(), EmailChangeError> {
        if account.email.as_ref() == Some(&change.email) {
            // A concurrent request has made the change since the code was compared.
            return Err(EmailChangeError::Ended);
        }
        let mess = &account.mess_id;
        let table = &self.tables.accounts;
        let guard = Guard { account_id: account.account_id, mess_id: mess.clone() };
        let taken = item(&keys::email_guard(mess, &change.email), &guard, stamp)?;
        let mut parts = vec![
            (self.change_confirmed(change, stamp), EmailChangeError::Ended),
            (put_new(table, taken), EmailChangeError::EmailTaken),
            (self.email_replaced(account, &change.email, stamp), EmailChangeError::Overtaken),
        ];
        let new = LoginName::Email(change.email.clone());
        parts.push((self.login_forget(mess, &new), EmailChangeError::Overtaken));
        if let Some(old) = &account.email {
            let me: Attributes = [(":me".to_owned(), text(account.account_id))].into();
            let given_back = delete(table, &keys::email_guard(mess, old), Some(OWNED_OR_FREE), me);
            let reset = delete(table, &keys::password_reset(mess, old), None, Attributes::new());
            let forgotten = self.login_forget(mess, &LoginName::Email(old.clone()));
            parts
                .extend([given_back, reset, forgotten].map(|it| (it, EmailChangeError::Overtaken)));
        }
        let (writes, refusals): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
        match self.transact(writes).await {
            Ok(()) => Ok(()),
            Err(TransactError::Conditions(failed)) => {
                let mut refused = refusals.into_iter().zip(failed).filter(|(_, failed)| *failed);
                Err(refused.next().map_or(EmailChangeError::Overtaken, |(refusal, _)| refusal))
            }
            Err(TransactError::Conflict) => Err(EmailChangeError::Overtaken),
            Err(TransactError::Store(error)) => Err(error.into()),
        }
    }

    fn change_confirmed(&self, change: &EmailChange, stamp: &Stamp) -> TransactWriteItem {
        let given =
            [(":id", text(change.change_id)), (":until", millis(stamp.at + REPEATED_WITHIN))];
        update(
            &self.tables.accounts,
            &keys::email_change(change.account_id),
            &format!("SET confirmed_at = :changed_at, expires_at = :until, {STAMPED}"),
            "change_id = :id AND attribute_not_exists(confirmed_at)",
            None,
            values(stamp, given),
        )
    }

    fn email_replaced(&self, account: &Account, new: &Email, stamp: &Stamp) -> TransactWriteItem {
        let given = [
            (":email", text(new)),
            (":status", text(account.status.as_str())),
            (":read_hash", text(&account.password_hash)),
        ];
        let mut given = values(stamp, given);
        let as_read = match &account.email {
            Some(old) => {
                given.insert(":old".to_owned(), text(old));
                "email = :old"
            }
            None => "attribute_not_exists(email)",
        };
        update(
            &self.tables.accounts,
            &keys::account(account.account_id),
            &format!("SET email = :email, {STAMPED} REMOVE email_claim"),
            &format!("#status = :status AND password_hash = :read_hash AND {as_read}"),
            Some(HashMap::from([("#status".to_owned(), "status".to_owned())])),
            given,
        )
    }
}
