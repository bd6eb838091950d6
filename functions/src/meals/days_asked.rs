//! Days and meals as cuts and closures are asked for.

use thali_domain::days::{MealDate, Meals, Period};
use thali_domain::mess::Meal;
use thali_platform::http::Problem;

/// The days that were asked for, at most `days_max` of them.
pub fn period(from: MealDate, to: MealDate, days_max: i32) -> Result<Period, Problem> {
    Period::new(from, to, days_max).map_err(|refusal| Problem::invalid_field("to", refusal))
}

/// The same for the same days and meals, for telling requests from each other.
#[must_use]
pub fn fingerprint(period: Period, meals: &Meals) -> String {
    let meals: Vec<&str> = meals.iter().map(Meal::as_str).collect();
    format!("{} {} {}", period.from, period.to, meals.join(","))
}
