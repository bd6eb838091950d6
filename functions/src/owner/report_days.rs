//! The days that a report is about: the query parameters `from` and `to`.

use thali_domain::days::{MealDate, Period};
use thali_platform::http::{Problem, Request};

pub(super) const FROM: &str = "from";
pub(super) const TO: &str = "to";

/// The requested days, at most `days_max` of them. The problem lists all errors in them together.
pub(super) fn requested(request: &Request, days_max: i32) -> Result<Period, Problem> {
    let day = |name| {
        let day: Option<MealDate> = request.query(name)?;
        day.ok_or_else(|| Problem::invalid_field(name, "is missing"))
    };
    let (from, to) = match (day(FROM), day(TO)) {
        (Ok(from), Ok(to)) => (from, to),
        (Err(mut one), Err(other)) => {
            one.errors.extend(other.errors);
            return Err(one);
        }
        (Err(one), _) | (_, Err(one)) => return Err(one),
    };
    Period::new(from, to, days_max).map_err(|refusal| Problem::invalid_field(TO, refusal))
}
