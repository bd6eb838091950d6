//! Accounts, the guards of their unique names, and the lookup for a login.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{ConditionCheck, TransactWriteItem};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use thali_domain::accounts::identity::{
    AccountStatus, Email, Name, Role, RollNo, RoomNo, TelegramUserId, Username,
};
use thali_domain::accounts::lockout::Failures;
use thali_domain::accounts::profile::{Bio, DateOfBirth, PostalAddress, Profession};
use thali_domain::ids::{AccountId, MessId};
use thali_domain::phone::Phone;
use thali_domain::pictures::PictureKey;
use thali_domain::reason::Reason;
use thali_domain::students::search::NameKey;

use crate::store::changes::kinds::{Kind, Stored};
use crate::store::changes::trail::{ERASED_AT, Trail};
use crate::store::keys::Key;
use crate::store::{
    Consistency, Registration, STAMPED, Stamp, Store, StoreError, TransactError, item, keys,
    put_new, text, update, values,
};

/// An account in its storage format.
#[skip_serializing_none]
#[derive(Clone, Serialize, Deserialize)]
pub struct Account {
    pub account_id: AccountId,
    pub mess_id: MessId,
    pub role: Role,
    pub status: AccountStatus,
    pub username: Option<Username>,
    pub name: Name,
    pub email: Option<Email>,
    pub roll_no: Option<RollNo>,
    pub room_no: Option<RoomNo>,
    pub phone: Option<Phone>,
    pub bio: Option<Bio>,
    pub address: Option<PostalAddress>,
    pub profession: Option<Profession>,
    pub date_of_birth: Option<DateOfBirth>,
    /// The newest uploaded picture that passed validation.
    pub picture_key: Option<PictureKey>,
    /// The Telegram account that somebody claimed to be this person's. Nobody has proven it: it
    /// grants no access, and nothing is sent there.
    pub telegram_claim: Option<TelegramUserId>,
    /// The e-mail address from the registration, if another account had it already. It only serves
    /// to recognise a repeated registration. Nothing is sent there.
    pub email_claim: Option<Email>,
    /// The password's hash, or [`NO_PASSWORD`](crate::auth::password::NO_PASSWORD).
    pub password_hash: String,
    /// How often the password was replaced. Sessions that began with an older password are not
    /// renewed.
    #[serde(default)]
    pub password_version: u32,
    /// When the password was last replaced. What was begun before with a one-time code has ended.
    /// Older accounts do not have it.
    #[serde(default, with = "jiff::fmt::serde::timestamp::millisecond::optional")]
    pub password_changed_at: Option<Timestamp>,
    /// The HMAC of the security code, if one is set.
    pub security_code_hash: Option<String>,
    /// The number of wrong security codes.
    #[serde(default)]
    pub security_code_failures: u32,
    /// When the wrong security codes are forgotten.
    #[serde(default, with = "jiff::fmt::serde::timestamp::millisecond::optional")]
    pub security_code_forgotten_at: Option<Timestamp>,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub created_at: Timestamp,
    /// Who made the last decision about the account.
    pub decided_by: Option<String>,
    /// When that decision was made.
    #[serde(default, with = "jiff::fmt::serde::timestamp::millisecond::optional")]
    pub decided_at: Option<Timestamp>,
    /// The reason for that decision.
    pub decision_reason: Option<Reason>,
}

impl Stored for Account {
    type Read = Self;
    const KIND: Kind = Kind::Account;
    const TRAIL: Trail = Trail::shows(&[
        "account_id",
        "mess_id",
        "role",
        "status",
        "username",
        "name",
        "email",
        "roll_no",
        "room_no",
        "phone",
        "picture_key",
        "telegram_claim",
        "email_claim",
        "password_version",
        "password_changed_at",
        "security_code_failures",
        "security_code_forgotten_at",
        "created_at",
        "decided_by",
        "decided_at",
        "decision_reason",
        ERASED_AT,
        keys::DIRECTORY_INDEX,
    ])
    .hides(&[
        "password_hash",
        "security_code_hash",
        // It follows the name.
        keys::NAME_KEY,
        // Private to the student.
        "bio",
        "address",
        "profession",
        "date_of_birth",
    ]);
}

