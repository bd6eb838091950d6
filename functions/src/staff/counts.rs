//! `GET /api/v1/scanner/counts`: how many were admitted to a meal so far, how many scans were
//! refused, and who came last, at whatever counter; for the screens at the counters.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use thali_domain::accounts::identity::{Name, RollNo};
use thali_domain::days::MealDate;
use thali_domain::meals::meal_times::Sitting;
use thali_domain::mess::{Meal, Mess};
use thali_domain::owner::headcount::Tally;
use thali_domain::staff::latest::{Latest, LatestScan};
use thali_domain::staff::plates::Plate;
use thali_domain::staff::refusals::Refusal;
use thali_domain::staff::scan_ids::ScanId;
use thali_platform::app::App;
use thali_platform::handler;
use thali_platform::http::{
    Access, Caller, Endpoint, Problem, QueryParameter, Request, Response, schema,
};
use thali_platform::problems;
use utoipa::ToSchema;

use super::view::ScanResult;

pub static ENDPOINT: Endpoint =
    Endpoint::get("scan-counts", PATHS, Access::Staff, handler!(counts))
        .summary("Counts a meal's admissions and refusals so far, and shows its latest scans")
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

const PATHS: &[&str] = &["/api/v1/scanner/counts", "/api/v1/scanner/meal"];

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
    /// The latest scans at all counters, the one that arrived last first; at most 20.
    last: Vec<LastScan>,
}

/// One of the latest scans.
#[derive(Serialize, ToSchema)]
struct LastScan {
    scan_id: ScanId,
    /// The student, if the code was genuine.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    roll_no: Option<RollNo>,
    result: ScanResult,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Refusal>,
    #[schema(value_type = String, format = DateTime)]
    scanned_at: Timestamp,
    device: String,
    /// When the admission was undone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    undone_at: Option<Timestamp>,
}

impl From<LatestScan> for LastScan {
    fn from(latest: LatestScan) -> Self {
        let LatestScan { scan, refused, diner } = latest;
        let (name, roll_no) = diner.map(|diner| (diner.name, diner.roll_no)).unzip();
        Self {
            scan_id: scan.scan_id,
            name,
            roll_no: roll_no.flatten(),
            result: if refused.is_some() { ScanResult::Refused } else { ScanResult::Admitted },
            reason: refused,
            scanned_at: scan.scanned_at,
            device: scan.device,
            undone_at: scan.undone_at,
        }
    }
}

async fn counts(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let (date, meal) = (request.query(DATE)?, request.query(MEAL)?);
    let mess_id = caller.mess_id()?;
    let mess = app.store.mess_get(mess_id).await?.ok_or_else(problems::mess_not_found)?;
    let sitting = sitting(&mess, date, meal, app.clock.now())?;
    let Sitting { date, meal } = sitting;
    let (mut tally, mut latest) = (Tally::default(), Latest::default());
    let add = |plate: &Plate| {
        tally.add(plate);
        latest.add(plate);
    };
    app.store.plates_each(mess_id, sitting, add).await?;
    let Tally { admitted, refused } = tally;
    let last = latest.into_scans().into_iter().map(Into::into).collect();
    Ok(Response::ok(&ScanCounts { date, meal, admitted, refused, last }))
}

/// The requested sitting. A missing meal is the one being served now; a missing date is today.
fn sitting(
    mess: &Mess,
    date: Option<MealDate>,
    meal: Option<Meal>,
    now: Timestamp,
) -> Result<Sitting, Problem> {
    let served = Meal::ALL.into_iter().find(|meal| mess.sitting(*meal, now).1);
    let meal = meal
        .or(served)
        .ok_or_else(|| Problem::invalid_field(MEAL, "is missing, and no meal is being served"))?;
    let (today, _) = mess.sitting(meal, now);
    Ok(date.map_or(today, |date| Sitting { date, meal }))
}
