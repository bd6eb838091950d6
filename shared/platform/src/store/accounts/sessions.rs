//! Sessions: beginning, renewing and ending them. Refresh tokens are stored only as hashes.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::TransactWriteItem;
use jiff::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use thali_domain::accounts::sessions::{REFRESH_LIFETIME, RefreshState};
use thali_domain::ids::{AccountId, MessId, SessionId};

use crate::auth::refresh::RefreshToken;
use crate::auth::same_secret;
use crate::store::changes::kinds::{Kind, Stored};
use crate::store::changes::trail::Trail;
use crate::store::{
    Account, Consistency, STAMPED, Stamp, Store, StoreError, delete, expiring, item, keys, millis,
    none_if_condition_failed, number, text, values,
};

/// The most sessions that [`Store::session_deletes`] ends. A transaction may have a hundred
/// writes; this leaves room for the change that ends the sessions. It is more than an account ever
/// has, including concurrent logins.
const SESSION_DELETES_MAX: usize = 50;

/// A session in its storage format. Refresh tokens are stored as hashes.
#[skip_serializing_none]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SessionRecord {
    pub account_id: AccountId,
    pub session_id: SessionId,
    pub mess_id: MessId,
    /// The version of the account's password when the session began.
    #[serde(default)]
    pub password_version: u32,
    /// Hash of the first refresh token. Without it the session is from before it was stored.
    pub first_hash: Option<String>,
    /// Hash of the current refresh token.
    pub refresh_hash: String,
    /// Hash of the previous refresh token.
    pub previous_hash: Option<String>,
    /// The device that logged in or refreshed last, if it is known.
    pub device: Option<String>,
    /// When the current refresh token replaced the previous one.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub rotated_at: Timestamp,
    /// When the session ends unless it is renewed.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub expires_at: Timestamp,
    /// A hash of the last change of the password that the session made, by which a repetition of
    /// that change is recognised.
    pub repeat_hash: Option<String>,
    /// Until when that change may be repeated.
    #[serde(default, with = "jiff::fmt::serde::timestamp::millisecond::optional")]
    pub repeats_until: Option<Timestamp>,
}

impl Stored for SessionRecord {
    type Read = Self;
    const KIND: Kind = Kind::Session;
    const TRAIL: Trail = Trail::shows(&[
        "account_id",
        "session_id",
        "mess_id",
        "password_version",
        "rotated_at",
        "expires_at",
        "repeats_until",
        "ttl",
    ])
    // A student's device is not the mess's business.
    .hides(&["first_hash", "refresh_hash", "previous_hash", "repeat_hash", "device"]);
}

impl SessionRecord {
    /// A new session of `account` at `now`, with this refresh token.
    #[must_use]
    pub fn begin(
        account: &Account,
        session_id: SessionId,
        refresh_hash: String,
        now: Timestamp,
    ) -> Self {
        Self {
            account_id: account.account_id,
            session_id,
            mess_id: account.mess_id.clone(),
            password_version: account.password_version,
            first_hash: Some(refresh_hash.clone()),
            refresh_hash,
            previous_hash: None,
            device: None,
            rotated_at: now,
            expires_at: now + REFRESH_LIFETIME,
            repeat_hash: None,
            repeats_until: None,
        }
    }

    /// The session with the device that logged in.
    #[must_use]
    pub fn on_device(self, device: Option<String>) -> Self {
        Self { device, ..self }
    }

    /// Whether this is the hash of the current refresh token, or of the one before, whose response
    /// may have been lost.
    #[must_use]
    pub fn knows_refresh(&self, hash: &str) -> bool {
        let previous = self.previous_hash.as_deref();
        same_secret(&self.refresh_hash, hash) || previous.is_some_and(|it| same_secret(it, hash))
    }

    /// Whether a token that is neither the current nor the previous one was a token of this session.
    /// Every token of a session from before first tokens were stored counts as one.
    #[must_use]
    pub fn had_refresh(&self, token: &RefreshToken, key: &SecretString) -> bool {
        let is_first = |first: &String| same_secret(first, &token.hash());
        self.first_hash.as_ref().is_none_or(is_first) || token.is_successor(key)
    }

    #[must_use]
    pub fn is_alive(&self, now: Timestamp) -> bool {
        now < self.expires_at
    }

    /// The part that the rules of rotation need.
    #[must_use]
    pub fn refresh_state(&self) -> RefreshState {
        RefreshState {
            current: self.refresh_hash.clone(),
            previous: self.previous_hash.clone(),
            expires_at: self.expires_at,
        }
    }
}

