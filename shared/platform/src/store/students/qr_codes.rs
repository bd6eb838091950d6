//! Invalidating students' QR codes: one student's, or all of a mess.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use thali_domain::ids::{AccountId, MessId};
use thali_domain::staff::gate::{PreviousKey, QrKeys};
use thali_domain::students::qr::{Kid, Nonce};

use crate::store::{
    IdempotencyKey, Member, Operation, STAMPED, Stamp, Store, StoreError, TransactError, keys,
    millis, none_if_condition_failed, text, update, values,
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
}

/// The storage format of the previous key.
#[derive(Serialize, Deserialize)]
struct PreviousKeyAttribute {
    kid: Kid,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    valid_until: Timestamp,
}

impl From<QrKeys> for QrKeysAttribute {
    fn from(QrKeys { current, since, previous }: QrKeys) -> Self {
        let previous = previous
            .map(|PreviousKey { kid, valid_until }| PreviousKeyAttribute { kid, valid_until });
        Self { current, since, previous }
    }
}

impl From<QrKeysAttribute> for QrKeys {
    fn from(QrKeysAttribute { current, since, previous }: QrKeysAttribute) -> Self {
        let previous = previous
            .map(|PreviousKeyAttribute { kid, valid_until }| PreviousKey { kid, valid_until });
        Self { current, since, previous }
    }
}

impl Store {
    /// Gives a student a new nonce, so that older QR codes are invalid from the next scan on. The
    /// previous nonce is kept for scans that were made offline before the reset. Returns the
    /// student, or `None` if there is no such student.
    pub async fn code_reset(
        &self,
        mess: &MessId,
        account: AccountId,
        nonce: &Nonce,
        stamp: &Stamp,
    ) -> Result<Option<Member>, StoreError> {
        let given = [(":nonce", text(nonce)), (":now", millis(stamp.at))];
        let request = self
            .client
            .update_item()
            .table_name(&self.tables.meals)
            .set_key(Some(keys::member(mess, account).attributes()))
            // An update reads values from the item as it was before the update.
            .update_expression(format!(
                "SET qr_previous = qr_nonce, qr_nonce = :nonce, qr_issued_at = :now, {STAMPED}"
            ))
            .condition_expression("attribute_exists(pk)")
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
