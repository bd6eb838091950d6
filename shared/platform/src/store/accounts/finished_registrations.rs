//! Registrations whose account was made. For some minutes they still answer the code that made it,
//! for a client that lost the response. Nothing personal is left in them.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::TransactWriteItem;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thali_domain::accounts::registration::REPEATABLE;
use thali_domain::ids::{AccountId, MessId, RegistrationId};

use super::mailboxes::is_zero;
use super::registrations::Registration;
use crate::store::changes::kinds::{Kind, Stored};
use crate::store::changes::trail::Trail;
use crate::store::{
    STAMPED, Stamp, Store, StoreError, keys, millis, none_if_condition_failed, number, text,
    update, values,
};

/// A registration as it is stored: it waits for its code, or its account was made.
#[derive(Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub enum StoredRegistration {
    Pending(Box<Registration>),
    Finished(FinishedRegistration),
}

/// A registration whose account was made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FinishedRegistration {
    pub registration_id: RegistrationId,
    pub mess_id: MessId,
    /// The account that was made.
    pub account_id: AccountId,
    /// How many wrong one-time codes were tried.
    pub attempts: u32,
    /// How many of the tries strangers have made.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub stranger_attempts: u32,
    /// How often the one-time code was requested again.
    pub resends: u32,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub created_at: Timestamp,
    /// Until when the code that made the account gets it again.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub expires_at: Timestamp,
}

impl Stored for StoredRegistration {
    type Read = Self;
    const KIND: Kind = Kind::Registration;
    const TRAIL: Trail = Registration::TRAIL;
}

impl StoredRegistration {
    #[must_use]
    pub const fn resends(&self) -> u32 {
        match self {
            Self::Pending(registration) => registration.resends,
            Self::Finished(registration) => registration.resends,
        }
    }

    /// How many one-time codes were tried, and how many of them by strangers.
    #[must_use]
    pub const fn attempts(&self) -> (u32, u32) {
        match self {
            Self::Pending(registration) => (registration.attempts, registration.stranger_attempts),
            Self::Finished(registration) => (registration.attempts, registration.stranger_attempts),
        }
    }

    /// The registration, if it waits for its code.
    #[must_use]
    pub fn pending(&self) -> Option<&Registration> {
        match self {
            Self::Pending(registration) => Some(registration),
            Self::Finished(_) => None,
        }
    }
}

impl Store {
    /// The write that uses up a registration, as part of the transaction that makes its account. Of
    /// several such transactions, one succeeds. The try of the right code is no longer counted, so
    /// that the person who sends it again is not out of tries.
    pub(super) fn registration_finish(
        &self,
        registration: &Registration,
        account: AccountId,
        stamp: &Stamp,
    ) -> TransactWriteItem {
        let key = keys::registration(registration.registration_id);
        let expression = format!(
            "SET account_id = :account_id, attempts = attempts - :one, expires_at = :expires_at, \
             #ttl = :ttl, {STAMPED} REMOVE email, known, username, #name, #role, phone, roll_no, \
             room_no, password_hash, invite_hash"
        );
        let condition = "resends = :resends AND attribute_not_exists(account_id)";
        let names = ["ttl", "name", "role"].map(|name| (format!("#{name}"), name.to_owned()));
        let expires_at = stamp.at + REPEATABLE;
        let given = [
            (":account_id", text(account)),
            (":one", number(1)),
            (":expires_at", millis(expires_at)),
            (":ttl", number(expires_at.as_second())),
            (":resends", number(registration.resends)),
        ];
        let names = Some(HashMap::from(names));
        let table = &self.tables.accounts;
        update(table, &key, &expression, condition, names, values(stamp, given))
    }

    /// Takes back the count of a try whose code was right. Only a finished registration needs this.
    pub async fn registration_attempt_return(
        &self,
        id: RegistrationId,
        stamp: &Stamp,
    ) -> Result<(), StoreError> {
        let request = self
            .client
            .update_item()
            .table_name(&self.tables.accounts)
            .set_key(Some(keys::registration(id).attributes()))
            .update_expression(format!("SET attempts = attempts - :one, {STAMPED}"))
            .condition_expression("attempts >= :one")
            .set_expression_attribute_values(Some(values(stamp, [(":one", number(1))])));
        none_if_condition_failed(request.send().await)?;
        Ok(())
    }
}
