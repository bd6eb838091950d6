//! `GET /api/v1/students`: the students of the owner's mess, in the order of their registration.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;
use thali_domain::accounts::identity::AccountStatus;
use thali_platform::app::App;
use thali_platform::handler;
use thali_platform::http::{
    Access, Caller, Endpoint, Problem, QueryParameter, Request, Response, schema,
};

use crate::accounts::view::AccountView;

pub static ENDPOINT: Endpoint =
    Endpoint::get("student-list", &["/api/v1/students"], Access::Owner, handler!(list))
        .summary("Lists the mess's students, oldest first")
        .query(&[QueryParameter {
            name: STATUS,
            description: "Only students with this status",
            schema: schema::<AccountStatus>,
        }])
        .answers_page(schema::<AccountView>);

const STATUS: &str = "status";

async fn list(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let mess = &caller.session()?.mess_id;
    let page = request.page_with(&[STATUS])?;
    let (after, reach) = (page.after_id()?, page.reach());
    let statuses = match request.query(STATUS)? {
        Some(status) => vec![status],
        None => {
            AccountStatus::ALL.iter().copied().filter(|it| *it != AccountStatus::Deleted).collect()
        }
    };
    let read = |status| app.store.students_page(mess, status, after, reach);
    let found = try_join_all(statuses.into_iter().map(read)).await?;
    // Keyed by id: a student whose status changes between the reads is found under both the old
    // and the new status.
    let students: BTreeMap<_, _> =
        found.into_iter().flatten().map(|student| (student.account_id, student)).collect();
    let (students, next) =
        page.cut(students.into_values().collect(), |student| student.account_id.to_string());
    let views: Vec<AccountView> = students.into_iter().map(Into::into).collect();
    Ok(Response::page(&views, next))
}
