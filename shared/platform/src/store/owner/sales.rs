//! The paid purchases of a mess by time, from the index `sales`. The read may be a moment behind.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use thali_domain::ids::MessId;
use thali_domain::money::Paise;
use thali_domain::owner::sales::Sale;

use crate::store::{Store, StoreError, keys, millis, text};

/// An entry of the index.
#[derive(Deserialize)]
struct Entry {
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    captured_at: Timestamp,
    token_count: u16,
    price_paise: Paise,
    amount_paise: Paise,
    #[serde(default, with = "serde_dynamo::number_set")]
    refunded: BTreeSet<u16>,
}

impl From<Entry> for Sale {
    fn from(entry: Entry) -> Self {
        let numbers = u16::try_from(entry.refunded.len()).unwrap_or(u16::MAX);
        let refunded = entry.price_paise.checked_times(numbers).unwrap_or(entry.amount_paise);
        Self {
            captured_at: entry.captured_at,
            tokens: entry.token_count,
            amount: entry.amount_paise,
            refunded,
        }
    }
}

impl Store {
    /// The purchases of a mess that were paid from `from` (inclusive) until `until` (exclusive),
    /// the oldest first. Five thousand of them are about a megabyte.
    pub async fn sales_between(
        &self,
        mess: &MessId,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Sale>, StoreError> {
        // BETWEEN includes its end.
        let last = until - SignedDuration::from_millis(1);
        let request = self
            .client
            .query()
            .table_name(&self.tables.tokens)
            .index_name(keys::SALES_INDEX)
            .key_condition_expression("mess_id = :mess AND captured_at BETWEEN :from AND :last")
            .expression_attribute_values(":mess", text(mess))
            .expression_attribute_values(":from", millis(from))
            .expression_attribute_values(":last", millis(last));
        let mut found = request.into_paginator().items().send();
        let mut sales = Vec::new();
        while let Some(attributes) = found.next().await {
            let entry: Entry = serde_dynamo::from_item(attributes?)?;
            sales.push(entry.into());
        }
        Ok(sales)
    }
}
