//! Staff tokens. Only the hash of a token's secret is stored.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use thali_domain::accounts::identity::Name;
use thali_domain::ids::{MessId, StaffTokenId};

use super::plates::item_of_failed_condition;
use crate::auth::same_secret;
use crate::auth::staff_token::StaffTokenText;
use crate::store::changes::kinds::{Kind, Stored};
use crate::store::changes::trail::Trail;
use crate::store::{
    Consistency, STAMPED, Stamp, Store, StoreError, item, keys, millis, none_if_condition_failed,
    text, values,
};

/// The precision of a token's last use: further uses within this time are not written.
const LAST_USE_PRECISION: SignedDuration = SignedDuration::from_mins(1);

/// A staff token in its storage format.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StaffTokenRecord {
    pub staff_token_id: StaffTokenId,
    pub mess_id: MessId,
    /// The name of the device that uses the token.
    pub name: Name,
    /// The hash of the token's text.
    pub token_hash: String,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub created_at: Timestamp,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub expires_at: Timestamp,
    /// When it was used last, precise to the minute.
    #[serde(default, with = "jiff::fmt::serde::timestamp::millisecond::optional")]
    pub last_used_at: Option<Timestamp>,
    #[serde(default, with = "jiff::fmt::serde::timestamp::millisecond::optional")]
    pub revoked_at: Option<Timestamp>,
}

impl Stored for StaffTokenRecord {
    type Read = Self;
    const KIND: Kind = Kind::StaffToken;
    const TRAIL: Trail = Trail::shows(&[
        "staff_token_id",
        "mess_id",
        "name",
        "created_at",
        "expires_at",
        "last_used_at",
        "revoked_at",
    ])
    .hides(&["token_hash"])
    .except_change_of("last_used_at");
}

impl Store {
    /// Stores a new token.
    pub async fn staff_token_create(
        &self,
        token: &StaffTokenRecord,
        stamp: &Stamp,
    ) -> Result<(), StoreError> {
        let key = keys::staff_token(&token.mess_id, token.staff_token_id);
        let attributes = item(&key, token, stamp)?;
        let request = self.client.put_item().table_name(&self.tables.accounts);
        request.set_item(Some(attributes)).send().await?;
        Ok(())
    }

    /// Returns the presented token if it is valid at `now`, and records the use, precise to the
    /// minute. A forged token costs only a read, because only a valid token's use is written. That
    /// write does not change the stamp: a use is not a decision by anybody.
    pub async fn staff_token_use(
        &self,
        presented: &StaffTokenText,
        now: Timestamp,
    ) -> Result<Option<StaffTokenRecord>, StoreError> {
        let key = keys::staff_token(&presented.mess_id, presented.id);
        let found = self.get(&self.tables.accounts, &key, Consistency::Strong).await?;
        let is_good = |token: &StaffTokenRecord| {
            same_secret(&token.token_hash, &presented.hash())
                && token.revoked_at.is_none()
                && now < token.expires_at
        };
        let Some(found) = found.filter(is_good) else { return Ok(None) };
        if found.last_used_at.is_some_and(|at| now < at + LAST_USE_PRECISION) {
            return Ok(Some(found));
        }
        let request = self
            .client
            .update_item()
            .table_name(&self.tables.accounts)
            .set_key(Some(key.attributes()))
            .update_expression("SET last_used_at = :now")
            .condition_expression("attribute_exists(pk) AND attribute_not_exists(revoked_at)")
            .expression_attribute_values(":now", millis(now))
            .return_values("ALL_NEW".into());
        let Some(answer) = none_if_condition_failed(request.send().await)? else { return Ok(None) };
        Ok(Some(serde_dynamo::from_item(answer.attributes.unwrap_or_default())?))
    }

    /// Revokes a token. A token that is already revoked keeps the time of its revocation. Returns
    /// `false` if the mess has no such token.
    pub async fn staff_token_revoke(
        &self,
        mess: &MessId,
        token: StaffTokenId,
        stamp: &Stamp,
    ) -> Result<bool, StoreError> {
        let request = self
            .client
            .update_item()
            .table_name(&self.tables.accounts)
            .set_key(Some(keys::staff_token(mess, token).attributes()))
            .update_expression(format!("SET revoked_at = :changed_at, {STAMPED}"))
            .condition_expression("attribute_exists(pk) AND attribute_not_exists(revoked_at)")
            .set_expression_attribute_values(Some(values(stamp, [])))
            .return_values_on_condition_check_failure("ALL_OLD".into());
        match request.send().await {
            Ok(_) => Ok(true),
            Err(error) => item_of_failed_condition(error).map(|found| found.is_some()),
        }
    }

    /// At most `limit` of a mess's tokens that are older than `before`, newest first.
    pub async fn staff_tokens_page(
        &self,
        mess: &MessId,
        before: Option<StaffTokenId>,
        limit: usize,
    ) -> Result<Vec<StaffTokenRecord>, StoreError> {
        // No id has a character that sorts after a tilde.
        let end = format!("{}~", StaffTokenId::PREFIX);
        let before = before.map_or(end, |id| id.to_string());
        let request = self
            .client
            .query()
            .table_name(&self.tables.accounts)
            .key_condition_expression("pk = :pk AND sk < :before")
            .expression_attribute_values(":pk", text(keys::staff_tokens(mess)))
            .expression_attribute_values(":before", text(before))
            .scan_index_forward(false)
            .consistent_read(true)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX));
        let found = request.send().await?.items.unwrap_or_default();
        found.into_iter().map(|token| Ok(serde_dynamo::from_item(token)?)).collect()
    }
}
