//! Refunds. Each refund is an item, and reserves tokens in its purchase. The request and the end
//! of a refund change the refund and the purchase in one transaction. The refund of a payment that
//! paid for no tokens has no numbers, and changes the payment's mismatch instead.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use thali_domain::ids::{
    AccountId, MessId, RazorpayOrderId, RazorpayPaymentId, RazorpayRefundId, RefundId,
};
use thali_domain::money::Paise;
use thali_domain::payments::refunds::{Refund, RefundFailure, RefundState};
use thali_domain::payments::settlement::CURRENCY;
use thali_domain::tokens::purchases::Purchase;

use crate::store::changes::kinds::{Kind, Stored};
use crate::store::changes::trail::Trail;
use crate::store::{
    Attempt, Attributes, Consistency, IdempotencyKey, Operation, STAMPED, Stamp, Store, StoreError,
    TransactError, item, keys, none_if_condition_failed, number, put_new, text, update, values,
};

/// A refund in its storage format.
#[skip_serializing_none]
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::store) struct RefundItem {
    refund_id: RefundId,
    account_id: AccountId,
    mess_id: MessId,
    order_id: RazorpayOrderId,
    payment_id: RazorpayPaymentId,
    /// Left out in the refund of a payment that paid for no tokens.
    #[serde(
        default,
        skip_serializing_if = "BTreeSet::is_empty",
        with = "serde_dynamo::number_set"
    )]
    numbers: BTreeSet<u16>,
    amount_paise: Paise,
    /// Left out if it is the currency in which tokens are sold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    currency: Option<String>,
    state: State,
    requested_by: AccountId,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    requested_at: Timestamp,
    razorpay_refund_id: Option<RazorpayRefundId>,
    #[serde(default, with = "jiff::fmt::serde::timestamp::millisecond::optional")]
    decided_at: Option<Timestamp>,
    failure: Option<RefundFailure>,
    /// The partition of the index `open`. Removed when the refund is finished.
    open: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Pending,
    Processed,
    Failed,
}

impl Stored for RefundItem {
    type Read = Refund;
    const KIND: Kind = Kind::Refund;
    const TRAIL: Trail = Trail::shows(&[
        "refund_id",
        "account_id",
        "mess_id",
        "order_id",
        "payment_id",
        "numbers",
        "amount_paise",
        "currency",
        "state",
        "requested_by",
        "requested_at",
        "razorpay_refund_id",
        "decided_at",
        "failure",
        keys::OPEN_INDEX,
    ]);
}

impl RefundItem {
    fn requested(refund: &Refund) -> Self {
        let refund = refund.clone();
        Self {
            open: Some(keys::refunding_partition(&refund.order_id)),
            refund_id: refund.refund_id,
            account_id: refund.account_id,
            mess_id: refund.mess_id,
            order_id: refund.order_id,
            payment_id: refund.payment_id,
            numbers: refund.numbers,
            amount_paise: refund.amount,
            currency: Some(refund.currency).filter(|currency| currency != CURRENCY),
            state: State::Pending,
            requested_by: refund.requested_by,
            requested_at: refund.requested_at,
            razorpay_refund_id: None,
            decided_at: None,
            failure: None,
        }
    }
}

impl From<RefundItem> for Refund {
    fn from(item: RefundItem) -> Self {
        let state = match (item.state, item.decided_at, item.failure) {
            (State::Processed, Some(at), _) => RefundState::Processed(at),
            (State::Failed, Some(at), Some(failure)) => RefundState::Failed(at, failure),
            _ => RefundState::Pending,
        };
        Self {
            refund_id: item.refund_id,
            account_id: item.account_id,
            mess_id: item.mess_id,
            order_id: item.order_id,
            payment_id: item.payment_id,
            numbers: item.numbers,
            amount: item.amount_paise,
            currency: item.currency.unwrap_or_else(|| CURRENCY.to_owned()),
            requested_by: item.requested_by,
            requested_at: item.requested_at,
            razorpay_refund_id: item.razorpay_refund_id,
            state,
        }
    }
}

