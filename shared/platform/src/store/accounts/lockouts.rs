//! The counters of wrong passwords and security codes, and what a login reads of its name. The
//! counters are stored in DynamoDB, so lockouts work without Redis.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{ConditionCheck, TransactWriteItem};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thali_domain::accounts::identity::LoginName;
use thali_domain::accounts::lockout::{Failures, LOCK, TRIES_MAX};
use thali_domain::ids::{AccountId, DeviceId, MessId, SessionId};

use super::account::Guard;
use crate::auth::sha256_hex;
use crate::store::changes::kinds::{Kind, Stored};
use crate::store::changes::trail::Trail;
use crate::store::keys::Key;
use crate::store::{
    Account, Attempt, Consistency, STAMPED, Stamp, Store, StoreError, delete, expiring, item, keys,
    millis, none_if_condition_failed, number, retry_overtaken, text, values,
};

/// Which wrong passwords are counted together.
#[derive(Debug, Clone, Copy)]
pub enum PasswordCounter<'a> {
    /// For a login name, those of everybody whose browser has not logged in to the account before.
    Strangers(&'a MessId, &'a LoginName),
    /// For a login name, those of a browser that has.
    Device(&'a MessId, &'a LoginName, DeviceId),
    /// The wrong current passwords in a session.
    Session(&'a MessId, AccountId, SessionId),
}

impl PasswordCounter<'_> {
    fn key(&self) -> Key {
        match self {
            Self::Strangers(mess, name) => keys::login_failures(mess, name),
            Self::Device(mess, name, device) => keys::device_failures(mess, name, *device),
            Self::Session(_, account, session) => keys::session_failures(*account, *session),
        }
    }

    const fn mess(&self) -> &MessId {
        match self {
            Self::Strangers(mess, _) | Self::Device(mess, ..) | Self::Session(mess, ..) => mess,
        }
    }

    /// The counter's name in Redis, which contains no address.
    #[must_use]
    pub fn hashed(&self) -> String {
        let Key { pk, sk } = self.key();
        sha256_hex(&format!("{pk}/{sk}"))
    }
}

/// The wrong passwords of one [`PasswordCounter`].
#[derive(Serialize, Deserialize)]
pub struct LoginFailures {
    pub(super) mess_id: MessId,
    pub(super) count: u32,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub(super) forgotten_at: Timestamp,
}

impl Stored for LoginFailures {
    type Read = Self;
    const KIND: Kind = Kind::LoginFailures;
    const TRAIL: Trail = Trail::shows(&["mess_id", "count", "forgotten_at", "ttl"]).hashes_name();
}

impl From<LoginFailures> for Failures {
    fn from(LoginFailures { count, forgotten_at, .. }: LoginFailures) -> Self {
        Self { count, forgotten_at }
    }
}

/// The data that a login needs about the name it uses.
#[derive(Debug, Clone)]
pub struct LoginLookup {
    pub account_id: Option<AccountId>,
    strangers: Failures,
    devices: HashMap<DeviceId, Failures>,
}

impl LoginLookup {
    /// The wrong passwords of a known device, or those of strangers.
    #[must_use]
    pub fn failures(&self, device: Option<DeviceId>) -> Failures {
        match device {
            Some(device) => self.devices.get(&device).copied().unwrap_or(Failures::NONE),
            None => self.strangers,
        }
    }
}

impl Store {
    /// Looks up a login name, with one read of its guard's partition.
    pub async fn login_lookup(
        &self,
        mess: &MessId,
        name: &LoginName,
    ) -> Result<LoginLookup, StoreError> {
        let pk = keys::login_guard(mess, name).pk;
        let (strangers, devices) = (Failures::NONE, HashMap::new());
        let mut lookup = LoginLookup { account_id: None, strangers, devices };
        for found in self.query(&self.tables.accounts, &pk, None, Consistency::Strong).await? {
            match found.get("sk").and_then(|sk| sk.as_s().ok()).map(String::as_str) {
                Some("guard") => {
                    lookup.account_id =
                        Some(serde_dynamo::from_item::<_, Guard>(found)?.account_id);
                }
                Some("failures") => {
                    lookup.strangers = serde_dynamo::from_item::<_, LoginFailures>(found)?.into();
                }
                Some(sk) => {
                    let device = sk.strip_prefix(keys::FAILURES).map(DeviceId::parse);
                    if let Some(Ok(device)) = device {
                        let failures = serde_dynamo::from_item::<_, LoginFailures>(found)?;
                        lookup.devices.insert(device, failures.into());
                    }
                }
                None => {}
            }
        }
        Ok(lookup)
    }

