//! `POST /api/v1/closures`: an owner closes the mess. One transaction stores the closure's record
//! and adds the closure to the mess's item, which scans read, so it holds from the next scan on.
//! The students' mails are derived from the record. Replays of one `Idempotency-Key` return the
//! first outcome.

use thali_domain::days::{MealDate, Meals, Period};
use thali_domain::ids::ClosureId;
use thali_domain::meals::closures::{self, CLOSURE_DAYS_MAX};
use thali_domain::reason::Reason;
use thali_domain::staff::gate::OpenClosure;
use thali_domain::text::Typed;
use thali_platform::app::App;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Problem, Request, Response, Session, schema};
use thali_platform::problems;
use thali_platform::store::{ClosureRecord, Consistency, IdempotencyKey, Operation, Stamp};
use utoipa::ToSchema;

use crate::repeats::{commit_once, first_outcome};

use super::closure_view::ClosureView;
use super::requested_days::{fingerprint, period};

pub static ENDPOINT: Endpoint =
    Endpoint::post("closure-create", &["/api/v1/closures"], Access::Owner, handler!(create))
        .summary("Closes the mess for some days or meals, from the next scan on")
        .takes(schema::<CloseMess>)
        .answers(201, schema::<ClosureView>)
        .refuses(&["too_many_closures", "mess_not_found"])
        .replays();

#[derive(eserde::Deserialize, ToSchema)]
struct CloseMess {
    /// The first day.
    #[eserde(compat)]
    from: MealDate,
    /// The last day.
    #[eserde(compat)]
    to: MealDate,
    /// The meals on each of these days; all meals if left out.
    #[serde(default)]
    #[eserde(compat)]
    meals: Option<Meals>,
    /// The reason, which is mailed to the students.
    #[eserde(compat)]
    #[schema(value_type = Reason)]
    reason: Typed<Reason>,
}

async fn create(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let session = caller.session()?;
    let CloseMess { from, to, meals, reason: Typed(reason) } = request.json()?;
    let (period, meals) = (period(from, to, CLOSURE_DAYS_MAX)?, meals.unwrap_or_default());
    let key = request.idempotency_key(&format!("{} {reason}", fingerprint(period, &meals)))?;
    let closure = OpenClosure { period, meals };
    let new = NewClosure { session, closure, reason, key, stamp: caller.stamp(app, request) };
    let (closure_id, replayed) = commit(app, &new).await?;
    let view = ClosureView::from(record(&new, closure_id));
    Ok(Response::created(&view).replayed_if(replayed))
}

/// A closure that an owner requests.
struct NewClosure<'a> {
    session: &'a Session,
    closure: OpenClosure,
    reason: Reason,
    key: Option<IdempotencyKey>,
    stamp: Stamp,
}

/// Decides and writes; reads and decides again if the mess's closures changed at the same time.
async fn commit(app: &App, new: &NewClosure<'_>) -> Result<(ClosureId, bool), Problem> {
    let NewClosure { session, closure, key, stamp, .. } = new;
    let (owner, mess, key) = (session.account_id, &session.mess_id, key.as_ref());
    commit_once(
        // A replay returns the first closure even if it was deleted since.
        || first_outcome(app, owner, Operation::CloseMess, key),
        |_| app.store.gate_get(mess, Consistency::Strong),
        |_, gate| async move {
            let gate = gate.ok_or_else(problems::mess_not_found)?;
            let over = closures::close(&gate.mess, &gate.closures, closure, stamp.at)?;
            let closure = record(new, ClosureId::from_ulid(app.clock.ulid()));
            let store = &app.store;
            let recorded = store.closure_create(&closure, &gate, &over, owner, key, stamp).await?;
            Ok(recorded.map(|()| closure.closure_id))
        },
    )
    .await
}

/// The closure as the request describes it: the same for each replay, even if the closure was
/// deleted since.
fn record(new: &NewClosure<'_>, closure_id: ClosureId) -> ClosureRecord {
    let NewClosure { session, closure, reason, .. } = new;
    let OpenClosure { period: Period { from, to }, meals } = closure.clone();
    ClosureRecord {
        closure_id,
        mess_id: session.mess_id.clone(),
        from,
        to,
        meals,
        reason: reason.clone(),
        created_at: closure_id.made_at(),
    }
}
