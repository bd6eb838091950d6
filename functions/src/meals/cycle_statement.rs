//! `GET /api/v1/cycles/{payment_id}/statement`: what became of each meal of a cycle, as JSON or
//! CSV. Open to the cycle's student and to owners of the mess.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use futures_util::try_join;
use serde::Serialize;
use thali_domain::Unacceptable;
use thali_domain::accounts::identity::Role;
use thali_domain::days::{MealDate, Period};
use thali_domain::ids::CycleId;
use thali_domain::meals::cycles::{Cycle, CycleStatus};
use thali_domain::meals::entitlement::OpenCut;
use thali_domain::meals::meal_times::Sitting;
use thali_domain::meals::statement::{DayMarks, MealMark, Statement, sittings_until};
use thali_domain::mess::{Meal, Mess};
use thali_domain::spreadsheet::BYTE_ORDER_MARK;
use thali_domain::staff::gate::OpenClosure;
use thali_platform::app::App;
use thali_platform::handler;
use thali_platform::http::{
    Access, Caller, Endpoint, Problem, QueryParameter, Request, Response, Session, schema,
};
use thali_platform::problems;
use thali_platform::store::{ClosureRecord, CutRecord, StoreError};
use utoipa::ToSchema;

pub static ENDPOINT: Endpoint = Endpoint::get(
    "cycle-statement",
    &["/api/v1/cycles/{payment_id}/statement"],
    Access::StudentOrOwner,
    handler!(cycle_statement),
)
.summary("What became of each meal of a cycle")
.query(&[QueryParameter {
    name: FORMAT,
    description: "json, or csv for a table with a row for each day",
    schema: schema::<StatementFormat>,
}])
.answers_or_file(schema::<StatementView>, &[CSV])
.refuses(&["payment_not_found", "mess_not_found"]);

const FORMAT: &str = "format";

const CSV: &str = "text/csv";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum StatementFormat {
    Json,
    Csv,
}

impl std::str::FromStr for StatementFormat {
    type Err = Unacceptable;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "json" => Ok(Self::Json),
            "csv" => Ok(Self::Csv),
            _ => Err(Unacceptable("must be json or csv".to_owned())),
        }
    }
}

