//! The records of students' cuts. Those that may still matter are also in the student's own
//! item, which is what a scan reads.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thali_domain::days::{MealDate, Meals};
use thali_domain::ids::{AccountId, CutId, MessId};

use super::{Consistency, Store, StoreError, keys};

/// A cut, as its student applied it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CutRecord {
    /// Its id.
    pub cut_id: CutId,
    /// The first day.
    pub from: MealDate,
    /// The last day.
    pub to: MealDate,
    /// The meals on each of them.
    pub meals: Meals,
    /// When it was applied.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub created_at: Timestamp,
}

impl Store {
    /// All cuts of a student, the oldest first.
    pub async fn cuts_of(
        &self,
        mess: &MessId,
        account: AccountId,
    ) -> Result<Vec<CutRecord>, StoreError> {
        let pk = keys::student_records(mess, &account.account_part());
        let prefix = Some(keys::CUTS);
        let found = self.query(&self.tables.meals, &pk, prefix, Consistency::Strong).await?;
        found.into_iter().map(|found| Ok(serde_dynamo::from_item(found)?)).collect()
    }
}
