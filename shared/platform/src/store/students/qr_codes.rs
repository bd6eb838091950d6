//! Invalidating students' QR codes: one student's, or all of a mess.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use thali_domain::ids::{AccountId, MessId};
use thali_domain::meals::entitlement::CODES_MAX;
use thali_domain::staff::gate::{PreviousKey, QrKeys};
use thali_domain::students::qr::{Kid, Nonce};

use crate::store::past;
use crate::store::{
    Attempt, IdempotencyKey, Member, Operation, STAMPED, Stamp, Store, StoreError, TransactError,
    keys, millis, none_if_condition_failed, retry_overtaken, text, update, values,
};

/// The attribute of a mess's QR keys.
const KEYS: &str = "qr_keys";

/// The storage format of a mess's QR keys.
#[skip_serializing_none]
#[derive(Serialize, Deserialize)]
pub(in crate::store) struct QrKeysAttribute {
    current: Kid,
    #[serde(default, with = "jiff::fmt::serde::timestamp::millisecond::optional")]
    since: Option<Timestamp>,
    previous: Option<PreviousKeyAttribute>,
    /// Attributes of before this was stored lack it until the next rotation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    earlier: Option<Vec<PreviousKeyAttribute>>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "jiff::fmt::serde::timestamp::millisecond::optional"
    )]
    lost_until: Option<Timestamp>,
}

/// The storage format of the previous key.
#[derive(Serialize, Deserialize)]
struct PreviousKeyAttribute {
    kid: Kid,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    valid_until: Timestamp,
}

impl From<PreviousKey> for PreviousKeyAttribute {
    fn from(PreviousKey { kid, valid_until }: PreviousKey) -> Self {
        Self { kid, valid_until }
    }
}

impl From<PreviousKeyAttribute> for PreviousKey {
    fn from(PreviousKeyAttribute { kid, valid_until }: PreviousKeyAttribute) -> Self {
        Self { kid, valid_until }
    }
}

impl From<QrKeys> for QrKeysAttribute {
    fn from(QrKeys { current, since, previous, earlier, lost_until }: QrKeys) -> Self {
        let earlier = Some(earlier.into_iter().map(Into::into).collect());
        Self { current, since, previous: previous.map(Into::into), earlier, lost_until }
    }
}

impl From<QrKeysAttribute> for QrKeys {
    fn from(stored: QrKeysAttribute) -> Self {
        let QrKeysAttribute { current, since, previous, earlier, lost_until } = stored;
        let previous: Option<PreviousKey> = previous.map(Into::into);
        // An older attribute says nothing of the keys before the previous one. The last rotation
        // ended them.
        let is_silent = earlier.is_none();
        let had_more = previous.as_ref().is_some_and(|previous| previous.kid > Kid::FIRST);
        let lost_until = if is_silent && had_more { since } else { lost_until };
        let earlier = earlier.unwrap_or_default().into_iter().map(Into::into).collect();
        Self { current, since, previous, earlier, lost_until }
    }
}

impl Store {
    /// Gives a student a new nonce, so that older QR codes are invalid from the next scan on. The
    /// nonces before it are kept for scans that were made offline before the reset. Returns the
    /// student, or `None` if there is no such student.
    pub async fn code_reset(
        &self,
        mess: &MessId,
        account: AccountId,
        nonce: &Nonce,
        stamp: &Stamp,
    ) -> Result<Option<Member>, StoreError> {
        retry_overtaken(|_| async {
            let Some(read) = self.member_get(mess, account).await? else {
                return Ok(Attempt::Done(None));
            };
            let written = self.code_replace(&read, nonce, stamp).await?;
            Ok(Attempt::of(written.map(Some)))
        })
        .await
    }

