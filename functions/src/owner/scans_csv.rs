//! `GET /api/v1/reports/scans.csv`: every scan of some days, one per row, in RFC 4180 format. A
//! page holds whole plates, and its `Link` header names the next page. The pages in sequence are
//! the file.

use std::str::FromStr;

use http::header::CONTENT_DISPOSITION;
use thali_domain::days::{MealDate, Period};
use thali_domain::ids::MessId;
use thali_platform::app::App;
use thali_platform::handler;
use thali_platform::http::{
    Access, CURSOR, Caller, Endpoint, Page, Problem, QueryParameter, Request, Response, Schemas,
    schema,
};
use thali_platform::problems;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};

use super::report_days::{self, FROM, TO};
use super::scans_page::{Place, Table};

pub static ENDPOINT: Endpoint =
    Endpoint::get("scans-csv", &[PATH], Access::Owner, handler!(scans_csv))
        .summary("Every scan of some days as CSV; the header Link leads to the next page")
        .query(&[
            QueryParameter { name: FROM, description: "The first day", schema: schema::<MealDate> },
            QueryParameter {
                name: TO,
                description: "The last day, at most a year after the first",
                schema: schema::<MealDate>,
            },
            QueryParameter {
                name: CURSOR,
                description: "Where to go on, from the header Link of the page before",
                schema: text,
            },
        ])
        .needs_query(&[FROM, TO])
        .answers_file(&[CONTENT_TYPE])
        .refuses(&["mess_not_found"]);

const PATH: &str = "/api/v1/reports/scans.csv";

const CONTENT_TYPE: &str = "text/csv; charset=utf-8";

/// The maximum number of days in one file.
const DAYS_MAX: i32 = 366;

/// How many partitions a page reads, one per meal; they take some tenths of a second. A page
/// that has found little by then is short, or empty, and still names the next page.
const PARTITIONS_MAX: usize = 90;

fn text(_: &mut Schemas) -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::String).into()
}

async fn scans_csv(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let id = &caller.session()?.mess_id;
    request.only(&[FROM, TO, CURSOR])?;
    let days = report_days::requested(request, DAYS_MAX)?;
    let start = start(request, days)?;
    let mess = app.store.mess_get(id).await?.ok_or_else(problems::mess_not_found)?;
    let mut table = Table::new(mess.zone(), start.is_none());
    let start = start.unwrap_or_else(|| Place::beginning(days.from));
    let next = fill(app, id, days, start, &mut table).await?;
    let file = Response::file(CONTENT_TYPE, table.into_text());
    let file = file.with_header(CONTENT_DISPOSITION, "attachment; filename=\"scans.csv\"");
    Ok(match next {
        Some(next) => file.linking_next(&address(days, &next)),
        None => file,
    })
}

/// Where the page begins, according to the cursor; `None` without one.
fn start(request: &Request, days: Period) -> Result<Option<Place>, Problem> {
    let Some(cursor) = request.cursor()? else { return Ok(None) };
    let place = Place::from_str(&cursor).ok().filter(|place| days.contains(place.sitting.date));
    let refused = || Problem::invalid_field(CURSOR, "is not one that this file has answered");
    place.map(Some).ok_or_else(refused)
}

/// Fills the table from `start` on, until it is full or [`PARTITIONS_MAX`] partitions were read.
/// Returns where the next page begins; `None` after the last day.
async fn fill(
    app: &App,
    mess: &MessId,
    days: Period,
    start: Place,
    table: &mut Table,
) -> Result<Option<Place>, Problem> {
    let mut place = start;
    for _ in 0..PARTITIONS_MAX {
        loop {
            let Place { sitting, after } = &place;
            let room = table.room();
            let page = app.store.plates_page(mess, *sitting, after.as_deref(), room).await?;
            page.plates.iter().for_each(|plate| table.add(plate));
            place.after = page.next;
            if place.after.is_none() {
                break;
            }
            if table.is_full() {
                return Ok(Some(place));
            }
        }
        place = place.next_meal();
        if !days.contains(place.sitting.date) {
            return Ok(None);
        }
        if table.is_full() {
            break;
        }
    }
    Ok(Some(place))
}

/// The address of the page that begins at `place`.
fn address(days: Period, place: &Place) -> String {
    let cursor = Page::cursor(&place.to_string());
    format!("{PATH}?{FROM}={}&{TO}={}&{CURSOR}={cursor}", days.from, days.to)
}
