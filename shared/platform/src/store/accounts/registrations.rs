//! Registrations that wait for their one-time code.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::TransactWriteItem;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use thali_domain::accounts::identity::{Email, Name, Role, RollNo, RoomNo, Username};
use thali_domain::accounts::registration::{ATTEMPTS_MAX, LIFETIME, RESENDS_MAX};
use thali_domain::accounts::sources::{
    Requests, STRANGERS_ATTEMPTS_MAX, STRANGERS_RESENDS_MAX, Source, attempts_left,
};
use thali_domain::ids::{MessId, RegistrationId};
use thali_domain::phone::Phone;

use super::finished_registrations::StoredRegistration;
use super::mailboxes::{Asked, is_zero, unchanged};
use crate::store::changes::kinds::{Kind, Stored};
use crate::store::changes::trail::Trail;
use crate::store::{
    Attempt, Attributes, Consistency, STAMPED, Stamp, Store, StoreError, expiring, item, keys,
    millis, none_if_condition_failed, number, put_new, put_where, text, values,
};

/// A registration in its storage format. It does not contain the one-time code.
#[skip_serializing_none]
#[derive(Clone, Serialize, Deserialize)]
pub struct Registration {
    pub registration_id: RegistrationId,
    /// The mess to join.
    pub mess_id: MessId,
    /// Where the code is mailed.
    pub email: Email,
    /// Whether an account already has this address. Such a registration never succeeds. It exists
    /// so that the responses do not reveal the account, while the mail does.
    pub known: bool,
    /// The wanted username.
    pub username: Option<Username>,
    pub name: Name,
    /// The wanted role.
    pub role: Role,
    pub phone: Option<Phone>,
    pub roll_no: Option<RollNo>,
    pub room_no: Option<RoomNo>,
    pub password_hash: String,
    /// The hash of the invite code, if the request had one.
    pub invite_hash: Option<String>,
    /// How many one-time codes were tried.
    pub attempts: u32,
    /// How often the one-time code was requested again.
    pub resends: u32,
    /// From where the sign-up came. Older registrations do not have it.
    pub asked_from: Option<Source>,
    /// How many of the tries strangers have made.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub stranger_attempts: u32,
    /// How many of the resends strangers have requested.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub stranger_resends: u32,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub created_at: Timestamp,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub expires_at: Timestamp,
}

impl Stored for Registration {
    type Read = Self;
    const KIND: Kind = Kind::Registration;
    const TRAIL: Trail = Trail::shows(&[
        "registration_id",
        "mess_id",
        "known",
        "role",
        "account_id",
        "attempts",
        "resends",
        "stranger_attempts",
        "stranger_resends",
        "created_at",
        "expires_at",
        "ttl",
    ])
    .hides(&[
        "password_hash",
        "invite_hash",
        // A registration is removed after some minutes. The trail, which is kept, shows that there
        // was a registration but not whose.
        "email",
        "username",
        "name",
        "phone",
        "roll_no",
        "room_no",
        "asked_from",
    ]);
}

/// The newest registrations of an e-mail address. The item also counts the mails to the address.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct NewestRegistration {
    /// `None` if there was only a change of an account's e-mail address to this one.
    pub(super) registration_id: Option<RegistrationId>,
    /// The newest of each source, so that a later sign-up by somebody else does not hide it. Older
    /// items have none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) by_source: BTreeMap<Source, RegistrationId>,
}

impl Stored for NewestRegistration {
    type Read = Self;
    const KIND: Kind = Kind::NewestRegistration;
    const TRAIL: Trail = Trail::NONE;
}

/// A registration whose code is tried, after the try was counted.
pub struct TriedRegistration {
    pub registration: StoredRegistration,
    /// How many tries are left to the one who tries.
    pub attempts_left: u32,
}

/// How long an expired registration is kept. Longer than resends can prolong it, because the item
/// that leads from the address to the registration is not prolonged.
const LINGERS: SignedDuration = SignedDuration::from_hours(2);

