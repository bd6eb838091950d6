//! Purchases. One item holds a purchase from the Razorpay order to the last token.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use thali_domain::ids::{AccountId, MessId, RazorpayOrderId, RazorpayPaymentId, RefundId};
use thali_domain::money::Paise;
use thali_domain::payments::settlement::Payment;
use thali_domain::tokens::purchases::{Lot, Purchase, PurchaseState, Waiting};

use super::mismatches::{MISMATCHES, mismatch_attribute, mismatches_of};
use crate::store::changes::kinds::{Kind, Stored};
use crate::store::changes::trail::Trail;
use crate::store::keys::Key;
use crate::store::{
    Attributes, Consistency, IdempotencyKey, Operation, STAMPED, Stamp, Store, StoreError,
    TransactError, condition_failed, item, keys, millis, none_if_condition_failed, put_new, text,
    values,
};

/// A purchase in its storage format.
#[skip_serializing_none]
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::store) struct PurchaseItem {
    order_id: RazorpayOrderId,
    account_id: AccountId,
    mess_id: MessId,
    token_count: u16,
    price_paise: Paise,
    amount_paise: Paise,
    validity_days: u16,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    created_at: Timestamp,
    state: State,
    #[serde(default, with = "jiff::fmt::serde::timestamp::millisecond::optional")]
    failed_at: Option<Timestamp>,
    payment_id: Option<RazorpayPaymentId>,
    method: Option<String>,
    #[serde(default, with = "jiff::fmt::serde::timestamp::millisecond::optional")]
    captured_at: Option<Timestamp>,
    #[serde(default, with = "jiff::fmt::serde::timestamp::millisecond::optional")]
    expires_at: Option<Timestamp>,
    #[serde(default, with = "jiff::fmt::serde::timestamp::millisecond::optional")]
    asked_at: Option<Timestamp>,
    #[serde(default, with = "jiff::fmt::serde::timestamp::millisecond::optional")]
    closed_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    capturing: Option<RazorpayPaymentId>,
    #[serde(
        default,
        skip_serializing_if = "BTreeSet::is_empty",
        with = "serde_dynamo::number_set"
    )]
    redeemed: BTreeSet<u16>,
    #[serde(
        default,
        skip_serializing_if = "BTreeSet::is_empty",
        with = "serde_dynamo::number_set"
    )]
    refunded: BTreeSet<u16>,
    refund_id: Option<RefundId>,
    refunding: Option<RefundId>,
    /// When the student was warned that the tokens will expire.
    #[serde(default, with = "jiff::fmt::serde::timestamp::millisecond::optional")]
    warned_at: Option<Timestamp>,
    /// How many tokens the warning was about.
    warned_of: Option<u16>,
    /// The partition of the index `open`. Removed when the purchase is paid or given up.
    open: Option<String>,
    /// The partition of the index `expiry`. Set when the purchase is paid, and removed when the
    /// student was warned or needs no warning.
    expires_on: Option<String>,
}

impl Stored for PurchaseItem {
    type Read = PurchaseRecord;
    const KIND: Kind = Kind::Purchase;
    const TRAIL: Trail = Trail::shows(&[
        "order_id",
        "account_id",
        "mess_id",
        "token_count",
        "price_paise",
        "amount_paise",
        "validity_days",
        "created_at",
        "state",
        "failed_at",
        "payment_id",
        "method",
        "captured_at",
        "expires_at",
        "asked_at",
        "closed_at",
        "capturing",
        "redeemed",
        "refunded",
        "refund_id",
        "refunding",
        "warned_at",
        "warned_of",
        keys::OPEN_INDEX,
        "expires_on",
    ])
    .shows_changed(MISMATCHES);

    fn read(attributes: Attributes) -> Result<PurchaseRecord, StoreError> {
        let mismatches = mismatches_of(&attributes)?;
        let item: Self = serde_dynamo::from_item(attributes)?;
        let mut record = PurchaseRecord::from(item);
        record.purchase.mismatches = mismatches;
        Ok(record)
    }
}

/// A purchase, and the stored attributes that no decision depends on.
#[derive(Debug)]
pub struct PurchaseRecord {
    pub purchase: Purchase,
    /// How many tokens the student was warned about because they will expire, if there was a
    /// warning.
    pub warned_of: Option<u16>,
}

