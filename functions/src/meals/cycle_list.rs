//! `GET /api/v1/payments`: the payments of cycles. An owner sees those of the mess, oldest first,
//! because the student who has waited longest is next. A student sees their own, newest first.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;
use thali_domain::accounts::identity::Role;
use thali_domain::ids::CycleId;
use thali_domain::meals::cycles::{Cycle, CycleStatus};
use thali_platform::app::App;
use thali_platform::config::Part;
use thali_platform::handler;
use thali_platform::http::{
    Access, Caller, Endpoint, Page, Problem, QueryParameter, Request, Response, Session, schema,
};

use super::cycle_view::CycleView;

pub static ENDPOINT: Endpoint =
    Endpoint::get("cycle-list", &["/api/v1/payments"], Access::StudentOrOwner, handler!(list))
        .needs(&[Part::Blobs])
        .summary("Lists payments of cycles: the mess's, oldest first, or a student's own")
        .query(&[QueryParameter {
            name: STATUS,
            description: "Only payments with this status",
            schema: schema::<CycleStatus>,
        }])
        .answers_page(schema::<CycleView>);

const STATUS: &str = "status";

async fn list(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let session = caller.session()?;
    let page = request.page_with(&[STATUS])?;
    let status = request.query(STATUS)?;
    let (cycles, next) = match session.role {
        Role::Owner => of_mess(app, session, &page, status).await?,
        Role::Student => own(app, session, &page, status).await?,
        // Unreachable: the endpoint's access admits no staff.
        Role::Staff => return Err(Problem::wrong_role()),
    };
    let views = cycles.into_iter().map(|cycle| CycleView::signed(app, cycle));
    Ok(Response::page(&try_join_all(views).await?, next))
}

/// Cycles, and the cursor of the next page.
type Found = (Vec<Cycle>, Option<String>);

async fn of_mess(
    app: &App,
    session: &Session,
    page: &Page,
    status: Option<CycleStatus>,
) -> Result<Found, Problem> {
    let (after, reach) = (page.after_id()?, page.reach());
    let statuses = status.map_or(CycleStatus::ALL.to_vec(), |status| vec![status]);
    let read = |status| app.store.cycles_page(&session.mess_id, status, after, reach);
    let found = try_join_all(statuses.into_iter().map(read)).await?;
    // Keyed by id: a cycle that is decided between the reads is found under both its old and
    // its new status.
    let cycles: BTreeMap<CycleId, Cycle> =
        found.into_iter().flatten().map(|cycle| (cycle.cycle_id, cycle)).collect();
    Ok(page.cut(cycles.into_values().collect(), |cycle| cycle.cycle_id.to_string()))
}

async fn own(
    app: &App,
    session: &Session,
    page: &Page,
    status: Option<CycleStatus>,
) -> Result<Found, Problem> {
    let own = |cycle: &CycleId| cycle.account_part() == session.account_id.account_part();
    let before = page.after_id_where(own)?;
    let (mess, account) = (&session.mess_id, session.account_id);
    let cycles = app.store.cycles_of_page(mess, account, status, before, page.reach()).await?;
    Ok(page.cut_in_order(cycles, |cycle| cycle.cycle_id.to_string()))
}