impl Store {
    /// Records a refund and reserves its tokens in `purchase`, which is as it was when the refund
    /// was decided. The condition checks that the decision still holds: no token was redeemed
    /// since (the set of redeemed tokens only grows, so a set of the same size is the same set),
    /// no other refund reserved tokens since, and no refund is in progress. For the refund of a
    /// payment it checks that the payment was neither refunded nor accepted since.
    pub async fn refund_request(
        &self,
        purchase: &Purchase,
        refund: &Refund,
        key: Option<&IdempotencyKey>,
        stamp: &Stamp,
    ) -> Result<Attempt<()>, StoreError> {
        let table = &self.tables.tokens;
        let reserve = if refund.numbers.is_empty() {
            self.mismatch_refund_write(refund, stamp)
        } else {
            reserve_write(table, purchase, refund, stamp)
        };
        let at = keys::refund(refund.account_id, refund.refund_id);
        let record = item(&at, &RefundItem::requested(refund), stamp)?;
        let mut writes = vec![reserve, put_new(table, record)];
        if let Some(key) = key {
            let id = refund.refund_id.to_string();
            let owner = refund.requested_by;
            writes.push(self.idempotency_put(owner, Operation::Refund, key, id, stamp)?);
        }
        self.transact_if_unchanged(writes).await
    }

    /// Reads one refund of an account's purchases.
    pub async fn refund_get(
        &self,
        account: AccountId,
        refund: RefundId,
    ) -> Result<Option<Refund>, StoreError> {
        let key = keys::refund(account, refund);
        let found: Option<RefundItem> =
            self.get(&self.tables.tokens, &key, Consistency::Strong).await?;
        Ok(found.map(Into::into))
    }

    /// All refunds of an account's purchases, in no particular order.
    pub async fn refunds_of(&self, account: AccountId) -> Result<Vec<Refund>, StoreError> {
        let (table, pk) = (&self.tables.tokens, account.to_string());
        let found = self.query(table, &pk, Some(keys::REFUNDS), Consistency::Strong).await?;
        let item = |attributes| Ok(serde_dynamo::from_item::<_, RefundItem>(attributes)?.into());
        found.into_iter().map(item).collect()
    }

    /// Records the id that Razorpay gave to a refund when it was started.
    pub async fn refund_begun(
        &self,
        refund: &Refund,
        razorpay_refund_id: &RazorpayRefundId,
        stamp: &Stamp,
    ) -> Result<(), StoreError> {
        let given = [(":pending", text("pending")), (":id", text(razorpay_refund_id))];
        let request = self
            .client
            .update_item()
            .table_name(&self.tables.tokens)
            .set_key(Some(keys::refund(refund.account_id, refund.refund_id).attributes()))
            .update_expression(format!("SET razorpay_refund_id = :id, {STAMPED}"))
            .condition_expression("#state = :pending AND attribute_not_exists(razorpay_refund_id)")
            .expression_attribute_names("#state", "state")
            .set_expression_attribute_values(Some(values(stamp, given)));
        none_if_condition_failed(request.send().await)?;
        Ok(())
    }

    /// Ends a pending refund that was paid out: its tokens stay refunded. Returns whether the
    /// refund was pending; a finished one is left unchanged.
    pub async fn refund_processed(
        &self,
        refund: &Refund,
        razorpay_refund_id: &RazorpayRefundId,
        stamp: &Stamp,
    ) -> Result<bool, StoreError> {
        let expression = "#state = :state, razorpay_refund_id = :id";
        let given = [(":state", text("processed")), (":id", text(razorpay_refund_id))];
        let finish = self.finish_write(refund, expression, values(stamp, given));
        let release = if refund.numbers.is_empty() {
            self.mismatch_end_write(refund, true, stamp)
        } else {
            self.release_write(refund, "", values(stamp, []))
        };
        self.refund_finish(finish, release).await
    }

    /// Ends a pending refund that failed: its tokens are available again. Returns whether the
    /// refund was pending.
    pub async fn refund_failed(
        &self,
        refund: &Refund,
        failure: RefundFailure,
        stamp: &Stamp,
    ) -> Result<bool, StoreError> {
        let reason: AttributeValue = serde_dynamo::to_attribute_value(failure)?;
        let given = [(":state", text("failed")), (":failure", reason)];
        let expression = "#state = :state, failure = :failure";
        let finish = self.finish_write(refund, expression, values(stamp, given));
        let release = if refund.numbers.is_empty() {
            self.mismatch_end_write(refund, false, stamp)
        } else {
            // If this removes the last number, DynamoDB removes the attribute.
            let numbers = AttributeValue::Ns(refund.numbers.iter().map(u16::to_string).collect());
            let given = values(stamp, [(":numbers", numbers)]);
            self.release_write(refund, " DELETE refunded :numbers", given)
        };
        self.refund_finish(finish, release).await
    }

