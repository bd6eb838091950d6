//! Dates, periods and meals, as cuts, closures and cycles use them. Dates are in the mess's
//! time zone. A period includes its first and its last day.

use std::collections::BTreeSet;

use jiff::civil::Date;
use jiff::{SignedDuration, Unit};
use serde::{Deserialize, Serialize};

use crate::Unacceptable;
use crate::mess::Meal;
use crate::text::plain_schema;

/// A date in the mess's time zone, printed as `2026-02-28`, in the years 2000 to 2199.
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
        // strptime also accepts spaces and missing zeros; only one spelling is valid here.
        let accepted = (2000..2200).contains(&date.year()) && date.to_string() == text;
        if accepted { Ok(Self(date)) } else { Err(refused()) }
    }

    #[must_use]
    pub const fn civil(self) -> Date {
        self.0
    }

    /// The date `days` days later, or earlier if `days` is negative.
    #[must_use]
    pub fn plus_days(self, days: i32) -> Self {
        Self(self.0.saturating_add(SignedDuration::from_hours(24 * i64::from(days))))
    }

    /// How many days `self` is after `earlier`; negative if `self` is before it.
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

/// Consecutive days, `from` and `to` included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Period {
    pub from: MealDate,
    pub to: MealDate,
}

/// Why two dates do not form a valid period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PeriodRefusal {
    #[error("must not be before the first day")]
    Backwards,
    #[error("must be at most {max} days, both included")]
    TooLong {
        /// The most days that are accepted.
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

    /// The number of days, both ends included.
    #[must_use]
    pub fn days(self) -> i32 {
        self.to.days_since(self.from) + 1
    }

    #[must_use]
    pub fn contains(self, date: MealDate) -> bool {
        (self.from..=self.to).contains(&date)
    }

    /// Whether the two periods share a day.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        self.from <= other.to && other.from <= self.to
    }

    /// The days of the period, first to last.
    pub fn dates(self) -> impl Iterator<Item = MealDate> {
        (0..self.days()).map(move |day| self.from.plus_days(day))
    }
}

/// At least one of a day's meals, each once, in the order of the day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Meal>", into = "Vec<Meal>")]
pub struct Meals(BTreeSet<Meal>);

impl Meals {
    #[must_use]
    pub fn all() -> Self {
        Self(BTreeSet::from(Meal::ALL))
    }

    #[must_use]
    pub fn contains(&self, meal: Meal) -> bool {
        self.0.contains(&meal)
    }

    /// Whether the two sets share a meal.
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
    fn a_period_counts_both_ends_across_months_and_leap_days() {
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
    fn adjacent_periods_overlap_only_if_they_share_a_day() {
        let period = |from, to| Period { from: date(from), to: date(to) };
        let january = period("2026-01-01", "2026-01-31");
        assert!(january.overlaps(period("2026-01-31", "2026-02-10")));
        assert!(!january.overlaps(period("2026-02-01", "2026-02-10")));
        assert!(january.contains(date("2026-01-31")) && !january.contains(date("2026-02-01")));
    }

    #[test]
    fn a_list_of_meals_is_sorted_and_has_no_duplicates() {
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
