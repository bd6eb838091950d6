//! Plates: one item for each student's meal, and one for each scan of a code that is
//! nobody's. A plate's scans are attributes of their own, `scan#<key>`, so that one update
//! adds one under the condition that it is not there yet.

use std::collections::BTreeMap;

use serde::Deserialize;
use thali_domain::days::MealDate;
use thali_domain::ids::{AccountId, MessId};
use thali_domain::meal_times::Sitting;
use thali_domain::mess::Meal;
use thali_domain::plates::{Diner, Plate, ScanId, ScanKey};

use super::{Attributes, Consistency, Store, StoreError, keys, text};

/// What the attributes begin with that hold a plate's scans.
pub(super) const SCANS: &str = "scan#";

/// The plate's attributes other than its scans.
#[derive(Deserialize)]
struct Frame {
    mess_id: MessId,
    date: MealDate,
    meal: Meal,
    #[serde(default)]
    diner: Option<Diner>,
    #[serde(default)]
    admitted: Option<ScanId>,
}

/// Some plates of one meal, and where the next ones begin.
pub struct PlatesPage {
    /// Students' plates, and then the scans of codes that are nobody's.
    pub plates: Vec<Plate>,
    /// The sort key of the last one; `None` where there are no more.
    pub next: Option<String>,
}

impl Store {
    /// At most `limit` plates of a meal behind the one with the sort key `after`. The read
    /// may be a moment behind.
    pub async fn plates_page(
        &self,
        mess: &MessId,
        sitting: Sitting,
        after: Option<&str>,
        limit: usize,
    ) -> Result<PlatesPage, StoreError> {
        let request = self
            .client
            .query()
            .table_name(&self.tables.meals)
            .expression_attribute_values(":pk", text(keys::meal(mess, sitting)))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX));
        let request = match after {
            None => request.key_condition_expression("pk = :pk"),
            Some(after) => request
                .key_condition_expression("pk = :pk AND sk > :after")
                .expression_attribute_values(":after", text(after)),
        };
        let answer = request.send().await?;
        let next = answer.last_evaluated_key.as_ref().and_then(keys::Key::of).map(|key| key.sk);
        let found = answer.items.unwrap_or_default().into_iter();
        Ok(PlatesPage { plates: found.map(plate_of).collect::<Result<_, _>>()?, next })
    }

    /// The plates of a student at some sittings; where nobody scanned, there is none. The
    /// read may be a moment behind.
    pub async fn plates_of(
        &self,
        mess: &MessId,
        account: AccountId,
        sittings: impl IntoIterator<Item = Sitting>,
    ) -> Result<Vec<Plate>, StoreError> {
        let part = account.account_part();
        let of_sitting = |sitting| keys::plate(mess, sitting, &part);
        let keys = sittings.into_iter().map(of_sitting).collect();
        let found = self.batch_get(&self.tables.meals, keys, Consistency::Eventual).await?;
        found.into_iter().map(plate_of).collect()
    }
}

/// A plate of its item.
pub(super) fn plate_of(item: Attributes) -> Result<Plate, StoreError> {
    let mut scans = BTreeMap::new();
    for (name, value) in &item {
        if let Some(key) = name.strip_prefix(SCANS) {
            let scan = serde_dynamo::from_attribute_value(value.clone())?;
            scans.insert(ScanKey::stored(key.to_owned()), scan);
        }
    }
    let Frame { mess_id, date, meal, diner, admitted } = serde_dynamo::from_item(item)?;
    Ok(Plate { mess_id, sitting: Sitting { date, meal }, diner, admitted, scans })
}
