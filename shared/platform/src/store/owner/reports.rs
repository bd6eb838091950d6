//! Counts for whoever runs a mess. They may be a moment behind.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::Select;
use futures_util::future::try_join_all;
use thali_domain::accounts::identity::{AccountStatus, Role};
use thali_domain::days::MealDate;
use thali_domain::ids::MessId;
use thali_domain::meals::entitlement::CycleState;
use thali_domain::meals::meal_times::Sitting;
use thali_domain::mess::Meal;
use thali_domain::owner::headcount::Tally;

use crate::store::{Store, StoreError, keys, text};

/// How far is counted where a number only has to say that there is much to do.
pub const COUNT_MAX: usize = 1_000;

/// How many plates are read at once: some hundred kilobytes.
const PLATES_PAGE: usize = 1_000;

impl Store {
    /// What became of the scans of each of a day's meals, strays included.
    pub async fn day_tallies(
        &self,
        mess: &MessId,
        date: MealDate,
    ) -> Result<BTreeMap<Meal, Tally>, StoreError> {
        let tally = async |meal| {
            let tally = self.plates_tally(mess, Sitting { date, meal }).await?;
            Ok::<_, StoreError>((meal, tally))
        };
        Ok(try_join_all(Meal::ALL.map(tally)).await?.into_iter().collect())
    }

    /// What became of a meal's scans, strays included.
    pub async fn plates_tally(&self, mess: &MessId, sitting: Sitting) -> Result<Tally, StoreError> {
        let (mut tally, mut after) = (Tally::default(), None);
        loop {
            let page = self.plates_page(mess, sitting, after.as_deref(), PLATES_PAGE).await?;
            page.plates.iter().for_each(|plate| tally.add(plate));
            let Some(next) = page.next else { return Ok(tally) };
            after = Some(next);
        }
    }

    /// How many students of a mess wait for approval; counts to [`COUNT_MAX`].
    pub async fn approvals_pending(&self, mess: &MessId) -> Result<usize, StoreError> {
        let pending = AccountStatus::PendingApproval;
        let partition = keys::directory_partition(mess, Role::Student, pending);
        let request = self.client.query().table_name(&self.tables.accounts);
        count(request.index_name(keys::DIRECTORY_INDEX), "directory", &partition).await
    }

    /// How many cycles of a mess wait for an owner's word; counts to [`COUNT_MAX`].
    pub async fn payments_pending(&self, mess: &MessId) -> Result<usize, StoreError> {
        let pending = serde_json::to_value(CycleState::Pending).expect("a state is a text");
        let partition = keys::cycles_partition(mess, pending.as_str().unwrap_or_default());
        let request = self.client.query().table_name(&self.tables.meals);
        count(request.index_name(keys::CYCLES_INDEX), "cycle_status", &partition).await
    }
}

/// How many items an index has in a partition, up to [`COUNT_MAX`].
async fn count(
    request: QueryFluentBuilder,
    attribute: &str,
    partition: &str,
) -> Result<usize, StoreError> {
    let request = request
        .key_condition_expression("#partition = :partition")
        .expression_attribute_names("#partition", attribute)
        .expression_attribute_values(":partition", text(partition))
        .select(Select::Count);
    let mut start = None;
    let mut count = 0;
    loop {
        // An answer counts what lies in one megabyte.
        let left = i32::try_from(COUNT_MAX - count).unwrap_or(0);
        let answer = request.clone().limit(left).set_exclusive_start_key(start).send().await?;
        count += usize::try_from(answer.count).unwrap_or(0);
        start = answer.last_evaluated_key;
        if start.is_none() || count >= COUNT_MAX {
            return Ok(count);
        }
    }
}
