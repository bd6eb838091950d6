//! `GET /api/v1/scanner/counts`: how many were admitted to a meal so far, and how many scans
//! were refused, for the screen at the counter.

use std::collections::BTreeMap;

use serde::Serialize;
use thali_domain::days::MealDate;
use thali_domain::meals::meal_times::Sitting;
use thali_domain::mess::{Meal, Mess};
use thali_domain::owner::headcount::Tally;
use thali_domain::staff::refusals::Refusal;
use thali_platform::app::App;
use thali_platform::handler;
use thali_platform::http::{
    Access, Caller, Endpoint, Problem, QueryParameter, Request, Response, schema,
};
use thali_platform::problems;
use utoipa::ToSchema;

pub static ENDPOINT: Endpoint =
    Endpoint::get("scan-counts", &["/api/v1/scanner/counts"], Access::Staff, handler!(counts))
        .summary("Counts a meal's admissions and refusals so far")
        .query(&[
            QueryParameter {
                name: DATE,
                description: "The day on which the meal's window opens; today without it",
                schema: schema::<MealDate>,
            },
            QueryParameter {
                name: MEAL,
                description: "The meal; without it the one that is being served",
                schema: schema::<Meal>,
            },
        ])
        .answers(200, schema::<ScanCounts>)
        .refuses(&["mess_not_found"]);

const DATE: &str = "date";
const MEAL: &str = "meal";

/// What became of a meal's scans.
#[derive(Serialize, ToSchema)]
struct ScanCounts {
    date: MealDate,
    meal: Meal,
    /// Number of students admitted, without undone admissions.
    admitted: u32,
    /// How many scans were refused, by their reason.
    refused: BTreeMap<Refusal, u32>,
}

async fn counts(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let (date, meal) = (request.query(DATE)?, request.query(MEAL)?);
    let mess_id = caller.mess_id()?;
    let mess = app.store.mess_get(mess_id).await?.ok_or_else(problems::mess_not_found)?;
    let sitting = sitting(&mess, date, meal, app.clock.now())?;
    let Sitting { date, meal } = sitting;
    let Tally { admitted, refused } = app.store.plates_tally(mess_id, sitting).await?;
    Ok(Response::ok(&ScanCounts { date, meal, admitted, refused }))
}

/// The requested sitting. A missing meal is the one being served now; a missing date is today.
fn sitting(
    mess: &Mess,
    date: Option<MealDate>,
    meal: Option<Meal>,
    now: jiff::Timestamp,
) -> Result<Sitting, Problem> {
    let served = Meal::ALL.into_iter().find(|meal| mess.sitting(*meal, now).1);
    let meal = meal
        .or(served)
        .ok_or_else(|| Problem::invalid_field(MEAL, "is missing, and no meal is being served"))?;
    let (today, _) = mess.sitting(meal, now);
    Ok(date.map_or(today, |date| Sitting { date, meal }))
}
