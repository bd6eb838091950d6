//! A closure as clients see it.

use jiff::Timestamp;
use serde::Serialize;
use thali_domain::days::{MealDate, Meals};
use thali_domain::ids::ClosureId;
use thali_domain::reason::Reason;
use thali_platform::store::ClosureRecord;
use utoipa::ToSchema;

/// Days or meals on which the mess is closed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Closure)]
pub struct ClosureView {
    closure_id: ClosureId,
    from: MealDate,
    to: MealDate,
    meals: Meals,
    reason: Reason,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

impl From<ClosureRecord> for ClosureView {
    fn from(closure: ClosureRecord) -> Self {
        let ClosureRecord { closure_id, from, to, meals, reason, created_at, .. } = closure;
        Self { closure_id, from, to, meals, reason, created_at }
    }
}
