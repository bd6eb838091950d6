//! Submissions: redeeming tokens and recording the submission, in one transaction.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thali_domain::ids::{AccountId, MessId, RefundId, SubmissionId, TokenId};
use thali_domain::tokens::purchases::Purchase;
use thali_domain::tokens::redeeming::{Redemption, Submission};

use crate::store::changes::kinds::{Kind, Stored};
use crate::store::changes::trail::Trail;
use crate::store::payments::purchases::purchase_of;
use crate::store::payments::refunds::{refund_unchanged, tokens_unchanged};
use crate::store::{
    Attributes, Consistency, IdempotencyKey, Operation, STAMPED, Stamp, Store, StoreError,
    TransactError, item, keys, put_new, text, update, values,
};

#[derive(Debug, Serialize, Deserialize)]
pub(in crate::store) struct SubmissionItem {
    submission_id: SubmissionId,
    account_id: AccountId,
    mess_id: MessId,
    token_ids: Vec<TokenId>,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    submitted_at: Timestamp,
    balance: usize,
}

impl Stored for SubmissionItem {
    type Read = Submission;
    const KIND: Kind = Kind::Submission;
    const TRAIL: Trail = Trail::shows(&[
        "submission_id",
        "account_id",
        "mess_id",
        "token_ids",
        "submitted_at",
        "balance",
    ]);
}

impl From<Submission> for SubmissionItem {
    fn from(submission: Submission) -> Self {
        let Submission { submission_id, account_id, mess_id, token_ids, submitted_at, balance } =
            submission;
        Self { submission_id, account_id, mess_id, token_ids, submitted_at, balance }
    }
}

