//! DynamoDB. [`Store`] is a concrete type. Method names start with the noun, and each noun has a
//! file in the folder of its area. A method does one read or one conditional write. If the
//! condition fails, the method returns the area's named error. Only [`keys`] builds keys.
//!
//! | folder or file | what it stores |
//! |---|---|
//! | `accounts` | accounts, sign-ups, invites, sessions, password resets, failed tries, profiles |
//! | `students` | the list of students, each student's item for scans, QR codes |
//! | `payments` | purchases, refunds, and the purchases and refunds that a job must process |
//! | `tokens` | submissions |
//! | `orders` | the menu, its stock, orders |
//! | `meals` | cycles, cuts, closures |
//! | `staff` | plates with their scans, staff tokens |
//! | `owner` | messes, notifications, counts for reports, the audit trail |
//! | `mail_log` | which mails were sent |
//! | [`keys`] | every key |
//! | `changes` | the kinds of items, and decoding of the change streams |
//! | `past` | how earlier values of a fact are stored |
//! | `idempotency` | outcomes of requests that had an idempotency key |
//! | `waiting_pages` | pages of items that a job must process |
//! | `conflicts` | the client that retries single writes which conflict with a transaction |
//! | `contention` | the loop that reads, decides and writes again after a concurrent change |
//!
//! This file has what all of them share: the store, its errors, the stamp of a change, and helpers
//! that build items and expressions.
//!
//! The storage format of an item is defined here and not in the domain's type: a struct such as
//! `CycleItem` names the attributes and their formats. If an item has the same fields as the
//! domain's type, serde's `remote` does the conversion. See
//! `docs/decisions/0033-storage-beside-the-domain.md`, which also names the exceptions.
//!
//! Times are stored as milliseconds since 1970 (numbers, so that conditions can compare them), ids
//! as text, and `ttl` as seconds since 1970. Every written item outside the audit table carries
//! its [`Kind`] and the [`Stamp`] of the change, because the audit trail is made from the tables'
//! change streams.

mod accounts;
mod changes;
mod conflicts;
mod contention;
mod idempotency;
pub mod keys;
mod mail_log;
mod meals;
mod orders;
mod owner;
mod past;
mod payments;
mod staff;
mod students;
mod tokens;
mod waiting_pages;

use std::collections::HashMap;
use std::error::Error;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, Delete, KeysAndAttributes, Put, TransactWriteItem, Update,
};
use jiff::Timestamp;
use serde::de::DeserializeOwned;

pub use self::accounts::account::{Account, AccountCreateError};
pub use self::accounts::email_changes::{EmailChange, EmailChangeError};
pub use self::accounts::finished_registrations::{FinishedRegistration, StoredRegistration};
pub use self::accounts::invites::Invite;
pub use self::accounts::lockouts::{LoginLookup, PasswordCounter};
pub use self::accounts::mailboxes::{Asked, Mailbox};
pub use self::accounts::password_changes::PasswordChange;
pub use self::accounts::password_resets::{PasswordReset, TriedReset};
pub use self::accounts::profiles::ProfileUpdateError;
pub use self::accounts::registrations::{NewestRegistration, Registration, TriedRegistration};
pub use self::accounts::sessions::SessionRecord;
pub use self::changes::kinds::{Changed, Kind};
pub use self::changes::{Change, Images};
pub use self::conflicts::dynamodb_client;
pub use self::contention::{Attempt, CONTENTION_TRIES_MAX, retry_overtaken};
pub use self::idempotency::{IdempotencyKey, Operation, Replay};
pub use self::mail_log::MailTurn;
pub use self::meals::closures::ClosureRecord;
pub use self::meals::cuts::CutRecord;
pub use self::orders::menu::StockRecord;
pub use self::orders::ready::{ReadyPage, ReadyPlace};
pub use self::orders::stock::StockCondition;
pub use self::owner::audit::{AuditFilter, AuditRecord};
pub use self::owner::notifications::NotificationsPage;
pub use self::owner::people::Known;
pub use self::owner::reports::COUNT_MAX;
pub use self::payments::purchases::{CaptureError, PurchaseRecord};
pub use self::staff::plates::{NewScan, PlatesPage, Recorded};
pub use self::staff::staff_tokens::StaffTokenRecord;
pub use self::students::directory::{DirectoryEntry, StudentDecideError};
pub use self::students::holders::Holders;
pub use self::students::members::Member;
pub use self::students::search::LookupRecord;
pub use self::tokens::submissions::SubmissionError;
pub use self::waiting_pages::{PageStart, WaitingPage};
use crate::config::TableNames;
use changes::kinds::Stored;
use contention::contention_pause;
use keys::Key;

