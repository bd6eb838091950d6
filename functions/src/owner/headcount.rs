//! `GET /api/v1/reports/headcount`: for each meal of a day, how many students are expected and
//! how many came, and the same for the day before.

use std::collections::BTreeMap;

use serde::Serialize;
use thali_domain::days::MealDate;
use thali_domain::meals::entitlement::Entitlement;
use thali_domain::mess::Meal;
use thali_domain::owner::headcount::{
    DAYS_AHEAD_MAX, DAYS_BACK_MAX, Expected, Tally, expected, hours_served, is_counted,
    tokens_served,
};
use thali_domain::owner::notifications::News;
use thali_domain::staff::gate::Gate;
use thali_platform::app::App;
use thali_platform::handler;
use thali_platform::http::{
    Access, Caller, Endpoint, Problem, QueryParameter, Request, Response, schema,
};
use thali_platform::problems;
use thali_platform::store::{Consistency, Member, StoreError};
use utoipa::ToSchema;

pub static ENDPOINT: Endpoint =
    Endpoint::get("headcount", &["/api/v1/reports/headcount"], Access::Owner, handler!(headcount))
        .summary("How many to cook for on a day, how many came, and the same for the day before")
        .query(&[QueryParameter {
            name: DATE,
            description: "The day: from a week ago to a year ahead; today where it is left out",
            schema: schema::<MealDate>,
        }])
        .answers(200, schema::<Headcount>)
        .refuses(&["mess_not_found"]);

const DATE: &str = "date";

/// A day, and the one before.
#[derive(Serialize, ToSchema)]
struct Headcount {
    date: MealDate,
    meals: BTreeMap<Meal, MealCount>,
    yesterday: Yesterday,
}

/// A meal.
#[derive(Serialize, ToSchema)]
struct MealCount {
    #[serde(flatten)]
    expected: Expected,
    #[serde(flatten)]
    tally: Tally,
    /// Tokens that were redeemed while the meal was served.
    tokens_submitted: u32,
}

/// The day before.
#[derive(Serialize, ToSchema)]
struct Yesterday {
    date: MealDate,
    meals: BTreeMap<Meal, MealBefore>,
}

/// A meal of the day before.
#[derive(Serialize, ToSchema)]
struct MealBefore {
    /// Number of students to cook for, according to the data of now.
    expected: u32,
    #[serde(flatten)]
    tally: Tally,
    /// Admitted minus expected students; negative if fewer came than expected.
    variance: i64,
}

async fn headcount(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let mess = &caller.session()?.mess_id;
    request.only(&[DATE])?;
    let date: Option<MealDate> = request.query(DATE)?;
    let gate = app.store.gate_get(mess, Consistency::Strong).await?;
    let gate = gate.ok_or_else(problems::mess_not_found)?;
    let today = gate.mess.date_at(app.clock.now());
    let date = date.unwrap_or(today);
    if !is_counted(date, today) {
        let accepted = format!(
            "must be from {} to {}",
            today.plus_days(-DAYS_BACK_MAX),
            today.plus_days(DAYS_AHEAD_MAX)
        );
        return Err(Problem::invalid_field(DATE, accepted));
    }
    let before = date.plus_days(-1);
    let (students, tallies, tallies_before, tokens) = futures_util::try_join!(
        app.store.members_all(mess),
        app.store.day_tallies(mess, date),
        app.store.day_tallies(mess, before),
        tokens_submitted(app, &gate, date),
    )?;
    let students: Vec<Entitlement> = students.iter().map(Member::entitlement).collect();
    let meals = meals(expected(&gate, &students, date), tallies, &tokens);
    let yesterday = meals_before(expected(&gate, &students, before), tallies_before);
    let yesterday = Yesterday { date: before, meals: yesterday };
    Ok(Response::ok(&Headcount { date, meals, yesterday }))
}

/// How many tokens were redeemed at each of a day's meals, counted from the owners'
/// notifications: submissions are stored by student, and only their notifications by mess.
async fn tokens_submitted(
    app: &App,
    gate: &Gate,
    date: MealDate,
) -> Result<BTreeMap<Meal, u32>, StoreError> {
    let mess = &gate.mess;
    let told = match hours_served(mess, date) {
        Some((from, until)) => app.store.notifications_between(&mess.mess_id, from, until).await?,
        None => Vec::new(),
    };
    let submissions = told.iter().filter_map(|notification| match notification.news {
        News::TokensSubmitted { count, .. } => Some((notification.at, count)),
        _ => None,
    });
    Ok(tokens_served(mess, date, submissions))
}

fn meals(
    expected: BTreeMap<Meal, Expected>,
    mut tallies: BTreeMap<Meal, Tally>,
    tokens: &BTreeMap<Meal, u32>,
) -> BTreeMap<Meal, MealCount> {
    let counted = |(meal, expected)| {
        let tally = tallies.remove(&meal).unwrap_or_default();
        (meal, MealCount { expected, tally, tokens_submitted: tokens[&meal] })
    };
    expected.into_iter().map(counted).collect()
}

fn meals_before(
    expected: BTreeMap<Meal, Expected>,
    mut tallies: BTreeMap<Meal, Tally>,
) -> BTreeMap<Meal, MealBefore> {
    let counted = |(meal, Expected { expected, .. })| {
        let tally = tallies.remove(&meal).unwrap_or_default();
        let variance = i64::from(tally.admitted) - i64::from(expected);
        (meal, MealBefore { expected, tally, variance })
    };
    expected.into_iter().map(counted).collect()
}
