//! Days and the meals on them, as cuts, closures and cycles name them: dates are the
//! mess's, first and last day included.

use std::collections::BTreeSet;

use jiff::civil::Date;
use jiff::{SignedDuration, Unit};
use serde::{Deserialize, Serialize};

use crate::Unacceptable;
use crate::mess::Meal;
use crate::text::plain_schema;

/// A date of the mess's calendar, printed `2026-02-28`: years 2000 to 2199.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MealDate(Date);

plain_schema!(
    MealDate: String,
    pattern = "^2[01][0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$",
);

impl MealDate {
    /// Parses `YYYY-MM-DD`.
    pub fn parse(text: &str) -> Result<Self, Unacceptable> {
        let refused = || Unacceptable::new("must be a date such as 2026-02-28");
        let date = Date::strptime("%Y-%m-%d", text).map_err(|_| refused())?;
        // strptime bears spaces and missing zeros; one date has one spelling here.
        let accepted = (2000..2200).contains(&date.year()) && date.to_string() == text;
        if accepted { Ok(Self(date)) } else { Err(refused()) }
    }

    /// The date.
    #[must_use]
    pub const fn civil(self) -> Date {
        self.0
    }

    /// The date so many days later; earlier where `days` is negative.
    #[must_use]
    pub fn plus_days(self, days: i32) -> Self {
        Self(self.0.saturating_add(SignedDuration::from_hours(24 * i64::from(days))))
    }

    /// How many days later `self` is than `earlier`; negative where it is before.
    #[must_use]
    pub fn days_since(self, earlier: Self) -> i32 {
        let span = self.0.since((Unit::Day, earlier.0)).expect("a span of days fits");
        span.get_days()
    }
}

impl From<Date> for MealDate {
    fn from(date: Date) -> Self {
        Self(date)
    }
}

impl std::fmt::Display for MealDate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::str::FromStr for MealDate {
    type Err = Unacceptable;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl TryFrom<String> for MealDate {
    type Error = Unacceptable;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<MealDate> for String {
    fn from(date: MealDate) -> Self {
        date.to_string()
    }
}

/// Some days in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Period {
    /// The first day.
    pub from: MealDate,
    /// The last day.
    pub to: MealDate,
}

/// Why two dates are no period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PeriodRefusal {
    /// The last day is before the first.
    #[error("must not be before the first day")]
    Backwards,
    /// There are more days than are taken.
    #[error("must be at most {max} days, both included")]
    TooLong {
        /// How many are taken.
        max: i32,
    },
}

impl Period {
    /// The days from `from` to `to`, at most `days_max` of them.
    pub fn new(from: MealDate, to: MealDate, days_max: i32) -> Result<Self, PeriodRefusal> {
        let period = Self { from, to };
        match period.days() {
            ..=0 => Err(PeriodRefusal::Backwards),
            days if days > days_max => Err(PeriodRefusal::TooLong { max: days_max }),
            _ => Ok(period),
        }
    }

    /// How many days there are.
    #[must_use]
    pub fn days(self) -> i32 {
        self.to.days_since(self.from) + 1
    }

    /// Whether a day is one of these.
    #[must_use]
    pub fn contains(self, date: MealDate) -> bool {
        (self.from..=self.to).contains(&date)
    }

    /// Whether both have a day in common.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        self.from <= other.to && other.from <= self.to
    }

    /// Each of the days, the first one first.
    pub fn dates(self) -> impl Iterator<Item = MealDate> {
        (0..self.days()).map(move |day| self.from.plus_days(day))
    }
}

/// Some of a day's meals, in their order: at least one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Meal>", into = "Vec<Meal>")]
pub struct Meals(BTreeSet<Meal>);

impl Meals {
    /// All three.
    #[must_use]
    pub fn all() -> Self {
        Self(BTreeSet::from(Meal::ALL))
    }

    /// Whether a meal is one of these.
    #[must_use]
    pub fn contains(&self, meal: Meal) -> bool {
        self.0.contains(&meal)
    }

    /// Whether both have a meal in common.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        !self.0.is_disjoint(&other.0)
    }

    /// The meals, in the order of the day.
    pub fn iter(&self) -> impl Iterator<Item = Meal> {
        self.0.iter().copied()
    }
}

impl Default for Meals {
    fn default() -> Self {
        Self::all()
    }
}

impl TryFrom<Vec<Meal>> for Meals {
    type Error = Unacceptable;

    fn try_from(meals: Vec<Meal>) -> Result<Self, Self::Error> {
        let refused = || Unacceptable::new("must name one to three meals, each once");
        let count = meals.len();
        let meals = BTreeSet::from_iter(meals);
        if meals.is_empty() || meals.len() != count { Err(refused()) } else { Ok(Self(meals)) }
    }
}

impl From<Meals> for Vec<Meal> {
    fn from(meals: Meals) -> Self {
        meals.0.into_iter().collect()
    }
}

impl utoipa::PartialSchema for Meals {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        let array = utoipa::openapi::ArrayBuilder::new().items(Meal::schema());
        array.min_items(Some(1)).max_items(Some(3)).unique_items(true).into()
    }
}

impl utoipa::ToSchema for Meals {}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> MealDate {
        MealDate::parse(text).expect("a date")
    }

    #[test]
    fn a_date_has_one_spelling() {
        assert_eq!(date("2028-02-29").to_string(), "2028-02-29");
        for refused in
            ["2026-02-29", "2026-2-01", " 2026-02-01", "26-02-01", "1999-12-31", "2200-01-01", ""]
        {
            assert!(MealDate::parse(refused).is_err(), "{refused:?}");
        }
    }

    #[test]
    fn a_period_counts_both_ends_over_months_and_leap_days() {
        let days = |from, to| Period::new(date(from), date(to), 400).map(Period::days);
        assert_eq!(days("2026-02-28", "2026-03-01"), Ok(2));
        assert_eq!(days("2028-02-28", "2028-03-01"), Ok(3));
        assert_eq!(days("2026-12-31", "2026-12-31"), Ok(1));
        assert_eq!(days("2026-12-31", "2026-12-30"), Err(PeriodRefusal::Backwards));
        let long = Period::new(date("2026-01-01"), date("2026-02-01"), 31);
        assert_eq!(long, Err(PeriodRefusal::TooLong { max: 31 }));
        let leap = Period::new(date("2028-02-28"), date("2028-03-01"), 3).expect("fits");
        let dates: Vec<String> = leap.dates().map(|date| date.to_string()).collect();
        assert_eq!(dates, ["2028-02-28", "2028-02-29", "2028-03-01"]);
    }

    #[test]
    fn periods_that_touch_overlap_only_where_they_share_a_day() {
        let period = |from, to| Period { from: date(from), to: date(to) };
        let january = period("2026-01-01", "2026-01-31");
        assert!(january.overlaps(period("2026-01-31", "2026-02-10")));
        assert!(!january.overlaps(period("2026-02-01", "2026-02-10")));
        assert!(january.contains(date("2026-01-31")) && !january.contains(date("2026-02-01")));
    }

    #[test]
    fn meals_are_named_once_each() {
        let meals = |json: &str| serde_json::from_str::<Meals>(json);
        assert_eq!(
            serde_json::to_string(&meals(r#"["DINNER","LUNCH"]"#).expect("two")).expect("json"),
            r#"["LUNCH","DINNER"]"#
        );
        for refused in ["[]", r#"["LUNCH","LUNCH"]"#, r#"["BRUNCH"]"#] {
            assert!(meals(refused).is_err(), "{refused}");
        }
    }
}
