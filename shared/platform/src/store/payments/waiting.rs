//! Purchases and refunds that a job must process: unpaid purchases, unfinished refunds, and
//! purchases whose students must be warned that tokens will expire. Each job reads a sparse index
//! page by page. An item leaves the index when it is processed.

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use jiff::civil::Date;
use thali_domain::ids::RazorpayPaymentId;
use thali_domain::payments::refunds::Refund;
use thali_domain::tokens::purchases::{Purchase, PurchaseState, Waiting};

use super::purchases::purchase_of;
use super::refunds::{refund_of, tokens_unchanged};
use crate::store::keys::{self, Key};
use crate::store::waiting_pages::{PageStart, WaitingPage, waiting_page};
use crate::store::{
    Attributes, STAMPED, Stamp, Store, StoreError, millis, none_if_condition_failed, number, text,
    values,
};

impl Store {
    /// One page of the unpaid purchases in one of the [`keys::SHARDS`].
    pub async fn purchases_waiting(
        &self,
        shard: u8,
        start: Option<PageStart>,
    ) -> Result<WaitingPage<Purchase>, StoreError> {
        self.open_page(keys::open_shard(shard), start, purchase_of).await
    }

    /// One page of the unfinished refunds in one of the [`keys::SHARDS`].
    pub async fn refunds_waiting(
        &self,
        shard: u8,
        start: Option<PageStart>,
    ) -> Result<WaitingPage<Refund>, StoreError> {
        self.open_page(keys::refunding_shard(shard), start, refund_of).await
    }

