//! Payments that pay for nothing. Each is an attribute of its purchase, `mismatch#<payment>`, so
//! that one update records it under the condition that it is not there yet. Its refund is recorded
//! in it, so that one condition excludes that the payment is both accepted and refunded.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::TransactWriteItem;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thali_domain::ids::{RazorpayPaymentId, RefundId};
use thali_domain::money::Paise;
use thali_domain::payments::mismatches::{Mismatch, MismatchReason};
use thali_domain::payments::refunds::Refund;
use thali_domain::tokens::purchases::Purchase;

use super::refunds::names;
use crate::store::{
    Attributes, STAMPED, Stamp, Store, StoreError, keys, none_if_condition_failed, text, update,
    values,
};

/// The prefix of the attributes that hold a purchase's mismatches.
pub(super) const MISMATCHES: &str = "mismatch#";

/// The most mismatches that a purchase stores. Razorpay allows fewer payments of one order.
const MISMATCHES_MAX: usize = 100;

/// The storage format of a mismatch.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Mismatch")]
struct MismatchAttribute {
    payment_id: RazorpayPaymentId,
    #[serde(rename = "amount_paise")]
    amount: Paise,
    currency: String,
    reason: MismatchReason,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    found_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refund_id: Option<RefundId>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "jiff::fmt::serde::timestamp::millisecond::optional"
    )]
    refunded_at: Option<Timestamp>,
}

#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct StoredMismatch(#[serde(with = "MismatchAttribute")] Mismatch);

pub(super) fn mismatch_attribute(payment: &RazorpayPaymentId) -> String {
    format!("{MISMATCHES}{payment}")
}

/// Reads the mismatches from the attributes of a purchase.
pub(super) fn mismatches_of(
    attributes: &Attributes,
) -> Result<BTreeMap<RazorpayPaymentId, Mismatch>, StoreError> {
    let mut mismatches = BTreeMap::new();
    for (name, value) in attributes {
        if name.starts_with(MISMATCHES) {
            let StoredMismatch(found) = serde_dynamo::from_attribute_value(value.clone())?;
            mismatches.insert(found.payment_id.clone(), found);
        }
    }
    Ok(mismatches)
}

/// The condition that a recorded payment has no refund, neither one requested here nor another.
const NOT_REFUNDED: &str = "attribute_exists(#mismatch) AND \
                            attribute_not_exists(#mismatch.refund_id) AND \
                            attribute_not_exists(#mismatch.refunded_at)";

/// The condition that the payment `:payment` has not captured the purchase.
const NOT_ACCEPTED: &str = "attribute_not_exists(payment_id) OR payment_id <> :payment";

impl Store {
    /// Records a payment that does not pay for its purchase. The purchase's state stays the same.
    /// Returns whether it was recorded now: a recorded one is left unchanged, as is a payment that
    /// has captured the purchase since it was read.
    pub async fn mismatch_record(
        &self,
        purchase: &Purchase,
        found: &Mismatch,
        stamp: &Stamp,
    ) -> Result<bool, StoreError> {
        if purchase.mismatches.len() >= MISMATCHES_MAX {
            return Ok(false);
        }
        let value = serde_dynamo::to_attribute_value(StoredMismatch(found.clone()))?;
        let given = [(":mismatch", value), (":payment", text(&found.payment_id))];
        let request = self
            .purchase_update(purchase)
            .update_expression(format!("SET #mismatch = :mismatch, {STAMPED}"))
            .condition_expression(format!(
                "attribute_exists(pk) AND attribute_not_exists(#mismatch) AND ({NOT_ACCEPTED})"
            ))
            .expression_attribute_names("#mismatch", mismatch_attribute(&found.payment_id))
            .set_expression_attribute_values(Some(values(stamp, given)));
        Ok(none_if_condition_failed(request.send().await)?.is_some())
    }

    /// Records that a payment was refunded at Razorpay without a request here.
    pub async fn mismatch_refunded_elsewhere(
        &self,
        purchase: &Purchase,
        payment: &RazorpayPaymentId,
        stamp: &Stamp,
    ) -> Result<(), StoreError> {
        let request = self
            .purchase_update(purchase)
            .update_expression(format!("SET #mismatch.refunded_at = :changed_at, {STAMPED}"))
            .condition_expression(NOT_REFUNDED)
            .expression_attribute_names("#mismatch", mismatch_attribute(payment))
            .set_expression_attribute_values(Some(values(stamp, [])));
        none_if_condition_failed(request.send().await)?;
        Ok(())
    }

    /// The write that records the refund of a payment in its purchase, unless the payment has a
    /// refund or was accepted.
    pub(super) fn mismatch_refund_write(
        &self,
        refund: &Refund,
        stamp: &Stamp,
    ) -> TransactWriteItem {
        let given =
            [(":refund_id", text(refund.refund_id)), (":payment", text(&refund.payment_id))];
        let expression = format!("SET #mismatch.refund_id = :refund_id, {STAMPED}");
        let condition = format!("{NOT_REFUNDED} AND ({NOT_ACCEPTED})");
        self.mismatch_update(refund, &expression, &condition, values(stamp, given))
    }

    /// The write that records the end of the refund of a payment in its purchase. After a failed
    /// refund the payment waits for a decision again.
    pub(super) fn mismatch_end_write(
        &self,
        refund: &Refund,
        is_paid: bool,
        stamp: &Stamp,
    ) -> TransactWriteItem {
        let expression = if is_paid {
            format!("SET #mismatch.refunded_at = :changed_at, {STAMPED}")
        } else {
            format!("SET {STAMPED} REMOVE #mismatch.refund_id")
        };
        let given = values(stamp, [(":refund_id", text(refund.refund_id))]);
        self.mismatch_update(refund, &expression, "#mismatch.refund_id = :refund_id", given)
    }

    fn mismatch_update(
        &self,
        refund: &Refund,
        expression: &str,
        condition: &str,
        given: Attributes,
    ) -> TransactWriteItem {
        let attribute = mismatch_attribute(&refund.payment_id);
        let names = names([("#mismatch", &attribute)]);
        let key = keys::purchase(refund.account_id, &refund.order_id);
        update(&self.tables.tokens, &key, expression, condition, names, given)
    }
}
