//! The counters of wrong passwords and security codes. They are stored in DynamoDB, so lockouts
//! work without Redis.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{ConditionCheck, TransactWriteItem};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thali_domain::accounts::identity::LoginName;
use thali_domain::accounts::lockout::{LOCK, TRIES_MAX};
use thali_domain::ids::{AccountId, MessId};

use crate::store::changes::kinds::{Kind, Stored};
use crate::store::changes::trail::Trail;
use crate::store::{
    Account, Attempt, STAMPED, Stamp, Store, StoreError, delete, expiring, item, keys, millis,
    none_if_condition_failed, number, retry_overtaken, text, values,
};

/// The wrong passwords that were tried for a name.
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

impl Store {
    /// Counts a wrong password for a name. The count starts again if the earlier wrong passwords
    /// are forgotten.
    pub async fn login_failed(
        &self,
        mess: &MessId,
        name: &LoginName,
        stamp: &Stamp,
    ) -> Result<(), StoreError> {
        // If several first wrong passwords come at once, one request creates the counter, and the
        // others find it at their next try.
        retry_overtaken(|_| async {
            let counted = self.login_failure_add(mess, name, stamp).await?
                || self.login_failure_begin(mess, name, stamp).await?;
            Ok(if counted { Attempt::Done(()) } else { Attempt::Again })
        })
        .await
    }

    /// Adds to the wrong passwords that are not forgotten. Returns `false` if there are none.
    async fn login_failure_add(
        &self,
        mess: &MessId,
        name: &LoginName,
        stamp: &Stamp,
    ) -> Result<bool, StoreError> {
        let key = keys::login_failures(mess, name);
        let forgotten_at = stamp.at + LOCK;
        let request = self
            .client
            .update_item()
            .table_name(&self.tables.accounts)
            .set_key(Some(key.attributes()))
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
    async fn login_failure_begin(
        &self,
        mess: &MessId,
        name: &LoginName,
        stamp: &Stamp,
    ) -> Result<bool, StoreError> {
        let key = keys::login_failures(mess, name);
        let forgotten_at = stamp.at + LOCK;
        let first = LoginFailures { mess_id: mess.clone(), count: 1, forgotten_at };
        let attributes = item(&key, &first, stamp)?;
        let request = self
            .client
            .put_item()
            .table_name(&self.tables.accounts)
            .set_item(Some(expiring(attributes, forgotten_at)))
            .condition_expression("attribute_not_exists(pk) OR forgotten_at <= :now")
            .expression_attribute_values(":now", millis(stamp.at));
        Ok(none_if_condition_failed(request.send().await)?.is_some())
    }

    /// Forgets the wrong passwords of a name after a correct one.
    pub async fn login_succeeded(&self, mess: &MessId, name: &LoginName) -> Result<(), StoreError> {
        let key = keys::login_failures(mess, name);
        let request = self.client.delete_item().table_name(&self.tables.accounts);
        request.set_key(Some(key.attributes())).send().await?;
        Ok(())
    }

    /// The write that forgets the wrong passwords of a name, as part of a transaction.
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