    async fn open_page<T>(
        &self,
        partition: String,
        start: Option<PageStart>,
        read: impl Fn(Attributes) -> Result<T, StoreError>,
    ) -> Result<WaitingPage<T>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.tables.tokens)
            .index_name(keys::OPEN_INDEX)
            .key_condition_expression("#open = :open")
            .expression_attribute_names("#open", "open")
            .expression_attribute_values(":open", text(partition));
        waiting_page(query, start, |item| read(item).map(Some)).await
    }

    /// Records that Razorpay was queried about an unpaid purchase. With `failed`, also records
    /// that all of its payments failed, unless a failure was recorded before.
    pub async fn purchase_queried(
        &self,
        purchase: &Purchase,
        failed: bool,
        stamp: &Stamp,
    ) -> Result<(), StoreError> {
        let failed =
            if failed { "failed_at = if_not_exists(failed_at, :changed_at), " } else { "" };
        let expression = format!("SET {failed}asked_at = :changed_at, {STAMPED}");
        let mut given = values(stamp, [(":created", text("created"))]);
        let no_news = no_news(purchase, &mut given);
        let update = self.purchase_update(purchase);
        let request = update
            .update_expression(expression)
            .condition_expression(format!("#state = :created AND {no_news}"))
            .expression_attribute_names("#state", "state")
            .set_expression_attribute_values(Some(given));
        none_if_condition_failed(request.send().await)?;
        Ok(())
    }

    /// Chooses an authorized payment of an unpaid purchase, before it is captured at Razorpay, so
    /// that no other payment is captured. `instead_of` is an earlier choice that came to nothing.
    /// Returns whether this payment is the chosen one.
    pub async fn purchase_capturing(
        &self,
        purchase: &Purchase,
        payment: &RazorpayPaymentId,
        instead_of: Option<&RazorpayPaymentId>,
        stamp: &Stamp,
    ) -> Result<bool, StoreError> {
        let given = [
            (":created", text("created")),
            (":payment", text(payment)),
            (":before", text(instead_of.unwrap_or(payment))),
        ];
        let update = self.purchase_update(purchase);
        let request = update
            .update_expression(format!("SET capturing = :payment, {STAMPED}"))
            .condition_expression(
                "#state = :created AND \
                 (attribute_not_exists(capturing) OR capturing IN (:payment, :before))",
            )
            .expression_attribute_names("#state", "state")
            .set_expression_attribute_values(Some(values(stamp, given)));
        Ok(none_if_condition_failed(request.send().await)?.is_some())
    }

    /// Lets the next run of the job query Razorpay about an unpaid purchase again, because there
    /// is news of a payment. A purchase that was given up is in the index again.
    pub async fn purchase_ask_again(
        &self,
        purchase: &Purchase,
        stamp: &Stamp,
    ) -> Result<(), StoreError> {
        let open = text(keys::open_partition(&purchase.order_id));
        let given = [(":created", text("created")), (":open", open)];
        let update = self.purchase_update(purchase);
        let request = update
            .update_expression(format!("SET #open = :open, {STAMPED} REMOVE asked_at, closed_at"))
            .condition_expression(
                "#state = :created AND (attribute_exists(asked_at) OR attribute_exists(closed_at))",
            )
            .expression_attribute_names("#state", "state")
            .expression_attribute_names("#open", "open")
            .set_expression_attribute_values(Some(values(stamp, given)));
        none_if_condition_failed(request.send().await)?;
        Ok(())
    }

    /// Gives up an unpaid purchase: it leaves the index. A payment that is reported later still
    /// pays for the purchase.
    pub async fn purchase_close(
        &self,
        purchase: &Purchase,
        stamp: &Stamp,
    ) -> Result<(), StoreError> {
        let mut given = values(stamp, [(":created", text("created"))]);
        let no_news = no_news(purchase, &mut given);
        let update = self.purchase_update(purchase);
        let request = update
            .update_expression(format!("SET closed_at = :changed_at, {STAMPED} REMOVE #open"))
            .condition_expression(format!("#state = :created AND {no_news}"))
            .expression_attribute_names("#state", "state")
            .expression_attribute_names("#open", "open")
            .set_expression_attribute_values(Some(given));
        none_if_condition_failed(request.send().await)?;
        Ok(())
    }

    /// The keys of purchases in one of the [`keys::SHARDS`] of the index `expiry`: their tokens
    /// expire on `date`, and their students were not warned.
    pub async fn purchases_expiring(
        &self,
        date: Date,
        shard: u8,
        start: Option<PageStart>,
    ) -> Result<WaitingPage<Key>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.tables.tokens)
            .index_name(keys::EXPIRY_INDEX)
            .key_condition_expression("expires_on = :expires_on")
            .expression_attribute_values(":expires_on", text(keys::expiry_shard(date, shard)));
        waiting_page(query, start, |item| Ok(Key::of(&item))).await
    }

    /// Records that the student is warned about `tokens` tokens, and removes the purchase from the
    /// index. This is one update, so there is only one warning. Returns `false` if another run
    /// recorded it, or if the tokens have changed since the decision.
    pub async fn purchase_warn(
        &self,
        purchase: &Purchase,
        tokens: u16,
        stamp: &Stamp,
    ) -> Result<bool, StoreError> {
        let given = [(":captured", text("captured")), (":tokens", number(tokens))];
        let mut given = values(stamp, given);
        let unchanged = tokens_unchanged(purchase, &mut given);
        let condition =
            format!("#state = :captured AND attribute_not_exists(warned_at) AND {unchanged}");
        let expression = format!(
            "SET warned_at = :changed_at, warned_of = :tokens, {STAMPED} REMOVE expires_on"
        );
        let request = self
            .purchase_update(purchase)
            .update_expression(expression)
            .condition_expression(condition)
            .expression_attribute_names("#state", "state")
            .set_expression_attribute_values(Some(given));
        Ok(none_if_condition_failed(request.send().await)?.is_some())
    }

    /// Removes a purchase that needs no warning from the index `expiry`.
    pub async fn purchase_skip_warning(
        &self,
        purchase: &Purchase,
        stamp: &Stamp,
    ) -> Result<(), StoreError> {
        let update = self.purchase_update(purchase);
        let request = update
            .update_expression(format!("SET {STAMPED} REMOVE expires_on"))
            .condition_expression("attribute_exists(expires_on)")
            .set_expression_attribute_values(Some(values(stamp, [])));
        none_if_condition_failed(request.send().await)?;
        Ok(())
    }

    pub(super) fn purchase_update(&self, purchase: &Purchase) -> UpdateItemFluentBuilder {
        let key = keys::purchase(purchase.account_id, &purchase.order_id);
        let request = self.client.update_item().table_name(&self.tables.tokens);
        request.set_key(Some(key.attributes()))
    }
}

/// The condition that nobody reported a payment since the purchase was read: `purchase_ask_again`
/// removes `asked_at`, and an older answer of Razorpay must not write it again. Adds its value to
/// `given`.
fn no_news(purchase: &Purchase, given: &mut Attributes) -> &'static str {
    match &purchase.state {
        PurchaseState::Created(Waiting { asked_at: Some(asked_at), .. }) => {
            given.insert(":asked_at".to_owned(), millis(*asked_at));
            "asked_at = :asked_at"
        }
        _ => "attribute_not_exists(asked_at)",
    }
}