impl From<SubmissionItem> for Submission {
    fn from(item: SubmissionItem) -> Self {
        let SubmissionItem { submission_id, account_id, mess_id, token_ids, submitted_at, balance } =
            item;
        Self { submission_id, account_id, mess_id, token_ids, submitted_at, balance }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum SubmissionError {
    /// Since the decision a token was redeemed, refunded or expired, or the idempotency key was
    /// used. Nothing was written: read and decide again.
    #[error("the tokens changed since the decision")]
    Overtaken,
    /// The account was blocked, or its security code was locked, since the account was read.
    /// Nothing was written.
    #[error("the account changed since it was read")]
    AccountChanged,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Redeems the chosen tokens and records the submission, in one transaction. The conditions
    /// ensure that each token is redeemed only once and only while it is valid.
    pub async fn submission_record(
        &self,
        submission: &Submission,
        redemption: &Redemption,
        key: Option<&IdempotencyKey>,
        stamp: &Stamp,
    ) -> Result<(), SubmissionError> {
        let account = submission.account_id;
        let at = keys::submission(account, submission.submission_id);
        let record = SubmissionItem::from(submission.clone());
        let record = put_new(&self.tables.tokens, item(&at, &record, stamp)?);
        let redeem = |(order, numbers): (_, &_)| {
            let key = keys::purchase(account, order);
            let refund_id = redemption.refund_ids.get(order).copied();
            redeem_write(&self.tables.tokens, &key, numbers, refund_id, stamp)
        };
        let mut writes: Vec<TransactWriteItem> = redemption.numbers.iter().map(redeem).collect();
        writes.push(record);
        if let Some(key) = key {
            let id = submission.submission_id.to_string();
            writes.push(self.idempotency_put(account, Operation::SubmitTokens, key, id, stamp)?);
        }
        writes.push(self.security_code_check(account, stamp.at));
        match self.transact(writes).await {
            Ok(()) => Ok(()),
            Err(TransactError::Conditions(failed)) if failed.last() == Some(&true) => {
                Err(SubmissionError::AccountChanged)
            }
            Err(TransactError::Conditions(_) | TransactError::Conflict) => {
                Err(SubmissionError::Overtaken)
            }
            Err(TransactError::Store(error)) => Err(error.into()),
        }
    }

    pub async fn submission_get(
        &self,
        account: AccountId,
        submission: SubmissionId,
    ) -> Result<Option<Submission>, StoreError> {
        let key = keys::submission(account, submission);
        let found: Option<SubmissionItem> =
            self.get(&self.tables.tokens, &key, Consistency::Strong).await?;
        Ok(found.map(Into::into))
    }

    /// All submissions of an account, oldest first.
    pub async fn submissions_of(&self, account: AccountId) -> Result<Vec<Submission>, StoreError> {
        let pk = account.to_string();
        let table = &self.tables.tokens;
        let found = self.query(table, &pk, Some(keys::SUBMISSIONS), Consistency::Strong).await?;
        found.into_iter().map(submission_of).collect()
    }

    /// All purchases and all submissions of an account, read concurrently.
    pub async fn tokens_of(
        &self,
        account: AccountId,
    ) -> Result<(Vec<Purchase>, Vec<Submission>), StoreError> {
        let pk = account.to_string();
        let table = &self.tables.tokens;
        let (purchases, submissions) = futures_util::try_join!(
            self.query(table, &pk, Some(keys::PURCHASES), Consistency::Strong),
            self.submissions_of(account),
        )?;
        let purchases: Result<_, StoreError> = purchases.into_iter().map(purchase_of).collect();
        Ok((purchases?, submissions))
    }
}

fn submission_of(attributes: Attributes) -> Result<Submission, StoreError> {
    let item: SubmissionItem = serde_dynamo::from_item(attributes)?;
    Ok(item.into())
}

impl Store {
    /// The write that redeems any number of tokens of one purchase, if the purchase's tokens are
    /// unchanged since they were chosen.
    pub(in crate::store) fn redeem_unchanged(
        &self,
        purchase: &Purchase,
        numbers: &BTreeSet<u16>,
        stamp: &Stamp,
    ) -> TransactWriteItem {
        let redeemed = AttributeValue::Ns(numbers.iter().map(u16::to_string).collect());
        let given = [(":captured", text("captured")), (":numbers", redeemed)];
        let mut given = values(stamp, given);
        let unchanged = tokens_unchanged(purchase, &mut given);
        let condition = format!("#state = :captured AND expires_at > :changed_at AND {unchanged}");
        let names = HashMap::from([("#state".to_owned(), "state".to_owned())]);
        let key = keys::purchase(purchase.account_id, &purchase.order_id);
        let expression = format!("SET {STAMPED} ADD redeemed :numbers");
        update(&self.tables.tokens, &key, &expression, &condition, Some(names), given)
    }
}

/// The write that redeems tokens of one purchase. Fifty tokens stay well below the three hundred
/// operators that a condition may have.
///
/// One comparison is enough to check that none of the tokens is refunded, instead of one for each
/// token: every refund changes `refund_id`, so while `refund_id` is unchanged, no more tokens have
/// been reserved. If that refund has failed since, even fewer are reserved.
fn redeem_write<'a>(
    table: &str,
    key: &keys::Key,
    numbers: impl IntoIterator<Item = &'a u16>,
    refund_id: Option<RefundId>,
    stamp: &Stamp,
) -> TransactWriteItem {
    let mut given = values(stamp, [(":captured", text("captured"))]);
    let mut conditions = vec!["#state = :captured AND expires_at > :changed_at".to_owned()];
    conditions.push(refund_unchanged(refund_id, &mut given));
    let mut redeemed = Vec::new();
    for number in numbers {
        conditions.push(format!("NOT contains(redeemed, :n{number})"));
        given.insert(format!(":n{number}"), crate::store::number(number));
        redeemed.push(number.to_string());
    }
    given.insert(":numbers".to_owned(), AttributeValue::Ns(redeemed));
    let names = HashMap::from([("#state".to_owned(), "state".to_owned())]);
    let expression = format!("SET {STAMPED} ADD redeemed :numbers");
    update(table, key, &expression, &conditions.join(" AND "), Some(names), given)
}
