//! A cycle's statement: the result of each meal, and the days that earn a rebate.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;
use strum::IntoStaticStr;
use utoipa::ToSchema;

use crate::days::{MealDate, Period};
use crate::meals::entitlement::OpenCut;
use crate::meals::meal_times::Sitting;
use crate::mess::{Meal, Mess};
use crate::staff::gate::OpenClosure;

/// The result of a student's meal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum MealMark {
    /// The student had the meal.
    Taken,
    /// The student did not come.
    Missed,
    /// The student cut the meal.
    Cut,
    /// The mess was or will be closed for the meal.
    Closed,
    /// The meal is not over yet.
    Upcoming,
}

impl MealMark {
    /// The mark's name in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }
}

/// The marks of one day's meals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayMarks {
    pub date: MealDate,
    /// One mark for each of the three meals.
    pub meals: BTreeMap<Meal, MealMark>,
}

impl DayMarks {
    fn count(&self, mark: MealMark) -> usize {
        self.meals.values().filter(|it| **it == mark).count()
    }
}

/// The mark of each meal in a cycle, day by day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement(Vec<DayMarks>);

impl Statement {
    /// Marks each meal of `period` as of `now`, from the sittings at which the student was
    /// admitted, the student's cuts and the mess's closures.
    ///
    /// A meal that the student had is always `Taken`. A meal for which the mess is closed is
    /// not `Cut`, so that the student is not compensated for it twice. A cut of a future meal
    /// is already marked `Cut`.
    #[must_use]
    pub fn of(
        mess: &Mess,
        period: Period,
        taken: &BTreeSet<Sitting>,
        cuts: &[OpenCut],
        closures: &[OpenClosure],
        now: Timestamp,
    ) -> Self {
        let mark = |sitting: Sitting| {
            let Sitting { date, meal } = sitting;
            let closes = |it: &OpenClosure| it.period.contains(date) && it.meals.contains(meal);
            if taken.contains(&sitting) {
                MealMark::Taken
            } else if closures.iter().any(closes) {
                MealMark::Closed
            } else if cuts.iter().any(|cut| cut.covers(date, meal)) {
                MealMark::Cut
            } else if now < ends_at(mess, sitting) {
                MealMark::Upcoming
            } else {
                MealMark::Missed
            }
        };
        let day = |date| {
            let meals = Meal::ALL.map(|meal| (meal, mark(Sitting { date, meal })));
            DayMarks { date, meals: meals.into() }
        };
        Self(period.dates().map(day).collect())
    }

    /// The days, in order.
    #[must_use]
    pub fn days(&self) -> &[DayMarks] {
        &self.0
    }

    /// How often the student had this meal.
    #[must_use]
    pub fn taken(&self, meal: Meal) -> usize {
        self.0.iter().filter(|day| day.meals.get(&meal) == Some(&MealMark::Taken)).count()
    }

    /// The number of days with at least one cut meal.
    #[must_use]
    pub fn cut_days(&self) -> usize {
        self.0.iter().filter(|day| day.count(MealMark::Cut) > 0).count()
    }

    /// The number of days with at least one cut meal on which all other meals were cut or
    /// closed too.
    #[must_use]
    pub fn rebate_days(&self) -> usize {
        let is_rebate = |day: &&DayMarks| {
            let (cut, closed) = (day.count(MealMark::Cut), day.count(MealMark::Closed));
            cut > 0 && cut + closed == day.meals.len()
        };
        self.0.iter().filter(is_rebate).count()
    }

    /// The number of meals with this mark.
    #[must_use]
    pub fn count(&self, mark: MealMark) -> usize {
        self.0.iter().map(|day| day.count(mark)).sum()
    }
}

/// When a meal is over: when its window closes, or at the end of its day if the mess does not
/// serve it.
fn ends_at(mess: &Mess, sitting: Sitting) -> Timestamp {
    let served = mess.served(sitting).map(|(_, closes)| closes);
    served.unwrap_or_else(|| mess.day_begins(sitting.date.plus_days(1)))
}