    /// The write that ends the refund itself.
    fn finish_write(
        &self,
        refund: &Refund,
        assignments: &str,
        mut given: Attributes,
    ) -> TransactWriteItem {
        given.insert(":pending".to_owned(), text("pending"));
        let key = keys::refund(refund.account_id, refund.refund_id);
        let expression =
            format!("SET {assignments}, decided_at = :changed_at, {STAMPED} REMOVE #open");
        let names = names([("#state", "state"), ("#open", "open")]);
        update(&self.tables.tokens, &key, &expression, "#state = :pending", names, given)
    }

    /// The write that removes the refund in progress from its purchase.
    fn release_write(
        &self,
        refund: &Refund,
        more: &str,
        mut given: Attributes,
    ) -> TransactWriteItem {
        given.insert(":refund_id".to_owned(), text(refund.refund_id));
        let key = keys::purchase(refund.account_id, &refund.order_id);
        let expression = format!("SET {STAMPED} REMOVE refunding{more}");
        update(&self.tables.tokens, &key, &expression, "refunding = :refund_id", None, given)
    }

    async fn refund_finish(
        &self,
        finish: TransactWriteItem,
        release: TransactWriteItem,
    ) -> Result<bool, StoreError> {
        match self.transact(vec![finish, release]).await {
            Ok(()) => Ok(true),
            Err(TransactError::Conditions(_)) => Ok(false),
            Err(TransactError::Conflict) => Err(StoreError::Contended),
            Err(TransactError::Store(error)) => Err(error),
        }
    }
}

pub(in crate::store) fn refund_of(attributes: Attributes) -> Result<Refund, StoreError> {
    let item: RefundItem = serde_dynamo::from_item(attributes)?;
    Ok(item.into())
}

/// The condition that `refund_id` is still a purchase's latest refund. Adds its value to `given`.
pub(in crate::store) fn refund_unchanged(
    refund_id: Option<RefundId>,
    given: &mut Attributes,
) -> String {
    match refund_id {
        None => "attribute_not_exists(refund_id)".to_owned(),
        Some(refund_id) => {
            given.insert(":latest".to_owned(), text(refund_id));
            "refund_id = :latest".to_owned()
        }
    }
}

/// The condition that a purchase's tokens, and its refund in progress, if any, are unchanged since
/// it was read. Adds its values to `given`.
pub(in crate::store) fn tokens_unchanged(purchase: &Purchase, given: &mut Attributes) -> String {
    let same_refund = refund_unchanged(purchase.refund_id, given);
    let same_in_hand = match purchase.refunding {
        None => "attribute_not_exists(refunding)",
        Some(in_hand) => {
            given.insert(":in_hand".to_owned(), text(in_hand));
            "refunding = :in_hand"
        }
    };
    // An absent attribute has no size, so a set that was empty must still be absent.
    let same_redeemed = if purchase.redeemed.is_empty() {
        "attribute_not_exists(redeemed)"
    } else {
        given.insert(":redeemed".to_owned(), number(purchase.redeemed.len()));
        "size(redeemed) = :redeemed"
    };
    format!("{same_refund} AND {same_in_hand} AND {same_redeemed}")
}

/// The write that reserves a refund's tokens in its purchase. A purchase has at most one refund in
/// progress, and this refund was decided when there was none.
fn reserve_write(
    table: &str,
    purchase: &Purchase,
    refund: &Refund,
    stamp: &Stamp,
) -> TransactWriteItem {
    let numbers = AttributeValue::Ns(refund.numbers.iter().map(u16::to_string).collect());
    let mut given = values(
        stamp,
        [
            (":captured", text("captured")),
            (":refund_id", text(refund.refund_id)),
            (":numbers", numbers),
        ],
    );
    let unchanged = tokens_unchanged(purchase, &mut given);
    let condition = format!("#state = :captured AND {unchanged}");
    let expression = format!(
        "SET refund_id = :refund_id, refunding = :refund_id, {STAMPED} ADD refunded :numbers"
    );
    let key = keys::purchase(refund.account_id, &refund.order_id);
    update(table, &key, &expression, &condition, names([("#state", "state")]), given)
}

#[expect(clippy::unnecessary_wraps, reason = "what the builders take")]
pub(super) fn names<const N: usize>(given: [(&str, &str); N]) -> Option<HashMap<String, String>> {
    Some(given.map(|(name, attribute)| (name.to_owned(), attribute.to_owned())).into())
}