/// DynamoDB: a client and the names of the tables.
pub struct Store {
    client: Client,
    tables: TableNames,
}

/// A read or a write that failed for a reason other than its condition.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// DynamoDB throttled the request, was too slow or could not be reached. A write may or may
    /// not have happened.
    #[error("DynamoDB does not answer")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// Concurrent writes of the same items kept interfering. Nothing was written.
    #[error("too many writes of the same items at once")]
    Contended,
    /// DynamoDB refused the request: a programming error, or a missing IAM permission.
    #[error("DynamoDB refused the request")]
    Refused(#[source] Box<dyn Error + Send + Sync>),
    /// A stored item does not have the format that this version of the code expects.
    #[error("an item cannot be read")]
    Corrupt(#[from] serde_dynamo::Error),
}

/// Who changed something, in which request, and when. Every written item carries a stamp.
#[derive(Debug, Clone)]
pub struct Stamp {
    /// An account's id, or a name such as `anonymous`, `razorpay` or `operator`.
    pub actor: String,
    /// The id of the request or of the message that caused the change.
    pub request_id: String,
    pub at: Timestamp,
}

type Attributes = HashMap<String, AttributeValue>;

/// The assignments of the stamp, which updates make in addition to their own.
const STAMPED: &str = "actor = :actor, request_id = :request_id, changed_at = :changed_at";

#[expect(clippy::needless_pass_by_value, reason = "callers pass references and numbers")]
fn text(value: impl ToString) -> AttributeValue {
    AttributeValue::S(value.to_string())
}

#[expect(clippy::needless_pass_by_value, reason = "callers pass references and numbers")]
fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn millis(time: Timestamp) -> AttributeValue {
    number(time.as_millisecond())
}

/// The values of an update expression: those of the stamp and the `given` ones.
fn values<const N: usize>(stamp: &Stamp, given: [(&str, AttributeValue); N]) -> Attributes {
    let stamp = [
        (":actor", text(&stamp.actor)),
        (":request_id", text(&stamp.request_id)),
        (":changed_at", millis(stamp.at)),
    ];
    given.into_iter().chain(stamp).map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The attributes of a new item, with its key, kind and stamp.
fn item<T: Stored>(key: &Key, record: &T, stamp: &Stamp) -> Result<Attributes, StoreError> {
    let mut attributes: Attributes = serde_dynamo::to_item(record)?;
    debug_assert!(
        attributes.keys().all(|name| T::TRAIL.knows(name)),
        "each attribute is listed as shown or hidden in the audit trail"
    );
    attributes.extend(key.attributes());
    attributes.insert("kind".to_owned(), text(T::KIND));
    attributes.insert("actor".to_owned(), text(&stamp.actor));
    attributes.insert("request_id".to_owned(), text(&stamp.request_id));
    attributes.insert("changed_at".to_owned(), millis(stamp.at));
    Ok(attributes)
}

/// Lets DynamoDB remove the item after `at`, possibly days later. Readers must therefore check the
/// expiry themselves.
fn expiring(mut attributes: Attributes, at: Timestamp) -> Attributes {
    attributes.insert("ttl".to_owned(), number(at.as_second()));
    attributes
}

/// A put of an item that must not exist yet, as part of a transaction.
fn put_new(table: &str, attributes: Attributes) -> TransactWriteItem {
    put_where(table, attributes, "attribute_not_exists(pk)", Attributes::new())
}

/// A put with a condition, as part of a transaction.
fn put_where(
    table: &str,
    attributes: Attributes,
    condition: &str,
    values: Attributes,
) -> TransactWriteItem {
    let put = Put::builder()
        .table_name(table)
        .set_item(Some(attributes))
        .condition_expression(condition)
        .set_expression_attribute_values((!values.is_empty()).then_some(values));
    TransactWriteItem::builder().put(put.build().expect("table and item are set")).build()
}

/// An update with a condition, as part of a transaction.
fn update(
    table: &str,
    key: &Key,
    expression: &str,
    condition: &str,
    names: Option<HashMap<String, String>>,
    values: Attributes,
) -> TransactWriteItem {
    let update = Update::builder()
        .table_name(table)
        .set_key(Some(key.attributes()))
        .update_expression(expression)
        .condition_expression(condition)
        .set_expression_attribute_names(names)
        .set_expression_attribute_values(Some(values));
    TransactWriteItem::builder()
        .update(update.build().expect("table, key and expression are set"))
        .build()
}

/// A delete, as part of a transaction. Without a condition it succeeds even if the item does not
/// exist.
fn delete(
    table: &str,
    key: &Key,
    condition: Option<&str>,
    values: Attributes,
) -> TransactWriteItem {
    let delete = Delete::builder()
        .table_name(table)
        .set_key(Some(key.attributes()))
        .set_condition_expression(condition.map(str::to_owned))
        .set_expression_attribute_values((!values.is_empty()).then_some(values));
    TransactWriteItem::builder().delete(delete.build().expect("table and key are set")).build()
}

/// A transaction that was not carried out.
#[derive(Debug)]
enum TransactError {
    /// At least one condition failed: one flag for each item of the transaction, in the same
    /// order.
    Conditions(Vec<bool>),
    /// Another request was writing one of the items at the same moment.
    Conflict,
    Store(StoreError),
}

/// Error codes of temporary failures: a retry may succeed.
const LATER: [&str; 7] = [
    "InternalServerError",
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ServiceUnavailable",
    "ThrottlingException",
    "TransactionInProgressException",
];

impl<E, R> From<SdkError<E, R>> for StoreError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    fn from(error: SdkError<E, R>) -> Self {
        if error.code() == Some(conflicts::CODE) {
            return Self::Contended;
        }
        let later = match &error {
            SdkError::ServiceError(_) => error.code().is_some_and(|code| LATER.contains(&code)),
            _ => true,
        };
        if later { Self::Unavailable(error.into()) } else { Self::Refused(error.into()) }
    }
}

/// Whether a single write failed because of its condition.
fn condition_failed<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    error.code() == Some("ConditionalCheckFailedException")
}