/// The sittings of a period up to `today`, the only ones at which a student can have been
/// admitted.
pub fn sittings_until(period: Period, today: MealDate) -> impl Iterator<Item = Sitting> {
    let past = period.dates().take_while(move |date| *date <= today);
    past.flat_map(|date| Meal::ALL.map(|meal| Sitting { date, meal }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::identity::Name;
    use crate::days::Meals;
    use crate::ids::MessId;
    use crate::mess::ZoneName;

    fn date(text: &str) -> MealDate {
        MealDate::parse(text).expect("a date")
    }

    fn period(from: &str, to: &str) -> Period {
        Period { from: date(from), to: date(to) }
    }

    fn mess() -> Mess {
        let id = MessId::parse("mess_demo").expect("an id");
        let name = Name::parse("Demo").expect("a name");
        Mess::with_defaults(id, name, ZoneName::parse("Asia/Kolkata").expect("a zone"))
    }

    fn meals(meals: &[Meal]) -> Meals {
        Meals::try_from(meals.to_vec()).expect("some meals")
    }

    fn cut(from: &str, to: &str, of: &[Meal]) -> OpenCut {
        OpenCut { period: period(from, to), meals: meals(of) }
    }

    fn closure(from: &str, to: &str, of: &[Meal]) -> OpenClosure {
        OpenClosure { period: period(from, to), meals: meals(of) }
    }

    /// The marks of a day in the order of its meals.
    fn marks(statement: &Statement, day: &str) -> Vec<MealMark> {
        let day = statement.days().iter().find(|it| it.date == date(day)).expect("a day of it");
        day.meals.values().copied().collect()
    }

    #[test]
    fn each_meal_has_one_mark_and_closed_takes_precedence_over_cut() {
        use Meal::{Breakfast, Dinner, Lunch};
        use MealMark::{Closed, Cut, Missed, Taken, Upcoming};
        let taken = BTreeSet::from([
            Sitting { date: date("2026-02-27"), meal: Lunch },
            // The student ate it, so neither the cut nor the closure changes its mark.
            Sitting { date: date("2026-02-28"), meal: Dinner },
        ]);
        let cuts = [
            cut("2026-02-28", "2026-03-01", &Meal::ALL),
            cut("2026-03-02", "2026-03-02", &[Dinner]),
        ];
        let closures = [closure("2026-02-28", "2026-02-28", &[Lunch, Dinner])];
        // 1 March, after breakfast.
        let now = "2026-03-01T10:00:00+05:30".parse().expect("a time");
        let statement = Statement::of(
            &mess(),
            period("2026-02-27", "2026-03-03"),
            &taken,
            &cuts,
            &closures,
            now,
        );
        assert_eq!(marks(&statement, "2026-02-27"), [Missed, Taken, Missed]);
        assert_eq!(marks(&statement, "2026-02-28"), [Cut, Closed, Taken]);
        assert_eq!(marks(&statement, "2026-03-01"), [Cut, Cut, Cut]);
        assert_eq!(marks(&statement, "2026-03-02"), [Upcoming, Upcoming, Cut]);
        assert_eq!(marks(&statement, "2026-03-03"), [Upcoming; 3]);
        assert_eq!(statement.days().len(), 5);
        assert_eq!([Breakfast, Lunch, Dinner].map(|meal| statement.taken(meal)), [0, 1, 1]);
        assert_eq!((statement.cut_days(), statement.rebate_days()), (3, 1));
        assert_eq!([Cut, Closed, Missed].map(|mark| statement.count(mark)), [5, 1, 2]);
    }

    #[test]
    fn a_closed_meal_neither_removes_nor_adds_a_rebate_day() {
        use Meal::{Breakfast, Dinner, Lunch};
        let days = period("2026-03-01", "2026-03-05");
        let cuts = [
            cut("2026-03-01", "2026-03-03", &Meal::ALL),
            cut("2026-03-05", "2026-03-05", &[Breakfast]),
        ];
        let closures = [
            closure("2026-03-01", "2026-03-01", &[Dinner]),
            closure("2026-03-02", "2026-03-02", &[Breakfast, Lunch]),
            // On 3 March the closure covers all cut meals; on 4 March nothing was cut.
            closure("2026-03-03", "2026-03-04", &Meal::ALL),
            closure("2026-03-05", "2026-03-05", &[Lunch]),
        ];
        let now = "2026-02-01T10:00:00+05:30".parse().expect("a time");
        let rebate_days = |taken: &BTreeSet<Sitting>| {
            Statement::of(&mess(), days, taken, &cuts, &closures, now).rebate_days()
        };
        assert_eq!(rebate_days(&BTreeSet::new()), 2);
        let eaten = Sitting { date: date("2026-03-01"), meal: Lunch };
        assert_eq!(rebate_days(&BTreeSet::from([eaten])), 1);
    }

    #[test]
    fn a_meal_is_missed_only_after_its_window_has_closed() {
        let mess = mess();
        let (_, closes) = mess
            .served(Sitting { date: date("2026-01-15"), meal: Meal::Lunch })
            .expect("it is served");
        let lunch = |now| {
            let days = period("2026-01-15", "2026-01-15");
            let statement = Statement::of(&mess, days, &BTreeSet::new(), &[], &[], now);
            statement.days()[0].meals[&Meal::Lunch]
        };
        assert_eq!(lunch(closes), MealMark::Missed);
        assert_eq!(lunch(closes - jiff::SignedDuration::from_millis(1)), MealMark::Upcoming);
    }

    #[test]
    fn a_statement_covers_every_day_of_a_leap_year_february() {
        let now = "2028-06-01T00:00:00Z".parse().expect("a time");
        let days = period("2028-02-01", "2028-02-29");
        let statement = Statement::of(&mess(), days, &BTreeSet::new(), &[], &[], now);
        assert_eq!(statement.days().len(), 29);
        assert_eq!(statement.days()[28].date, date("2028-02-29"));
        assert_eq!(statement.count(MealMark::Missed), 87);
        assert_eq!(sittings_until(days, date("2028-02-02")).count(), 6);
        assert_eq!(sittings_until(days, date("2028-01-31")).count(), 0);
    }
}