impl Store {
    /// Stores a new session.
    pub async fn session_put(
        &self,
        session: &SessionRecord,
        stamp: &Stamp,
    ) -> Result<(), StoreError> {
        let key = keys::session(session.account_id, session.session_id);
        let attributes = expiring(item(&key, session, stamp)?, session.expires_at);
        let request = self.client.put_item().table_name(&self.tables.accounts);
        request.set_item(Some(attributes)).send().await?;
        Ok(())
    }

    /// Reads a session. `None` if it does not exist or was ended.
    pub async fn session_get(
        &self,
        account: AccountId,
        session: SessionId,
    ) -> Result<Option<SessionRecord>, StoreError> {
        let key = keys::session(account, session);
        self.get(&self.tables.accounts, &key, Consistency::Strong).await
    }

    /// Makes the refresh token with the hash `next` the current one, and the one with the hash
    /// `presented` the previous one. Records the device, if it is known. Returns `false` if a
    /// concurrent request has replaced the token of `session` or ended the session.
    pub async fn session_rotate(
        &self,
        session: &SessionRecord,
        presented: &str,
        next: &str,
        device: Option<&str>,
        stamp: &Stamp,
    ) -> Result<bool, StoreError> {
        let expires_at = stamp.at + REFRESH_LIFETIME;
        let with_device = if device.is_some() { ", device = :device" } else { "" };
        let expression = format!(
            "SET refresh_hash = :next, previous_hash = :presented, rotated_at = :changed_at, \
             expires_at = :expires_at, #ttl = :ttl, {STAMPED}{with_device}"
        );
        let given = [
            (":next", text(next)),
            (":presented", text(presented)),
            (":current", text(&session.refresh_hash)),
            (":expires_at", millis(expires_at)),
            (":ttl", number(expires_at.as_second())),
        ];
        let mut given = values(stamp, given);
        given.extend(device.map(|device| (":device".to_owned(), text(device))));
        let request = self
            .client
            .update_item()
            .table_name(&self.tables.accounts)
            .set_key(Some(keys::session(session.account_id, session.session_id).attributes()))
            .update_expression(expression)
            .condition_expression("refresh_hash = :current")
            .expression_attribute_names("#ttl", "ttl")
            .set_expression_attribute_values(Some(given));
        Ok(none_if_condition_failed(request.send().await)?.is_some())
    }

    /// Ends a session. Does nothing if it has already ended.
    pub async fn session_end(
        &self,
        account: AccountId,
        session: SessionId,
    ) -> Result<(), StoreError> {
        let key = keys::session(account, session);
        let request = self.client.delete_item().table_name(&self.tables.accounts);
        request.set_key(Some(key.attributes())).send().await?;
        Ok(())
    }

    /// An account and its sessions, with one read, because they are in one partition.
    pub async fn account_with_sessions(
        &self,
        id: AccountId,
    ) -> Result<(Option<Account>, Vec<SessionRecord>), StoreError> {
        let (mut account, mut sessions) = (None, Vec::new());
        let (table, pk) = (&self.tables.accounts, keys::account(id).pk);
        for found in self.query(table, &pk, None, Consistency::Strong).await? {
            match found.get("sk").and_then(|sk| sk.as_s().ok()).map(String::as_str) {
                Some("account") => account = Some(serde_dynamo::from_item(found)?),
                Some(sk) if sk.starts_with(keys::SESSIONS) => {
                    sessions.push(serde_dynamo::from_item(found)?);
                }
                _ => {}
            }
        }
        Ok((account, sessions))
    }

    pub async fn sessions_of(&self, account: AccountId) -> Result<Vec<SessionRecord>, StoreError> {
        let pk = account.to_string();
        let table = &self.tables.accounts;
        let found = self.query(table, &pk, Some(keys::SESSIONS), Consistency::Strong).await?;
        found.into_iter().map(|session| Ok(serde_dynamo::from_item(session)?)).collect()
    }

    /// The writes that end `sessions`, for the transaction of the change that ends them, so that a
    /// crash cannot leave sessions behind. Sessions that begin in the meantime are ended
    /// afterwards.
    #[must_use]
    pub fn session_deletes(&self, sessions: &[SessionRecord]) -> Vec<TransactWriteItem> {
        let ended = sessions.iter().take(SESSION_DELETES_MAX).map(|session| {
            let key = keys::session(session.account_id, session.session_id);
            delete(&self.tables.accounts, &key, None, HashMap::new())
        });
        ended.collect()
    }
}
