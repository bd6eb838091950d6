//! What became of a request that came with an idempotency key. The record is written in
//! the same transaction as what the request does, so one never exists without the other.

use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use thali_domain::ids::AccountId;

use super::changes::kinds::{Kind, Stored};
use super::changes::trail::Trail;
use super::{Consistency, Stamp, Store, StoreError, expiring, item, keys, number};
use crate::auth::sha256_hex;

/// A client's key for one request, and what the request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    key: String,
    fingerprint: String,
}

impl IdempotencyKey {
    /// The longest key, in characters.
    pub const LENGTH_MAX: usize = 64;

    /// Takes a key of 1 to 64 visible ASCII characters; `None` for any other. `asked` is
    /// what the request asks for, the same for the same request and without any secret:
    /// its hash is stored, and a hash of a short code would give the code away.
    #[must_use]
    pub fn new(key: &str, asked: &str) -> Option<Self> {
        let accepted = (1..=Self::LENGTH_MAX).contains(&key.len())
            && key.bytes().all(|byte| byte.is_ascii_graphic());
        accepted.then(|| Self { key: key.to_owned(), fingerprint: sha256_hex(asked) })
    }
}

/// How long a key is remembered.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(24);

/// A request that can be sent again under a key. Keys of one do not meet those of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Ordering tokens; the outcome is the partner's order id.
    CreateOrder,
    /// Redeeming tokens; the outcome is the submission's id.
    SubmitTokens,
    /// Giving tokens back; the outcome is the refund's id.
    Refund,
    /// Ordering items; the outcome is the order's id.
    PlaceOrder,
    /// Adding to an item's stock or taking from it; the outcome is the stock after that.
    ChangeStock,
    /// Changing the key of a mess's codes; the outcome is the new key and until when the one
    /// before is good.
    RotateCodes,
    /// Cutting meals; the outcome is the cut's id.
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

/// The stored outcome of a key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Remembered {
    fingerprint: String,
    outcome: String,
    /// Until when it counts, in seconds since 1970. DynamoDB removes it days after that.
    #[serde(skip_serializing)]
    ttl: i64,
}

impl Stored for Remembered {
    type Read = Self;
    const KIND: Kind = Kind::Idempotency;
    const TRAIL: Trail = Trail::NONE;
}

/// What a stored outcome means for a request that comes with its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replay {
    /// The same request: answer with what has this id.
    Of(String),
    /// Another body under the same key.
    OtherBody,
}

impl Store {
    /// What `key` means for this operation of the account at `now`, if it was used in the 24
    /// hours before.
    pub async fn idempotency_replay(
        &self,
        account: AccountId,
        operation: Operation,
        key: &IdempotencyKey,
        now: Timestamp,
    ) -> Result<Option<Replay>, StoreError> {
        let at = keys::idempotency(account, operation.name(), &key.key);
        let found: Option<Remembered> =
            self.get(&self.tables.tokens, &at, Consistency::Strong).await?;
        let found = found.filter(|found| found.ttl > now.as_second());
        Ok(found.map(|Remembered { fingerprint, outcome, .. }| {
            if fingerprint == key.fingerprint { Replay::Of(outcome) } else { Replay::OtherBody }
        }))
    }

    /// The write that remembers `outcome` under `key`, for the transaction that brings it
    /// about.
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
        let record = Remembered { fingerprint, outcome, ttl: until.as_second() };
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