/// A cycle's statement.
#[derive(Serialize, ToSchema)]
#[schema(as = Statement)]
struct StatementView {
    #[serde(rename = "payment_id")]
    cycle_id: CycleId,
    cycle_start: MealDate,
    cycle_end: MealDate,
    status: CycleStatus,
    /// Number of days in the cycle.
    days: usize,
    meals_taken: MealsTaken,
    /// On how many days at least one meal was cut.
    cut_days: usize,
    /// Number of days on which each meal was either cut or closed, and at least one was cut.
    rebate_days: usize,
    /// How many meals were cut.
    cut_meals: usize,
    /// For how many meals the mess was closed.
    closed_meals: usize,
    by_day: Vec<DayView>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
struct MealsTaken {
    breakfast: usize,
    lunch: usize,
    dinner: usize,
    #[serde(rename = "total")]
    total: usize,
}

#[derive(Serialize, ToSchema)]
#[schema(as = StatementDay)]
struct DayView {
    date: MealDate,
    #[schema(value_type = MealMarks)]
    meals: BTreeMap<Meal, MealMark>,
}

/// What became of each of a day's meals.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it says in the API's description which meals there are")]
struct MealMarks {
    #[schema(rename = "BREAKFAST")]
    breakfast: MealMark,
    #[schema(rename = "LUNCH")]
    lunch: MealMark,
    #[schema(rename = "DINNER")]
    dinner: MealMark,
}

async fn cycle_statement(
    app: &App,
    caller: &Caller,
    request: &Request,
) -> Result<Response, Problem> {
    let session = caller.session()?;
    let format = request.query(FORMAT)?.unwrap_or_else(|| preferred(request));
    let id: CycleId = request.param("payment_id").ok_or_else(problems::payment_not_found)?;
    let cycle = app.store.cycle_get(&session.mess_id, id).await?;
    let cycle = cycle.filter(|cycle| may_see(session, cycle));
    let cycle = cycle.ok_or_else(problems::payment_not_found)?;
    let statement = statement(app, &cycle).await?;
    Ok(match format {
        StatementFormat::Json => Response::ok(&StatementView::of(&cycle, &statement)),
        StatementFormat::Csv => Response::file(CSV, table(&statement)),
    })
}

/// The format that the `Accept` header asks for, if the query names none.
fn preferred(request: &Request) -> StatementFormat {
    let csv = request.header("accept").is_some_and(|accept| accept.starts_with(CSV));
    if csv { StatementFormat::Csv } else { StatementFormat::Json }
}

fn may_see(session: &Session, cycle: &Cycle) -> bool {
    session.role == Role::Owner || cycle.account_id == session.account_id
}

async fn statement(app: &App, cycle: &Cycle) -> Result<Statement, Problem> {
    let (mess, account, now) = (&cycle.mess_id, cycle.account_id, app.clock.now());
    let (found, cuts, closures) = try_join!(
        app.store.mess_get(mess),
        app.store.cuts_of(mess, account),
        app.store.closures_all(mess),
    )?;
    let found = found.ok_or_else(problems::mess_not_found)?;
    let taken = taken(app, cycle, &found).await?;
    let cuts: Vec<OpenCut> = cuts.into_iter().map(cut).collect();
    let closures: Vec<OpenClosure> = closures.into_iter().map(closure).collect();
    Ok(Statement::of(&found, cycle.period, &taken, &cuts, &closures, now))
}

/// The sittings of the cycle at which the student was admitted.
async fn taken(app: &App, cycle: &Cycle, mess: &Mess) -> Result<BTreeSet<Sitting>, StoreError> {
    let sittings = sittings_until(cycle.period, mess.date_at(app.clock.now()));
    let plates = app.store.plates_of(&cycle.mess_id, cycle.account_id, sittings).await?;
    let admitted = plates.into_iter().filter(|plate| plate.admitted.is_some());
    Ok(admitted.map(|plate| plate.sitting).collect())
}

fn cut(record: CutRecord) -> OpenCut {
    let CutRecord { from, to, meals, .. } = record;
    OpenCut { period: Period { from, to }, meals }
}

fn closure(record: ClosureRecord) -> OpenClosure {
    let ClosureRecord { from, to, meals, .. } = record;
    OpenClosure { period: Period { from, to }, meals }
}

impl StatementView {
    fn of(cycle: &Cycle, statement: &Statement) -> Self {
        let view = |day: &DayMarks| DayView { date: day.date, meals: day.meals.clone() };
        Self {
            cycle_id: cycle.cycle_id,
            cycle_start: cycle.period.from,
            cycle_end: cycle.period.to,
            status: cycle.status,
            days: statement.days().len(),
            meals_taken: MealsTaken {
                breakfast: statement.taken(Meal::Breakfast),
                lunch: statement.taken(Meal::Lunch),
                dinner: statement.taken(Meal::Dinner),
                total: statement.count(MealMark::Taken),
            },
            cut_days: statement.cut_days(),
            rebate_days: statement.rebate_days(),
            cut_meals: statement.count(MealMark::Cut),
            closed_meals: statement.count(MealMark::Closed),
            by_day: statement.days().iter().map(view).collect(),
        }
    }
}

/// The statement as an RFC 4180 table: the byte order mark, a header, and a row for each day. It
/// contains no text that a user typed, so no spreadsheet can find a formula in it.
fn table(statement: &Statement) -> String {
    let names = Meal::ALL.map(|meal| meal.as_str().to_lowercase());
    let mut table = format!("{BYTE_ORDER_MARK}date,{}\r\n", names.join(","));
    for day in statement.days() {
        let marks: Vec<&str> = day.meals.values().map(|mark| mark.as_str()).collect();
        write!(table, "{},{}\r\n", day.date, marks.join(",")).expect("a String never fails");
    }
    table
}
