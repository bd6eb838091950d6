//! The records of a mess's closures. Those that may still matter are also in the mess's own
//! item, which is what a scan reads.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thali_domain::days::{MealDate, Meals};
use thali_domain::ids::{ClosureId, MessId};

use super::{Consistency, Store, StoreError, keys};

/// A closure, as an owner made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClosureRecord {
    /// Its id.
    pub closure_id: ClosureId,
    /// The first day.
    pub from: MealDate,
    /// The last day.
    pub to: MealDate,
    /// The meals on each of them.
    pub meals: Meals,
    /// Why, in words for the students.
    pub reason: String,
    /// When it was made.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub created_at: Timestamp,
}

impl Store {
    /// All closures of a mess, the oldest first.
    pub async fn closures_all(&self, mess: &MessId) -> Result<Vec<ClosureRecord>, StoreError> {
        let pk = keys::closures(mess);
        let found = self.query(&self.tables.meals, &pk, None, Consistency::Strong).await?;
        found.into_iter().map(|found| Ok(serde_dynamo::from_item(found)?)).collect()
    }
}