impl Store {
    /// Stores a registration as the newest of its address and of its source, which has made
    /// `requests`. `seen` is the item of the newest ones that this was decided on.
    pub async fn registration_create(
        &self,
        registration: &Registration,
        requests: &Requests,
        seen: Option<&Asked<NewestRegistration>>,
        stamp: &Stamp,
    ) -> Result<Attempt<()>, StoreError> {
        let Registration { registration_id, mess_id, email, .. } = registration;
        let gone_at = registration.expires_at + LINGERS;
        let key = keys::registration(*registration_id);
        let new = expiring(item(&key, registration, stamp)?, gone_at);
        let mut by_source = seen.map(|seen| seen.item.by_source.clone()).unwrap_or_default();
        by_source.retain(|_, id| stamp.at.duration_since(id.made_at()) < LINGERS);
        by_source.extend(registration.asked_from.clone().map(|source| (source, *registration_id)));
        let newest = NewestRegistration { registration_id: Some(*registration_id), by_source };
        let newest = self.newest_put(mess_id, email, (&newest, requests), seen, stamp)?;
        let parts = vec![put_new(&self.tables.accounts, new), newest];
        self.transact_if_unchanged(parts).await
    }

    /// The write of an address's newest registrations and of the count of its mails. `seen` is the
    /// item that this was decided on.
    pub(super) fn newest_put(
        &self,
        mess: &MessId,
        email: &Email,
        (newest, requests): (&NewestRegistration, &Requests),
        seen: Option<&Asked<NewestRegistration>>,
        stamp: &Stamp,
    ) -> Result<TransactWriteItem, StoreError> {
        let key = keys::newest_registration(mess, email);
        let mut newest = expiring(item(&key, newest, stamp)?, stamp.at + LIFETIME + LINGERS);
        newest.insert("mess_id".to_owned(), text(mess));
        newest.extend(serde_dynamo::to_item::<_, Attributes>(requests)?);
        let (condition, values) = unchanged(seen);
        Ok(put_where(&self.tables.accounts, newest, condition, values))
    }

    pub async fn registration_get(
        &self,
        id: RegistrationId,
    ) -> Result<Option<StoredRegistration>, StoreError> {
        self.get(&self.tables.accounts, &keys::registration(id), Consistency::Strong).await
    }

    /// The registrations that a request from `source` may mean if it names only an address: the
    /// newest from there, and the newest of all.
    pub async fn registrations_find(
        &self,
        mess: &MessId,
        email: &Email,
        source: &Source,
    ) -> Result<Vec<RegistrationId>, StoreError> {
        let key = keys::newest_registration(mess, email);
        let newest: Option<NewestRegistration> =
            self.get(&self.tables.accounts, &key, Consistency::Strong).await?;
        let Some(NewestRegistration { registration_id, by_source }) = newest else {
            return Ok(Vec::new());
        };
        let own = by_source.get(source).copied();
        let mut found: Vec<_> = own.into_iter().chain(registration_id).collect();
        found.dedup();
        Ok(found)
    }

    /// Counts a try of a code before it returns the registration to compare the code with, so that
    /// concurrent tries cannot exceed the limit. `None` if the registration has ended or the limit
    /// is reached. `source` is from where the try comes, if the request does not name the
    /// registration's id: for strangers the limit is lower.
    pub async fn registration_attempt(
        &self,
        id: RegistrationId,
        source: Option<&Source>,
        stamp: &Stamp,
    ) -> Result<Option<TriedRegistration>, StoreError> {
        let condition = "attempts < :max AND expires_at > :changed_at";
        let given = [(":one", number(1)), (":max", number(ATTEMPTS_MAX))];
        let expression = format!("SET attempts = attempts + :one, {STAMPED}");
        let (change, values) = ((&*expression, condition), values(stamp, given));
        let of_strangers = ("stranger_attempts", STRANGERS_ATTEMPTS_MAX);
        let tried = self.registration_touch(id, source, change, of_strangers, values).await?;
        Ok(tried.map(|(registration, is_stranger)| {
            let (attempts, stranger_attempts) = registration.attempts();
            let strangers = is_stranger.then_some(stranger_attempts);
            let attempts_left = attempts_left(ATTEMPTS_MAX, attempts, strangers);
            TriedRegistration { registration, attempts_left }
        }))
    }

