//! The days and meals that a request for a cut or a closure names.

use thali_domain::days::{MealDate, Meals, Period};
use thali_domain::mess::Meal;
use thali_platform::http::Problem;

/// The requested days, at most `days_max` of them.
pub fn period(from: MealDate, to: MealDate, days_max: i32) -> Result<Period, Problem> {
    Period::new(from, to, days_max).map_err(|refusal| Problem::invalid_field("to", refusal))
}

/// A text that identifies the days and meals, by which an idempotency key detects another body.
#[must_use]
pub fn fingerprint(period: Period, meals: &Meals) -> String {
    let meals: Vec<&str> = meals.iter().map(Meal::as_str).collect();
    format!("{} {} {}", period.from, period.to, meals.join(","))
}
