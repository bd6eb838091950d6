//! Counts for the owners of a mess. They may be a moment behind.

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
use thali_domain::staff::plates::Plate;

use crate::store::{Store, StoreError, keys, text};

/// The limit of counts that only need to say that there is a lot to do.
pub const COUNT_MAX: usize = 1_000;

/// The number of plates in one read: some hundred kilobytes.
const PLATES_PAGE: usize = 1_000;

impl Store {
    /// The results of the scans of each meal of a day, including strays.
    pub async fn day_tallies(
        &self,
        mess: &MessId,
        date: MealDate,
    ) -> Result<BTreeMap<Meal, Tally>, StoreError> {
        let tally = async |meal| {
            let mut tally = Tally::default();
            self.plates_each(mess, Sitting { date, meal }, |plate| tally.add(plate)).await?;
            Ok::<_, StoreError>((meal, tally))
        };
        Ok(try_join_all(Meal::ALL.map(tally)).await?.into_iter().collect())
    }

    /// Passes every plate of a meal to `each`, including strays.
    pub async fn plates_each(
        &self,
        mess: &MessId,
        sitting: Sitting,
        mut each: impl FnMut(&Plate),
    ) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let page = self.plates_page(mess, sitting, after.as_deref(), PLATES_PAGE).await?;
            page.plates.iter().for_each(&mut each);
            let Some(next) = page.next else { return Ok(()) };
            after = Some(next);
        }
    }

    /// The number of students of a mess that wait for approval, at most [`COUNT_MAX`].
    pub async fn approvals_pending(&self, mess: &MessId) -> Result<usize, StoreError> {
        let pending = AccountStatus::PendingApproval;
        let partition = keys::directory_partition(mess, Role::Student, pending);
        let request = self.client.query().table_name(&self.tables.accounts);
        count(request.index_name(keys::DIRECTORY_INDEX), "directory", &partition).await
    }

    /// The number of cycles of a mess that wait for an owner's decision, at most [`COUNT_MAX`].
    pub async fn cycles_pending(&self, mess: &MessId) -> Result<usize, StoreError> {
        let pending = serde_json::to_value(CycleState::Pending).expect("a state is a text");
        let partition = keys::cycles_partition(mess, pending.as_str().unwrap_or_default());
        let request = self.client.query().table_name(&self.tables.meals);
        count(request.index_name(keys::CYCLES_INDEX), "cycle_status", &partition).await
    }
}

/// The number of items in a partition of an index, at most [`COUNT_MAX`].
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
        // One response counts at most one megabyte of items.
        let left = i32::try_from(COUNT_MAX - count).unwrap_or(0);
        let answer = request.clone().limit(left).set_exclusive_start_key(start).send().await?;
        count += usize::try_from(answer.count).unwrap_or(0);
        start = answer.last_evaluated_key;
        if start.is_none() || count >= COUNT_MAX {
            return Ok(count);
        }
    }
}