impl Account {
    /// Whether the password was replaced after `begun`. Whoever has begun something before, with a
    /// code that was mailed, may be the one whom the new password is to keep out.
    #[must_use]
    pub fn has_new_password_since(&self, begun: Timestamp) -> bool {
        self.password_changed_at.is_some_and(|changed_at| begun < changed_at)
    }

    /// An active account with only the required attributes.
    #[must_use]
    pub fn new(
        account_id: AccountId,
        mess_id: MessId,
        role: Role,
        name: Name,
        password_hash: String,
        now: Timestamp,
    ) -> Self {
        Self {
            account_id,
            mess_id,
            role,
            status: AccountStatus::Active,
            username: None,
            name,
            email: None,
            roll_no: None,
            room_no: None,
            phone: None,
            bio: None,
            address: None,
            profession: None,
            date_of_birth: None,
            picture_key: None,
            telegram_claim: None,
            email_claim: None,
            password_hash,
            password_version: 0,
            password_changed_at: None,
            security_code_hash: None,
            security_code_failures: 0,
            security_code_forgotten_at: None,
            created_at: now,
            decided_by: None,
            decided_at: None,
            decision_reason: None,
        }
    }

    /// The account for a verified registration.
    #[must_use]
    pub fn of_registration(
        registration: &Registration,
        account_id: AccountId,
        status: AccountStatus,
        now: Timestamp,
    ) -> Self {
        let Registration { mess_id, role, name, password_hash, .. } = registration.clone();
        Self {
            status,
            username: registration.username.clone(),
            email: Some(registration.email.clone()),
            roll_no: registration.roll_no.clone(),
            room_no: registration.room_no.clone(),
            phone: registration.phone.clone(),
            ..Self::new(account_id, mess_id, role, name, password_hash, now)
        }
    }

    #[must_use]
    pub fn security_code_failures(&self) -> Failures {
        Failures {
            count: self.security_code_failures,
            forgotten_at: self.security_code_forgotten_at.unwrap_or(Timestamp::UNIX_EPOCH),
        }
    }
}

/// Why an account was not created.
#[derive(Debug, thiserror::Error)]
pub enum AccountCreateError {
    /// A concurrent request ended the registration or made the account from it.
    #[error("the registration has ended")]
    RegistrationEnded,
    #[error("there is an account with this e-mail address")]
    EmailTaken,
    #[error("the username is taken")]
    UsernameTaken,
    #[error("the roll number is taken")]
    RollNoTaken,
    /// The invite was used or has expired.
    #[error("the invite was used or has expired")]
    InviteUsed,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The owner of a unique name.
#[derive(Serialize, Deserialize)]
pub struct Guard {
    pub(in crate::store) account_id: AccountId,
    pub(in crate::store) mess_id: MessId,
}

impl Stored for Guard {
    type Read = Self;
    const KIND: Kind = Kind::Guard;
    const TRAIL: Trail = Trail::shows(&["account_id", "mess_id"]).hashes_removed_name();
}

/// One write of the transaction that creates an account, and the error if its condition fails.
type Part = (TransactWriteItem, AccountCreateError);

impl Store {
    pub async fn account_get(
        &self,
        id: AccountId,
        consistency: Consistency,
    ) -> Result<Option<Account>, StoreError> {
        self.get(&self.tables.accounts, &keys::account(id), consistency).await
    }

    pub async fn email_is_known(&self, mess: &MessId, email: &Email) -> Result<bool, StoreError> {
        self.guard_exists(&keys::email_guard(mess, email)).await
    }

