//! Outcomes of requests that had an idempotency key. The outcome is written in the same
//! transaction as the change that the request makes, so neither exists without the other.

use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use thali_domain::ids::AccountId;

use super::changes::kinds::{Kind, Stored};
use super::changes::trail::Trail;
use super::{Consistency, Stamp, Store, StoreError, expiring, item, keys, number};
use crate::auth::sha256_hex;

/// A client's key for one request, and the fingerprint of that request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    key: String,
    fingerprint: String,
}

impl IdempotencyKey {
    pub const LENGTH_MAX: usize = 64;

    /// Takes a key of 1 to 64 visible ASCII characters; `None` for any other. `asked` describes
    /// the request: the same request must give the same text. It must not contain a secret. Its
    /// hash is stored, and the hash of a short code would reveal the code.
    #[must_use]
    pub fn new(key: &str, asked: &str) -> Option<Self> {
        let accepted = (1..=Self::LENGTH_MAX).contains(&key.len())
            && key.bytes().all(|byte| byte.is_ascii_graphic());
        accepted.then(|| Self { key: key.to_owned(), fingerprint: sha256_hex(asked) })
    }
}

/// How long a key is valid.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(24);

/// An operation that accepts an idempotency key. Each operation has its own keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Buying tokens; the outcome is the Razorpay order's id.
    CreateOrder,
    /// Redeeming tokens; the outcome is the submission's id.
    SubmitTokens,
    /// Refunding tokens; the outcome is the refund's id.
    Refund,
    /// Ordering items; the outcome is the order's id.
    PlaceOrder,
    /// Adding portions to an item's stock or withdrawing them; the outcome is the new stock.
    ChangeStock,
    /// Rotating the key of a mess's QR codes; the outcome is the new key, and until when the
    /// previous key is valid.
    RotateCodes,
    /// Applying for a mess cut; the outcome is the cut's id.
    CutMeals,
    /// Closing the mess; the outcome is the closure's id.
    CloseMess,
    /// Uploading a payment for a cycle; the outcome is the cycle's id.
    UploadCycle,
}

impl Operation {
    const fn name(self) -> &'static str {
        match self {
            Self::CreateOrder => "create-order",
            Self::SubmitTokens => "submit-tokens",
            Self::Refund => "refund",
            Self::PlaceOrder => "place-order",
            Self::ChangeStock => "change-stock",
            Self::RotateCodes => "rotate-codes",
            Self::CutMeals => "cut-meals",
            Self::CloseMess => "close-mess",
            Self::UploadCycle => "upload-cycle",
        }
    }
}

/// The stored outcome of a request with an idempotency key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct IdempotencyRecord {
    fingerprint: String,
    outcome: String,
    /// When the key stops being valid, in seconds since 1970. DynamoDB removes the item days
    /// later.
    #[serde(skip_serializing)]
    ttl: i64,
}

impl Stored for IdempotencyRecord {
    type Read = Self;
    const KIND: Kind = Kind::Idempotency;
    const TRAIL: Trail = Trail::NONE;
}

/// What a stored outcome means for a new request with the same key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replay {
    /// It is the same request: repeat the response, using this outcome.
    Of(String),
    /// The key was used with another body.
    OtherBody,
}

impl Store {
    /// Looks up `key` for this operation of the account. `None` if the key was not used in the 24
    /// hours before `now`.
    pub async fn idempotency_replay(
        &self,
        account: AccountId,
        operation: Operation,
        key: &IdempotencyKey,
        now: Timestamp,
    ) -> Result<Option<Replay>, StoreError> {
        let at = keys::idempotency(account, operation.name(), &key.key);
        let found: Option<IdempotencyRecord> =
            self.get(&self.tables.tokens, &at, Consistency::Strong).await?;
        let found = found.filter(|found| found.ttl > now.as_second());
        Ok(found.map(|IdempotencyRecord { fingerprint, outcome, .. }| {
            if fingerprint == key.fingerprint { Replay::Of(outcome) } else { Replay::OtherBody }
        }))
    }

    /// The write that records `outcome` under `key`, for the transaction that makes the change.
    pub(super) fn idempotency_put(
        &self,
        account: AccountId,
        operation: Operation,
        key: &IdempotencyKey,
        outcome: String,
        stamp: &Stamp,
    ) -> Result<TransactWriteItem, StoreError> {
        let until = stamp.at + REMEMBERED;
        let fingerprint = key.fingerprint.clone();
        let record = IdempotencyRecord { fingerprint, outcome, ttl: until.as_second() };
        let key = keys::idempotency(account, operation.name(), &key.key);
        let attributes = expiring(item(&key, &record, stamp)?, until);
        let put = Put::builder()
            .table_name(&self.tables.tokens)
            .set_item(Some(attributes))
            .condition_expression("attribute_not_exists(pk) OR #ttl <= :now")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":now", number(stamp.at.as_second()));
        let put = put.build().expect("table and item are set");
        Ok(TransactWriteItem::builder().put(put).build())
    }
}