    /// Reads the wrong passwords that are counted together.
    pub async fn password_failures(
        &self,
        counter: PasswordCounter<'_>,
    ) -> Result<Failures, StoreError> {
        let table = &self.tables.accounts;
        let found: Option<LoginFailures> =
            self.get(table, &counter.key(), Consistency::Strong).await?;
        Ok(found.map_or(Failures::NONE, Into::into))
    }

    /// Counts a wrong password. The count starts again if the earlier wrong passwords are
    /// forgotten.
    pub async fn password_failed(
        &self,
        counter: PasswordCounter<'_>,
        stamp: &Stamp,
    ) -> Result<(), StoreError> {
        // If several first wrong passwords come at once, one request creates the counter, and the
        // others find it at their next try.
        retry_overtaken(|_| async {
            let is_counted = self.password_failure_add(counter, stamp).await?
                || self.password_failure_begin(counter, stamp).await?;
            Ok(if is_counted { Attempt::Done(()) } else { Attempt::Again })
        })
        .await
    }

    /// Adds to the wrong passwords that are not forgotten. Returns `false` if there are none.
    async fn password_failure_add(
        &self,
        counter: PasswordCounter<'_>,
        stamp: &Stamp,
    ) -> Result<bool, StoreError> {
        let forgotten_at = stamp.at + LOCK;
        let request = self
            .client
            .update_item()
            .table_name(&self.tables.accounts)
            .set_key(Some(counter.key().attributes()))
            .update_expression(format!(
                "SET #count = #count + :one, forgotten_at = :forgotten_at, #ttl = :ttl, {STAMPED}"
            ))
            .condition_expression("forgotten_at > :changed_at")
            .expression_attribute_names("#count", "count")
            .expression_attribute_names("#ttl", "ttl")
            .set_expression_attribute_values(Some(values(
                stamp,
                [
                    (":one", number(1)),
                    (":forgotten_at", millis(forgotten_at)),
                    (":ttl", number(forgotten_at.as_second())),
                ],
            )));
        Ok(none_if_condition_failed(request.send().await)?.is_some())
    }

    /// Counts the first wrong password. Returns `false` if there are others that are not
    /// forgotten.
    async fn password_failure_begin(
        &self,
        counter: PasswordCounter<'_>,
        stamp: &Stamp,
    ) -> Result<bool, StoreError> {
        let forgotten_at = stamp.at + LOCK;
        let first = LoginFailures { mess_id: counter.mess().clone(), count: 1, forgotten_at };
        let attributes = item(&counter.key(), &first, stamp)?;
        let request = self
            .client
            .put_item()
            .table_name(&self.tables.accounts)
            .set_item(Some(expiring(attributes, forgotten_at)))
            .condition_expression("attribute_not_exists(pk) OR forgotten_at <= :now")
            .expression_attribute_values(":now", millis(stamp.at));
        Ok(none_if_condition_failed(request.send().await)?.is_some())
    }

    /// Forgets the wrong passwords after a correct one.
    pub async fn passwords_forget(&self, counter: PasswordCounter<'_>) -> Result<(), StoreError> {
        let request = self.client.delete_item().table_name(&self.tables.accounts);
        request.set_key(Some(counter.key().attributes())).send().await?;
        Ok(())
    }

    /// The write that forgets the wrong passwords of strangers for a name, as part of a
    /// transaction.
    pub(super) fn login_forget(&self, mess: &MessId, name: &LoginName) -> TransactWriteItem {
        let key = keys::login_failures(mess, name);
        delete(&self.tables.accounts, &key, None, HashMap::new())
    }