    pub async fn account_of_email(
        &self,
        mess: &MessId,
        email: &Email,
    ) -> Result<Option<AccountId>, StoreError> {
        let key = keys::email_guard(mess, email);
        let guard: Option<Guard> =
            self.get(&self.tables.accounts, &key, Consistency::Strong).await?;
        Ok(guard.map(|guard| guard.account_id))
    }

    pub async fn account_of_roll_no(
        &self,
        mess: &MessId,
        roll_no: &RollNo,
    ) -> Result<Option<Account>, StoreError> {
        let key = keys::roll_no_guard(mess, roll_no);
        let guard: Option<Guard> =
            self.get(&self.tables.accounts, &key, Consistency::Strong).await?;
        let Some(Guard { account_id, .. }) = guard else { return Ok(None) };
        let account = self.account_get(account_id, Consistency::Strong).await?;
        // An account that has given up the number since the guard was read no longer counts.
        Ok(account.filter(|account| account.roll_no.as_ref() == Some(roll_no)))
    }

    /// The accounts that have these roll numbers. `roll_nos` must not contain duplicates.
    pub async fn accounts_of_roll_nos(
        &self,
        mess: &MessId,
        roll_nos: &[RollNo],
    ) -> Result<HashMap<RollNo, Account>, StoreError> {
        let keys = roll_nos.iter().map(|roll_no| keys::roll_no_guard(mess, roll_no)).collect();
        let guards = self.guards(keys).await?;
        let keys = guards.values().map(|guard| keys::account(guard.account_id)).collect();
        let table = &self.tables.accounts;
        let found = self.batch_get(table, keys, Consistency::Strong).await?;
        let mut accounts = HashMap::with_capacity(found.len());
        for found in found {
            let account: Account = serde_dynamo::from_item(found)?;
            // By its current number: the account may have changed the number since the guard was
            // read.
            if let Some(roll_no) = account.roll_no.clone() {
                accounts.insert(roll_no, account);
            }
        }
        Ok(accounts)
    }

    /// The accounts that have these e-mail addresses. `emails` must not contain duplicates.
    pub async fn accounts_of_emails(
        &self,
        mess: &MessId,
        emails: &[Email],
    ) -> Result<HashMap<Email, AccountId>, StoreError> {
        let keys = emails.iter().map(|email| keys::email_guard(mess, email)).collect();
        let guards = self.guards(keys).await?;
        let holder = |email: &Email| {
            let guard = guards.get(&keys::email_guard(mess, email).pk)?;
            Some((email.clone(), guard.account_id))
        };
        Ok(emails.iter().filter_map(holder).collect())
    }

    /// The guards that exist, by their partition key.
    async fn guards(&self, keys: Vec<Key>) -> Result<HashMap<String, Guard>, StoreError> {
        let mut guards = HashMap::with_capacity(keys.len());
        for found in self.batch_get(&self.tables.accounts, keys, Consistency::Strong).await? {
            let Some(Key { pk, .. }) = Key::of(&found) else { continue };
            guards.insert(pk, serde_dynamo::from_item(found)?);
        }
        Ok(guards)
    }

    pub async fn username_is_taken(
        &self,
        mess: &MessId,
        username: &Username,
    ) -> Result<bool, StoreError> {
        self.guard_exists(&keys::username_guard(mess, username)).await
    }

    async fn guard_exists(&self, key: &Key) -> Result<bool, StoreError> {
        let guard: Option<Guard> =
            self.get(&self.tables.accounts, key, Consistency::Strong).await?;
        Ok(guard.is_some())
    }

