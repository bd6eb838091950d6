//! Registrations that wait for their one-time code.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use thali_domain::accounts::identity::{Email, Name, Role, RollNo, RoomNo, Username};
use thali_domain::accounts::registration::{ATTEMPTS_MAX, LIFETIME, RESENDS_MAX, SIGN_UPS_WINDOW};
use thali_domain::ids::{MessId, RegistrationId};
use thali_domain::phone::Phone;

use crate::store::changes::kinds::{Kind, Stored};
use crate::store::changes::trail::Trail;
use crate::store::{
    Attributes, Consistency, STAMPED, Stamp, Store, StoreError, TransactError, expiring, item,
    keys, millis, none_if_condition_failed, number, put_new, text, update, values,
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
        "attempts",
        "resends",
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
    ]);
}

/// The newest registration of an e-mail address.
#[derive(Debug, Serialize, Deserialize)]
pub struct NewestRegistration {
    registration_id: RegistrationId,
}

impl Stored for NewestRegistration {
    type Read = Self;
    const KIND: Kind = Kind::NewestRegistration;
    const TRAIL: Trail = Trail::NONE;
}

/// How long an expired registration is kept. Longer than resends can prolong it, because the item
/// that leads from the address to the registration is not prolonged.
const LINGERS: SignedDuration = SignedDuration::from_hours(2);

impl Store {
    /// Stores a registration as the newest of its address. Returns `false`, and stores nothing, if
    /// `sign_ups_max` registrations with the address were stored in the last hour.
    pub async fn registration_create(
        &self,
        registration: &Registration,
        sign_ups_max: u32,
        stamp: &Stamp,
    ) -> Result<bool, StoreError> {
        let window_over = (
            "begun = :one, counted_until = :until",
            "attribute_not_exists(counted_until) OR counted_until <= :changed_at",
            vec![(":one", number(1)), (":until", millis(stamp.at + SIGN_UPS_WINDOW))],
        );
        let one_more = (
            "begun = begun + :one",
            "begun < :max AND counted_until > :changed_at",
            vec![(":one", number(1)), (":max", number(sign_ups_max))],
        );
        for (count, condition, given) in [window_over, one_more] {
            let gone_at = registration.expires_at + LINGERS;
            let key = keys::registration(registration.registration_id);
            let new = expiring(item(&key, registration, stamp)?, gone_at);
            let newest = self.newest_update(registration, count, condition, given, stamp);
            match self.transact(vec![put_new(&self.tables.accounts, new), newest]).await {
                Ok(()) => return Ok(true),
                Err(TransactError::Conditions(failed)) if failed == [false, true] => {}
                // Another registration with the same address is being stored at this moment, or a
                // random id was generated twice.
                Err(TransactError::Conflict | TransactError::Conditions(_)) => {
                    return Err(StoreError::Contended);
                }
                Err(TransactError::Store(error)) => return Err(error),
            }
        }
        Ok(false)
    }

    /// The write that records a registration as the newest of its address and counts it.
    fn newest_update(
        &self,
        registration: &Registration,
        count: &str,
        condition: &str,
        given: Vec<(&str, AttributeValue)>,
        stamp: &Stamp,
    ) -> TransactWriteItem {
        let key = keys::newest_registration(&registration.mess_id, &registration.email);
        let expression = format!(
            "SET registration_id = :id, mess_id = :mess_id, kind = :kind, #ttl = :ttl, \
             {count}, {STAMPED}"
        );
        let gone_at = registration.expires_at + LINGERS;
        let mut attributes = values(
            stamp,
            [
                (":id", text(registration.registration_id)),
                (":mess_id", text(&registration.mess_id)),
                (":kind", text(NewestRegistration::KIND)),
                (":ttl", number(gone_at.as_second())),
            ],
        );
        attributes.extend(given.into_iter().map(|(name, value)| (name.to_owned(), value)));
        let names = HashMap::from([("#ttl".to_owned(), "ttl".to_owned())]);
        update(&self.tables.accounts, &key, &expression, condition, Some(names), attributes)
    }

    pub async fn registration_get(
        &self,
        id: RegistrationId,
    ) -> Result<Option<Registration>, StoreError> {
        self.get(&self.tables.accounts, &keys::registration(id), Consistency::Strong).await
    }

    /// The newest registration of an address, if there is one.
    pub async fn registration_find(
        &self,
        mess: &MessId,
        email: &Email,
    ) -> Result<Option<RegistrationId>, StoreError> {
        let key = keys::newest_registration(mess, email);
        let newest: Option<NewestRegistration> =
            self.get(&self.tables.accounts, &key, Consistency::Strong).await?;
        Ok(newest.map(|newest| newest.registration_id))
    }

    /// Counts a try of a code before it returns the registration to compare the code with, so that
    /// concurrent tries cannot exceed the limit. `None` if the registration has ended or the limit
    /// is reached.
    pub async fn registration_attempt(
        &self,
        id: RegistrationId,
        stamp: &Stamp,
    ) -> Result<Option<Registration>, StoreError> {
        let expression = format!("SET attempts = attempts + :one, {STAMPED}");
        let given = [(":one", number(1)), (":max", number(ATTEMPTS_MAX))];
        let condition = "attempts < :max AND expires_at > :changed_at";
        self.registration_update(id, &expression, condition, values(stamp, given)).await
    }

    /// Records the request for another code, which invalidates the previous one. Wrong tries stay
    /// counted. `None` if the registration has ended, or has reached the limit of resends or of
    /// tries.
    pub async fn registration_resend(
        &self,
        id: RegistrationId,
        stamp: &Stamp,
    ) -> Result<Option<Registration>, StoreError> {
        let expires_at = stamp.at + LIFETIME;
        let expression = format!(
            "SET resends = resends + :one, expires_at = :expires_at, #ttl = :ttl, {STAMPED}"
        );
        let condition = "resends < :max_resends AND attempts < :max AND expires_at > :changed_at";
        let given = [
            (":one", number(1)),
            (":max", number(ATTEMPTS_MAX)),
            (":max_resends", number(RESENDS_MAX)),
            (":expires_at", millis(expires_at)),
            (":ttl", number((expires_at + LINGERS).as_second())),
        ];
        self.registration_update(id, &expression, condition, values(stamp, given)).await
    }

    async fn registration_update(
        &self,
        id: RegistrationId,
        expression: &str,
        condition: &str,
        values: Attributes,
    ) -> Result<Option<Registration>, StoreError> {
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