impl From<PurchaseItem> for PurchaseRecord {
    fn from(item: PurchaseItem) -> Self {
        Self { warned_of: item.warned_of, purchase: item.into() }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Created,
    Captured,
}

impl PurchaseItem {
    fn created(purchase: &Purchase) -> Self {
        let purchase = purchase.clone();
        Self {
            open: Some(keys::open_partition(&purchase.order_id)),
            order_id: purchase.order_id,
            account_id: purchase.account_id,
            mess_id: purchase.mess_id,
            token_count: purchase.token_count,
            price_paise: purchase.price,
            amount_paise: purchase.amount,
            validity_days: purchase.validity_days,
            created_at: purchase.created_at,
            state: State::Created,
            failed_at: None,
            asked_at: None,
            closed_at: None,
            capturing: None,
            payment_id: None,
            method: None,
            captured_at: None,
            expires_at: None,
            redeemed: BTreeSet::new(),
            refunded: BTreeSet::new(),
            refund_id: None,
            refunding: None,
            warned_at: None,
            warned_of: None,
            expires_on: None,
        }
    }
}

impl From<PurchaseItem> for Purchase {
    fn from(item: PurchaseItem) -> Self {
        let PurchaseItem { failed_at, asked_at, closed_at, .. } = item;
        let waiting = Waiting { failed_at, asked_at, closed_at, capturing: item.capturing };
        let lot = match (item.state, item.payment_id, item.captured_at, item.expires_at) {
            (State::Captured, Some(payment_id), Some(captured_at), Some(expires_at)) => {
                Some(Lot { payment_id, method: item.method, captured_at, expires_at })
            }
            _ => None,
        };
        Self {
            order_id: item.order_id,
            account_id: item.account_id,
            mess_id: item.mess_id,
            token_count: item.token_count,
            price: item.price_paise,
            amount: item.amount_paise,
            validity_days: item.validity_days,
            created_at: item.created_at,
            state: lot.map_or(PurchaseState::Created(waiting), PurchaseState::Captured),
            redeemed: item.redeemed,
            refunded: item.refunded,
            refund_id: item.refund_id,
            refunding: item.refunding,
            mismatches: BTreeMap::new(),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The purchase is not open, or the payment is refunded. Contains the purchase as it is now.
    #[error("the purchase is no longer open")]
    NotOpen(Box<Purchase>),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Stores a new purchase, and the outcome of the idempotency key if the request had one.
    /// Returns `false` if the key was used, or the purchase stored, in the meantime.
    pub async fn purchase_create(
        &self,
        purchase: &Purchase,
        key: Option<&IdempotencyKey>,
        stamp: &Stamp,
    ) -> Result<bool, StoreError> {
        let at = keys::purchase(purchase.account_id, &purchase.order_id);
        let attributes = item(&at, &PurchaseItem::created(purchase), stamp)?;
        let Some(key) = key else {
            return self.put_if_new(&self.tables.tokens, attributes).await;
        };
        let order_id = purchase.order_id.to_string();
        let outcome = self.idempotency_put(
            purchase.account_id,
            Operation::CreateOrder,
            key,
            order_id,
            stamp,
        )?;
        match self.transact(vec![put_new(&self.tables.tokens, attributes), outcome]).await {
            Ok(()) => Ok(true),
            Err(TransactError::Conditions(_) | TransactError::Conflict) => Ok(false),
            Err(TransactError::Store(error)) => Err(error),
        }
    }

    pub async fn purchase_get(
        &self,
        account: AccountId,
        order: &RazorpayOrderId,
    ) -> Result<Option<Purchase>, StoreError> {
        self.purchase_at(&keys::purchase(account, order)).await
    }

    /// Reads the purchase with a key from an index.
    pub async fn purchase_at(&self, key: &Key) -> Result<Option<Purchase>, StoreError> {
        let found = self.get_attributes(&self.tables.tokens, key, Consistency::Strong).await?;
        found.map(purchase_of).transpose()
    }

    pub async fn purchases_of(
        &self,
        account: AccountId,
        consistency: Consistency,
    ) -> Result<Vec<Purchase>, StoreError> {
        let pk = account.to_string();
        let found =
            self.query(&self.tables.tokens, &pk, Some(keys::PURCHASES), consistency).await?;
        found.into_iter().map(purchase_of).collect()
    }

    /// Finds an unpaid purchase by its Razorpay order alone, in the index `open`. `None` if the
    /// order is unknown, paid or given up, or so new that the index does not have it yet.
    pub async fn purchase_find_open(
        &self,
        order: &RazorpayOrderId,
    ) -> Result<Option<Purchase>, StoreError> {
        let answer = self
            .client
            .query()
            .table_name(&self.tables.tokens)
            .index_name(keys::OPEN_INDEX)
            .key_condition_expression("#open = :open AND order_id = :order_id")
            .expression_attribute_names("#open", "open")
            .expression_attribute_values(":open", text(keys::open_partition(order)))
            .expression_attribute_values(":order_id", text(order))
            .send()
            .await?;
        answer.items.unwrap_or_default().pop().map(purchase_of).transpose()
    }

    /// Finds a purchase in any state by its Razorpay order alone. `None` if the order is unknown,
    /// or so new that the index does not have it yet.
    pub async fn purchase_find(
        &self,
        order: &RazorpayOrderId,
    ) -> Result<Option<Purchase>, StoreError> {
        let request = self
            .client
            .query()
            .table_name(&self.tables.tokens)
            .index_name(keys::ORDER_INDEX)
            .key_condition_expression("order_id = :order_id")
            .expression_attribute_values(":order_id", text(order));
        let mut found = request.into_paginator().items().send();
        // The index also holds the refunds of the purchase.
        while let Some(attributes) = found.next().await {
            let key = Key::of(&attributes?).filter(|key| key.sk.starts_with(keys::PURCHASES));
            if let Some(key) = key {
                return self.purchase_at(&key).await;
            }
        }
        Ok(None)
    }

    /// Captures an open purchase: this issues its tokens. The condition ensures that this happens
    /// only once, even if the payment is reported several times, and never by a payment whose
    /// refund was requested.
    pub async fn purchase_capture(
        &self,
        purchase: &Purchase,
        payment: &Payment,
        stamp: &Stamp,
    ) -> Result<Purchase, CaptureError> {
        let expires_at = purchase.expiry(stamp.at);
        let expression = format!(
            "SET #state = :captured, payment_id = :payment_id, #method = :method, \
             captured_at = :changed_at, expires_at = :expires_at, expires_on = :expires_on, \
             {STAMPED} REMOVE #open, failed_at, asked_at, closed_at, capturing"
        );
        let method = payment.method.as_deref().unwrap_or("unknown");
        let given = [
            (":captured", text("captured")),
            (":created", text("created")),
            (":payment_id", text(&payment.payment_id)),
            (":method", text(method)),
            (":expires_at", millis(expires_at)),
            (":expires_on", text(keys::expiry_partition(&purchase.order_id, expires_at))),
            (":amount", crate::store::number(purchase.amount.get())),
        ];
        let request = self
            .client
            .update_item()
            .table_name(&self.tables.tokens)
            .set_key(Some(keys::purchase(purchase.account_id, &purchase.order_id).attributes()))
            .update_expression(expression)
            .condition_expression(
                "#state = :created AND amount_paise = :amount AND \
                 attribute_not_exists(#mismatch.refund_id) AND \
                 attribute_not_exists(#mismatch.refunded_at)",
            )
            .expression_attribute_names("#mismatch", mismatch_attribute(&payment.payment_id))
            .expression_attribute_names("#state", "state")
            .expression_attribute_names("#method", "method")
            .expression_attribute_names("#open", "open")
            .set_expression_attribute_values(Some(values(stamp, given)))
            .return_values("ALL_NEW".into())
            .return_values_on_condition_check_failure("ALL_OLD".into());
        match request.send().await {
            Ok(answer) => Ok(purchase_of(answer.attributes.unwrap_or_default())?),
            Err(error) if condition_failed(&error) => {
                let found = match error.into_service_error() {
                    UpdateItemError::ConditionalCheckFailedException(failed) => failed.item,
                    _ => None,
                };
                Err(CaptureError::NotOpen(Box::new(purchase_of(found.unwrap_or_default())?)))
            }
            Err(error) => Err(StoreError::from(error).into()),
        }
    }

    /// Records that a payment for an open purchase failed. The purchase stays open.
    pub async fn purchase_failed(
        &self,
        account: AccountId,
        order: &RazorpayOrderId,
        stamp: &Stamp,
    ) -> Result<(), StoreError> {
        let request = self
            .client
            .update_item()
            .table_name(&self.tables.tokens)
            .set_key(Some(keys::purchase(account, order).attributes()))
            .update_expression(format!("SET failed_at = :changed_at, {STAMPED}"))
            .condition_expression("#state = :created")
            .expression_attribute_names("#state", "state")
            .set_expression_attribute_values(Some(values(stamp, [(":created", text("created"))])));
        none_if_condition_failed(request.send().await)?;
        Ok(())
    }
}

pub(in crate::store) fn purchase_of(attributes: Attributes) -> Result<Purchase, StoreError> {
    Ok(PurchaseItem::read(attributes)?.purchase)
}