    /// Creates the account of a verified registration: uses up the registration and the invite,
    /// and takes every unique name, in one transaction.
    pub async fn account_create_from(
        &self,
        registration: &Registration,
        account: &Account,
        stamp: &Stamp,
    ) -> Result<(), AccountCreateError> {
        let table = &self.tables.accounts;
        let used_up = self.registration_finish(registration, account.account_id, stamp);
        let mut parts = vec![(used_up, AccountCreateError::RegistrationEnded)];
        if let Some(code_hash) = &registration.invite_hash {
            let key = keys::invite(&registration.mess_id, code_hash);
            let expression = format!("SET used_at = :changed_at, {STAMPED}");
            let condition = "attribute_not_exists(used_at) AND expires_at > :changed_at";
            let used = update(table, &key, &expression, condition, None, values(stamp, []));
            parts.push((used, AccountCreateError::InviteUsed));
        }
        parts.extend(self.account_parts(account, stamp)?);
        self.account_transact(parts).await
    }

    /// Creates an account without a registration: the account and the guards of its names, in one
    /// transaction.
    pub async fn account_create(
        &self,
        account: &Account,
        stamp: &Stamp,
    ) -> Result<(), AccountCreateError> {
        let parts = self.account_parts(account, stamp)?;
        self.account_transact(parts).await
    }

    /// Creates an account without the e-mail address `taken`, because another account has that
    /// address. The transaction checks this. It has as many writes and takes as long as one that
    /// takes the address, so an observer cannot tell the two apart.
    pub async fn account_create_without(
        &self,
        account: &Account,
        taken: &Email,
        stamp: &Stamp,
    ) -> Result<(), AccountCreateError> {
        let mut parts = self.account_parts(account, stamp)?;
        let check = ConditionCheck::builder()
            .table_name(&self.tables.accounts)
            .set_key(Some(keys::email_guard(&account.mess_id, taken).attributes()))
            .condition_expression("attribute_exists(pk)")
            .build()
            .expect("table, key and condition are set");
        let check = TransactWriteItem::builder().condition_check(check).build();
        parts.push((check, StoreError::Contended.into()));
        self.account_transact(parts).await
    }

    /// The writes that create the account and the guards of its names.
    fn account_parts(&self, account: &Account, stamp: &Stamp) -> Result<Vec<Part>, StoreError> {
        let table = &self.tables.accounts;
        let mess = &account.mess_id;
        let guard = Guard { account_id: account.account_id, mess_id: mess.clone() };
        let put = |key: Key| Ok::<_, StoreError>(put_new(table, item(&key, &guard, stamp)?));
        let key = keys::account(account.account_id);
        let mut attributes = item(&key, account, stamp)?;
        let directory = keys::directory_partition(mess, account.role, account.status);
        attributes.insert(keys::DIRECTORY_INDEX.to_owned(), text(directory));
        if account.role == Role::Student {
            attributes.insert(keys::NAME_KEY.to_owned(), text(NameKey::of(&account.name).as_str()));
        }
        let mut parts = vec![(put_new(table, attributes), AccountCreateError::RegistrationEnded)];
        if let Some(email) = &account.email {
            parts.push((put(keys::email_guard(mess, email))?, AccountCreateError::EmailTaken));
        }
        if let Some(name) = &account.username {
            parts.push((put(keys::username_guard(mess, name))?, AccountCreateError::UsernameTaken));
        }
        if let Some(roll_no) = &account.roll_no {
            parts.push((put(keys::roll_no_guard(mess, roll_no))?, AccountCreateError::RollNoTaken));
        }
        if account.role == Role::Student {
            parts.push((self.member_put(account, stamp)?, AccountCreateError::RegistrationEnded));
        }
        Ok(parts)
    }

    async fn account_transact(&self, parts: Vec<Part>) -> Result<(), AccountCreateError> {
        let (writes, refusals): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
        match self.transact(writes).await {
            Ok(()) => Ok(()),
            Err(TransactError::Conditions(failed)) => {
                let mut refused = refusals.into_iter().zip(failed).filter(|(_, failed)| *failed);
                let refusal = refused.next().map(|(refusal, _)| refusal);
                Err(refusal.unwrap_or(AccountCreateError::Store(StoreError::Contended)))
            }
            Err(TransactError::Conflict) => Err(StoreError::Contended.into()),
            Err(TransactError::Store(error)) => Err(error.into()),
        }
    }
}
