//! The shared handler of verifying and rejecting a payment; only the decision differs.

use jiff::tz::TimeZone;
use thali_domain::days::MealDate;
use thali_domain::ids::CycleId;
use thali_domain::meals::cycles::{CycleDecision, is_forgotten};
use thali_domain::reason::Reason;
use thali_domain::text::Typed;
use thali_platform::app::App;
use thali_platform::http::{Caller, Problem, Request, Response};
use thali_platform::problems;
use thali_platform::store::retry_overtaken;
use utoipa::ToSchema;

use super::cycle_view::CycleView;

/// The body of a decision, which may be left out.
#[derive(Default, eserde::Deserialize, ToSchema)]
pub struct DecidePayment {
    /// The reason, which is mailed to the student.
    #[serde(default)]
    #[eserde(compat)]
    #[schema(value_type = Option<Reason>)]
    reason: Option<Typed<Reason>>,
}

/// Applies a decision to the payment named in the path. If another owner decides at the same
/// time, reads the payment again and decides by its new state.
pub async fn decide(
    app: &App,
    caller: &Caller,
    request: &Request,
    decision: CycleDecision,
) -> Result<Response, Problem> {
    let owner = caller.session()?;
    let DecidePayment { reason } = request.json_if_any()?.unwrap_or_default();
    let reason = reason.map(|Typed(reason)| reason);
    let id: CycleId = request.param("payment_id").ok_or_else(problems::payment_not_found)?;
    let stamp = caller.stamp(app, request);
    retry_overtaken(|_| async {
        let cycle = app.store.cycle_get(&owner.mess_id, id).await?;
        let cycle = cycle.ok_or_else(problems::payment_not_found)?;
        let decided = cycle.decided(decision, reason.clone(), stamp.at)?;
        // Uses the earliest current date of any time zone: to forget a day late does no harm.
        let today = MealDate::from(stamp.at.to_zoned(TimeZone::UTC).date());
        let forgotten = is_forgotten(decided.period, today.plus_days(-1));
        let written = app.store.cycle_decide(&decided, forgotten, &stamp).await?;
        Ok(written.map(|()| Response::ok(&CycleView::from(decided))))
    })
    .await
}