/// The result of a single write, or `None` if its condition failed.
fn none_if_condition_failed<T, E, R>(
    outcome: Result<T, SdkError<E, R>>,
) -> Result<Option<T>, StoreError>
where
    StoreError: From<SdkError<E, R>>,
    E: ProvideErrorMetadata,
{
    match outcome {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if condition_failed(&error) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

impl Store {
    #[must_use]
    pub const fn new(client: Client, tables: TableNames) -> Self {
        Self { client, tables }
    }

    /// Whether DynamoDB responds: reads an item that never exists.
    pub async fn answers(&self) -> bool {
        let nothing = Key { pk: "health".to_owned(), sk: "health".to_owned() };
        let request = self.client.get_item().table_name(&self.tables.accounts);
        request.set_key(Some(nothing.attributes())).send().await.is_ok()
    }

    async fn get<T: DeserializeOwned>(
        &self,
        table: &str,
        key: &Key,
        consistency: Consistency,
    ) -> Result<Option<T>, StoreError> {
        let found = self.get_attributes(table, key, consistency).await?;
        Ok(found.map(serde_dynamo::from_item).transpose()?)
    }

    /// The raw attributes of an item, for callers that read several things from it.
    async fn get_attributes(
        &self,
        table: &str,
        key: &Key,
        consistency: Consistency,
    ) -> Result<Option<Attributes>, StoreError> {
        let request = self.client.get_item().table_name(table).set_key(Some(key.attributes()));
        let answer = request.consistent_read(consistency == Consistency::Strong).send().await?;
        Ok(answer.item)
    }

    /// All items of a partition, or those whose sort key begins with `prefix`, ordered by sort
    /// key. The prefix must not be empty: DynamoDB refuses an empty one.
    async fn query(
        &self,
        table: &str,
        pk: &str,
        prefix: Option<&str>,
        consistency: Consistency,
    ) -> Result<Vec<Attributes>, StoreError> {
        let request = self
            .client
            .query()
            .table_name(table)
            .expression_attribute_values(":pk", text(pk))
            .consistent_read(consistency == Consistency::Strong);
        let request = match prefix {
            None => request.key_condition_expression("pk = :pk"),
            Some(prefix) => request
                .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
                .expression_attribute_values(":prefix", text(prefix)),
        };
        let mut pages = request.into_paginator().send();
        let mut items = Vec::new();
        while let Some(page) = pages.next().await {
            items.extend(page?.items.unwrap_or_default());
        }
        Ok(items)
    }

    /// Reads several items, in no particular order. Items that do not exist are left out.
    ///
    /// This does not use `retry_overtaken`: a retry requests only the keys that DynamoDB left
    /// unprocessed, and each batch of 100 keys has its own number of tries.
    async fn batch_get(
        &self,
        table: &str,
        keys: Vec<Key>,
        consistency: Consistency,
    ) -> Result<Vec<Attributes>, StoreError> {
        let mut items = Vec::with_capacity(keys.len());
        for some in keys.chunks(BATCH_GET_MAX) {
            let mut wanted: Vec<Attributes> = some.iter().map(Key::attributes).collect();
            let mut attempt = 0;
            while !wanted.is_empty() {
                if attempt > 0 {
                    contention_pause(attempt).await;
                }
                if attempt == CONTENTION_TRIES_MAX {
                    return Err(StoreError::Contended);
                }
                attempt += 1;
                let keys = KeysAndAttributes::builder()
                    .set_keys(Some(wanted))
                    .consistent_read(consistency == Consistency::Strong)
                    .build()
                    .expect("the keys are set");
                let mut answer =
                    self.client.batch_get_item().request_items(table, keys).send().await?;
                items.extend(
                    answer.responses.take().unwrap_or_default().remove(table).unwrap_or_default(),
                );
                // The keys for which DynamoDB had no capacity at this moment.
                let left = answer.unprocessed_keys.take().unwrap_or_default().remove(table);
                wanted = left.map(|left| left.keys).unwrap_or_default();
            }
        }
        Ok(items)
    }

    /// Puts an item that must not exist yet. Returns whether the item was written.
    async fn put_if_new(&self, table: &str, attributes: Attributes) -> Result<bool, StoreError> {
        let request = self.client.put_item().table_name(table).set_item(Some(attributes));
        let request = request.condition_expression("attribute_not_exists(pk)");
        Ok(none_if_condition_failed(request.send().await)?.is_some())
    }

    /// Carries out a transaction. The SDK adds a request token, so a transaction that it sends
    /// again after a lost response is not carried out twice.
    async fn transact(&self, items: Vec<TransactWriteItem>) -> Result<(), TransactError> {
        let request = self.client.transact_write_items().set_transact_items(Some(items));
        let Err(error) = request.send().await else { return Ok(()) };
        let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) =
            error.as_service_error()
        else {
            return Err(TransactError::Store(error.into()));
        };
        let codes: Vec<&str> =
            cancelled.cancellation_reasons().iter().map(|r| r.code().unwrap_or("None")).collect();
        if codes.contains(&"ConditionalCheckFailed") {
            let failed = codes.iter().map(|code| *code == "ConditionalCheckFailed");
            Err(TransactError::Conditions(failed.collect()))
        } else if codes.contains(&"TransactionConflict") {
            Err(TransactError::Conflict)
        } else if codes.iter().any(|code| THROTTLED.contains(code)) {
            Err(TransactError::Store(StoreError::Unavailable(error.into())))
        } else {
            Err(TransactError::Store(error.into()))
        }
    }

    /// Carries out a transaction whose conditions all check that the items are unchanged since
    /// they were read.
    async fn transact_if_unchanged(
        &self,
        items: Vec<TransactWriteItem>,
    ) -> Result<Attempt<()>, StoreError> {
        match self.transact(items).await {
            Ok(()) => Ok(Attempt::Done(())),
            Err(TransactError::Conditions(_) | TransactError::Conflict) => Ok(Attempt::Overtaken),
            Err(TransactError::Store(error)) => Err(error),
        }
    }
}

/// Cancellation reasons that mean throttling: a retry may succeed.
const THROTTLED: [&str; 2] = ["ProvisionedThroughputExceeded", "ThrottlingError"];

/// Whether a read sees every earlier write. A strongly consistent read costs twice as much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consistency {
    /// May miss the most recent writes. Enough if a condition decides later anyway.
    Eventual,
    /// Sees every earlier write.
    Strong,
}

/// The most items that one `BatchGetItem` call can read, a limit of DynamoDB.
const BATCH_GET_MAX: usize = 100;