    /// Replaces the nonce of a student as it was read; `None` if it has changed since.
    async fn code_replace(
        &self,
        read: &Member,
        nonce: &Nonce,
        stamp: &Stamp,
    ) -> Result<Option<Member>, StoreError> {
        let codes = read.past_codes().replaced(read.qr_nonce.clone(), stamp.at, CODES_MAX);
        let given = [
            (":nonce", text(nonce)),
            (":now", millis(stamp.at)),
            (":codes", past::packed_attribute(&codes)),
            (":read", text(&read.qr_nonce)),
        ];
        let request = self
            .client
            .update_item()
            .table_name(&self.tables.meals)
            .set_key(Some(keys::member(&read.mess_id, read.account_id).attributes()))
            .update_expression(format!(
                "SET codes = :codes, qr_nonce = :nonce, qr_issued_at = :now, {STAMPED} \
                 REMOVE qr_previous"
            ))
            .condition_expression("qr_nonce = :read")
            .set_expression_attribute_values(Some(values(stamp, given)))
            .return_values("ALL_NEW".into());
        let Some(answer) = none_if_condition_failed(request.send().await)? else { return Ok(None) };
        Ok(Some(serde_dynamo::from_item(answer.attributes.unwrap_or_default())?))
    }

    /// Replaces a mess's QR keys, if they are still those that were `read`. `remembered` is an
    /// idempotency key with its account and the outcome to store for it. Returns `false` if the
    /// keys were rotated, or the idempotency key was used, since then.
    pub async fn codes_rotate(
        &self,
        mess: &MessId,
        read: &QrKeys,
        rotated: &QrKeys,
        remembered: Option<(AccountId, &IdempotencyKey, String)>,
        stamp: &Stamp,
    ) -> Result<bool, StoreError> {
        let mut given = values(stamp, []);
        given.insert(
            ":rotated".to_owned(),
            serde_dynamo::to_attribute_value(QrKeysAttribute::from(rotated.clone()))?,
        );
        // A mess that never rotated its keys has the first key, and no stored attribute.
        let condition = if read.current == Kid::FIRST {
            format!("attribute_exists(pk) AND attribute_not_exists({KEYS})")
        } else {
            given.insert(":read".to_owned(), text(read.current));
            format!("{KEYS}.#current = :read")
        };
        let names = (read.current != Kid::FIRST)
            .then(|| [("#current".to_owned(), "current".to_owned())].into());
        let expression = format!("SET {KEYS} = :rotated, {STAMPED}");
        let key = keys::mess(mess);
        let mut writes =
            vec![update(&self.tables.meals, &key, &expression, &condition, names, given)];
        if let Some((account, key, outcome)) = remembered {
            let put = self.idempotency_put(account, Operation::RotateCodes, key, outcome, stamp);
            writes.push(put?);
        }
        match self.transact(writes).await {
            Ok(()) => Ok(true),
            Err(TransactError::Conditions(_) | TransactError::Conflict) => Ok(false),
            Err(TransactError::Store(error)) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use thali_domain::past::Holds;

    use super::*;

    #[test]
    fn an_older_attribute_is_silent_about_keys_before_the_previous_one() {
        let since = Timestamp::constant(1_768_458_600, 0);
        let moment = jiff::SignedDuration::from_millis(1);
        let stored = |current: &str, previous: &str| {
            let previous = json!({ "kid": previous, "valid_until": 1_768_545_000_000_u64 });
            let keys =
                json!({ "current": current, "since": 1_768_458_600_000_u64, "previous": previous });
            QrKeys::from(serde_json::from_value::<QrKeysAttribute>(keys).expect("keys"))
        };
        let keys = stored("k3", "k2");
        assert_eq!(keys.accepted(Kid::FIRST, since - moment), Holds::Unknown);
        assert_eq!(keys.accepted(Kid::FIRST, since), Holds::No);
        // There was no key before the first one.
        assert_eq!(stored("k2", "k1").lost_until, None);
        let written = serde_json::to_value(QrKeysAttribute::from(keys.clone())).expect("JSON");
        let read = serde_json::from_value::<QrKeysAttribute>(written).expect("keys");
        assert_eq!(QrKeys::from(read), keys);
    }
}
