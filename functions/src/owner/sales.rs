//! `GET /api/v1/reports/sales`: the tokens that were sold, by day.

use serde::Serialize;
use thali_domain::days::MealDate;
use thali_domain::owner::sales::{DaySales, SALES_DAYS_MAX, by_day};
use thali_platform::app::App;
use thali_platform::handler;
use thali_platform::http::{
    Access, Caller, Endpoint, Problem, QueryParameter, Request, Response, schema,
};
use thali_platform::problems;
use utoipa::ToSchema;

use super::report_days::{self, FROM, TO};

pub static ENDPOINT: Endpoint =
    Endpoint::get("sales", &["/api/v1/reports/sales"], Access::Owner, handler!(sales))
        .summary("The tokens that were sold on each of some days")
        .query(&[
            QueryParameter { name: FROM, description: "The first day", schema: schema::<MealDate> },
            QueryParameter {
                name: TO,
                description: "The last day; at most 92 days with the first",
                schema: schema::<MealDate>,
            },
        ])
        .needs_query(&[FROM, TO])
        .answers(200, schema::<SalesReport>)
        .refuses(&["mess_not_found"]);

/// Sales of tokens.
#[derive(Serialize, ToSchema)]
struct SalesReport {
    /// Every day, also one without sales.
    days: Vec<DaySales>,
}

async fn sales(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let id = &caller.session()?.mess_id;
    request.only(&[FROM, TO])?;
    let days = report_days::requested(request, SALES_DAYS_MAX)?;
    let mess = app.store.mess_get(id).await?.ok_or_else(problems::mess_not_found)?;
    let (from, until) = (mess.day_begins(days.from), mess.day_begins(days.to.plus_days(1)));
    let sales = app.store.sales_between(id, from, until).await?;
    Ok(Response::ok(&SalesReport { days: by_day(&mess, days, &sales) }))
}
