//! `GET /api/v1/mess-cuts`: the student's cuts, newest first.

use futures_util::try_join;
use jiff::Timestamp;
use serde::Serialize;
use thali_domain::days::{MealDate, Meals};
use thali_domain::ids::CutId;
use thali_domain::meals::cuts::changeable_until;
use thali_domain::mess::Mess;
use thali_platform::app::App;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Problem, Request, Response, schema};
use thali_platform::problems;
use thali_platform::store::CutRecord;
use utoipa::ToSchema;

pub static ENDPOINT: Endpoint =
    Endpoint::get("cut-list", &["/api/v1/mess-cuts"], Access::Student, handler!(list))
        .summary("The student's cuts, newest first")
        .answers_page(schema::<ListedCut>)
        .refuses(&["mess_not_found"]);

/// A cut, and whether it can still be cancelled.
#[derive(Serialize, ToSchema)]
struct ListedCut {
    cut_id: CutId,
    from: MealDate,
    to: MealDate,
    meals: Meals,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Exclusive deadline for cancelling the cut; absent if the deadline has passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    cancellable_until: Option<Timestamp>,
}

impl ListedCut {
    fn of(cut: CutRecord, mess: &Mess, now: Timestamp) -> Self {
        let cancellable_until = changeable_until(mess, cut.from, now).ok();
        let CutRecord { cut_id, from, to, meals, created_at, .. } = cut;
        Self { cut_id, from, to, meals, created_at, cancellable_until }
    }
}

async fn list(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let session = caller.session()?;
    let page = request.page()?;
    let own = |cut: &CutId| cut.account_part() == session.account_id.account_part();
    let before = page.after_id_where(own)?;
    let (mess, account) = (&session.mess_id, session.account_id);
    let cuts = app.store.cuts_page(mess, account, before, page.reach());
    let (mess, cuts) = try_join!(app.store.mess_get(mess), cuts)?;
    let mess = mess.ok_or_else(problems::mess_not_found)?;
    let (cuts, next) = page.cut_in_order(cuts, |cut| cut.cut_id.to_string());
    let now = app.clock.now();
    let views: Vec<ListedCut> =
        cuts.into_iter().map(|cut| ListedCut::of(cut, &mess, now)).collect();
    Ok(Response::page(&views, next))
}