    /// Records the request for another code, which invalidates the previous one. Wrong tries stay
    /// counted. `None` if the registration has ended or its account was made, or if it has reached
    /// the limit of resends or of tries. `source` as for a try.
    pub async fn registration_resend(
        &self,
        id: RegistrationId,
        source: Option<&Source>,
        stamp: &Stamp,
    ) -> Result<Option<StoredRegistration>, StoreError> {
        let expires_at = stamp.at + LIFETIME;
        let expression = format!(
            "SET resends = resends + :one, expires_at = :expires_at, #ttl = :ttl, {STAMPED}"
        );
        let condition = "resends < :max_resends AND attempts < :max AND expires_at > :changed_at \
                         AND attribute_not_exists(account_id)";
        let given = [
            (":one", number(1)),
            (":max", number(ATTEMPTS_MAX)),
            (":max_resends", number(RESENDS_MAX)),
            (":expires_at", millis(expires_at)),
            (":ttl", number((expires_at + LINGERS).as_second())),
        ];
        let (change, values) = ((&*expression, condition), values(stamp, given));
        let of_strangers = ("stranger_resends", STRANGERS_RESENDS_MAX);
        let resent = self.registration_touch(id, source, change, of_strangers, values).await?;
        Ok(resent.map(|(registration, _)| registration))
    }

    /// Updates a registration for somebody who knows its id, or whose source is its own, or else
    /// for a stranger, whose updates are counted in `stranger_count` up to `strangers_max`. Returns
    /// whether it was a stranger.
    async fn registration_touch(
        &self,
        id: RegistrationId,
        source: Option<&Source>,
        (expression, condition): (&str, &str),
        (stranger_count, strangers_max): (&str, u32),
        mut values: Attributes,
    ) -> Result<Option<(StoredRegistration, bool)>, StoreError> {
        let Some(source) = source else {
            let updated = self.registration_update(id, expression, condition, values).await?;
            return Ok(updated.map(|registration| (registration, false)));
        };
        values.insert(":source".to_owned(), text(source));
        let own =
            format!("{condition} AND (attribute_not_exists(asked_from) OR asked_from = :source)");
        if let Some(own) = self.registration_update(id, expression, &own, values.clone()).await? {
            return Ok(Some((own, false)));
        }
        values.insert(":strangers_max".to_owned(), number(strangers_max));
        values.insert(":zero".to_owned(), number(0));
        let expression = format!(
            "{expression}, {stranger_count} = if_not_exists({stranger_count}, :zero) + :one"
        );
        let strange = format!(
            "{condition} AND asked_from <> :source AND (attribute_not_exists({stranger_count}) \
             OR {stranger_count} < :strangers_max)"
        );
        let updated = self.registration_update(id, &expression, &strange, values).await?;
        Ok(updated.map(|registration| (registration, true)))
    }

    async fn registration_update(
        &self,
        id: RegistrationId,
        expression: &str,
        condition: &str,
        values: Attributes,
    ) -> Result<Option<StoredRegistration>, StoreError> {
        let mut request = self
            .client
            .update_item()
            .table_name(&self.tables.accounts)
            .set_key(Some(keys::registration(id).attributes()))
            .update_expression(expression)
            .condition_expression(condition)
            .set_expression_attribute_values(Some(values))
            .return_values("ALL_NEW".into());
        if expression.contains("#ttl") {
            request = request.expression_attribute_names("#ttl", "ttl");
        }
        let updated =
            none_if_condition_failed(request.send().await)?.and_then(|answer| answer.attributes);
        Ok(updated.map(serde_dynamo::from_item).transpose()?)
    }
}