    /// Counts a wrong security code and returns the new count. `None` if the limit was already
    /// reached before.
    pub async fn security_code_failed(
        &self,
        account: AccountId,
        stamp: &Stamp,
    ) -> Result<Option<u32>, StoreError> {
        let one_more = "security_code_forgotten_at > :changed_at AND security_code_failures < :max";
        let forgotten = "attribute_exists(pk) AND (attribute_not_exists(security_code_forgotten_at) \
                         OR security_code_forgotten_at <= :changed_at)";
        // The third try is for a request that lost the race to start the counter.
        let add = ("security_code_failures + :one", one_more);
        let tries = [add, (":one", forgotten), add];
        for (count, condition) in tries {
            let counted = self.security_code_count(account, count, condition, stamp).await?;
            if counted.is_some() {
                return Ok(counted);
            }
        }
        Ok(None)
    }

    async fn security_code_count(
        &self,
        account: AccountId,
        count: &str,
        condition: &str,
        stamp: &Stamp,
    ) -> Result<Option<u32>, StoreError> {
        let mut given = vec![(":one", number(1)), (":forgotten_at", millis(stamp.at + LOCK))];
        if condition.contains(":max") {
            given.push((":max", number(TRIES_MAX)));
        }
        let mut attributes = values(stamp, []);
        attributes.extend(given.into_iter().map(|(name, value)| (name.to_owned(), value)));
        let request = self
            .client
            .update_item()
            .table_name(&self.tables.accounts)
            .set_key(Some(keys::account(account).attributes()))
            .update_expression(format!(
                "SET security_code_failures = {count}, \
                 security_code_forgotten_at = :forgotten_at, {STAMPED}"
            ))
            .condition_expression(condition)
            .set_expression_attribute_values(Some(attributes))
            .return_values("ALL_NEW".into());
        let updated =
            none_if_condition_failed(request.send().await)?.and_then(|answer| answer.attributes);
        let account: Option<Account> = updated.map(serde_dynamo::from_item).transpose()?;
        Ok(account.map(|account| account.security_code_failures))
    }

    /// Forgets the wrong security codes after a correct one. Returns `false` if the limit of wrong
    /// codes was reached before, so that the correct one came too late.
    pub async fn security_code_succeeded(
        &self,
        account: AccountId,
        stamp: &Stamp,
    ) -> Result<bool, StoreError> {
        let given = [(":zero", number(0)), (":max", number(TRIES_MAX))];
        let request = self
            .client
            .update_item()
            .table_name(&self.tables.accounts)
            .set_key(Some(keys::account(account).attributes()))
            .update_expression(format!(
                "SET security_code_failures = :zero, {STAMPED} REMOVE security_code_forgotten_at"
            ))
            .condition_expression(SECURITY_CODE_OPEN)
            .set_expression_attribute_values(Some(values(stamp, given)));
        Ok(none_if_condition_failed(request.send().await)?.is_some())
    }

    /// The check, as part of a transaction, that the account is active and its security code is
    /// not locked. So concurrent guesses cannot get past the limit, even if all of them read the
    /// account before the first wrong one was counted.
    pub(in crate::store) fn security_code_check(
        &self,
        account: AccountId,
        now: Timestamp,
    ) -> TransactWriteItem {
        let given = [
            (":active", text("active")),
            (":max", number(TRIES_MAX)),
            (":changed_at", millis(now)),
        ];
        let given = given.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let check = ConditionCheck::builder()
            .table_name(&self.tables.accounts)
            .set_key(Some(keys::account(account).attributes()))
            .condition_expression(format!("#status = :active AND ({SECURITY_CODE_OPEN})"))
            .expression_attribute_names("#status", "status")
            .set_expression_attribute_values(Some(given))
            .build()
            .expect("table, key and condition are set");
        TransactWriteItem::builder().condition_check(check).build()
    }
}

/// The condition on an account that its security code is not locked.
const SECURITY_CODE_OPEN: &str = "security_code_failures < :max \
     OR security_code_forgotten_at <= :changed_at";
