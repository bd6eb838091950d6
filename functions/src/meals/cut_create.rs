//! `POST /api/v1/mess-cuts`: a student cuts meals, which means not to eat them here. One
//! transaction stores the cut's record and adds the cut to the member item that scans read. It
//! fails if the student's cuts changed since they were read. Replays of one `Idempotency-Key`
//! return the first outcome.

use futures_util::try_join;
use jiff::Timestamp;
use serde::Serialize;
use thali_domain::days::{MealDate, Meals};
use thali_domain::ids::CutId;
use thali_domain::meals::cuts::{self, CUT_DAYS_MAX};
use thali_domain::meals::entitlement::OpenCut;
use thali_platform::app::App;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Problem, Request, Response, Session, schema};
use thali_platform::problems;
use thali_platform::store::{CutRecord, IdempotencyKey, Operation, Stamp};
use utoipa::ToSchema;

use super::requested_days::{fingerprint, period};
use crate::repeats::{commit_once, first_outcome, id_time};

pub static ENDPOINT: Endpoint =
    Endpoint::post("cut-create", &["/api/v1/mess-cuts"], Access::Student, handler!(create))
        .summary("Cuts meals of some days, until the mess's cutoff on the day before the first day")
        .takes(schema::<CutMeals>)
        .answers(201, schema::<CutView>)
        .refuses(&[
            "cutoff_passed",
            "cut_overlap",
            "too_many_cuts",
            "student_not_found",
            "mess_not_found",
        ])
        .replays();

#[derive(eserde::Deserialize, ToSchema)]
struct CutMeals {
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
}

/// A cut.
#[derive(Serialize, ToSchema)]
#[schema(as = Cut)]
struct CutView {
    cut_id: CutId,
    from: MealDate,
    to: MealDate,
    meals: Meals,
}

async fn create(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let session = caller.session()?;
    let CutMeals { from, to, meals } = request.json()?;
    let (period, meals) = (period(from, to, CUT_DAYS_MAX)?, meals.unwrap_or_default());
    let key = request.idempotency_key(&fingerprint(period, &meals))?;
    let cut = OpenCut { period, meals: meals.clone() };
    let new = NewCut { session, cut, key, stamp: caller.stamp(app, request) };
    let (cut_id, replayed) = commit(app, &new).await?;
    Ok(Response::created(&CutView { cut_id, from, to, meals }).replayed_if(replayed))
}

/// A cut that a student requests.
struct NewCut<'a> {
    session: &'a Session,
    cut: OpenCut,
    key: Option<IdempotencyKey>,
    stamp: Stamp,
}

/// Decides and writes; reads and decides again if the student's cuts changed at the same time.
/// The response holds only the request's values and the id, so a replay needs only the id.
async fn commit(app: &App, new: &NewCut<'_>) -> Result<(CutId, bool), Problem> {
    let NewCut { session, cut, key, stamp } = new;
    let (account, mess, key) = (session.account_id, &session.mess_id, key.as_ref());
    let store = &app.store;
    commit_once(
        // A replay returns the first cut even if it was cancelled since.
        || first_outcome(app, account, Operation::CutMeals, key),
        |_| {
            let member = Box::pin(store.member_ensured(mess, account, stamp));
            async { try_join!(store.mess_get(mess), member) }
        },
        |attempt, (mess, member)| async move {
            let mess = mess.ok_or_else(problems::mess_not_found)?;
            let member = member.ok_or_else(problems::student_not_found)?;
            let over = cuts::apply(&mess, &member.cuts, cut, stamp.at)?;
            let cut = record(new, id_time(stamp.at, attempt));
            let recorded = store.cut_create(&cut, member.version, &over, key, stamp).await?;
            Ok(recorded.map(|()| cut.cut_id))
        },
    )
    .await
}

fn record(new: &NewCut<'_>, id_time: Timestamp) -> CutRecord {
    let NewCut { session, cut, stamp, .. } = new;
    CutRecord {
        cut_id: CutId::of(session.account_id, id_time),
        account_id: session.account_id,
        mess_id: session.mess_id.clone(),
        from: cut.period.from,
        to: cut.period.to,
        meals: cut.meals.clone(),
        created_at: stamp.at,
    }
}
