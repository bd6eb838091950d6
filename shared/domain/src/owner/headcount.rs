//! Headcounts: how many students are expected at each meal of a day, how many came, and how
//! many tokens were redeemed while each meal was served.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::days::MealDate;
use crate::meals::entitlement::Entitlement;
use crate::meals::meal_times::Sitting;
use crate::mess::{Meal, Mess};
use crate::staff::gate::Gate;
use crate::staff::plates::Plate;
use crate::staff::refusals::Refusal;

/// How many days back a day can be counted. The mess keeps cuts for a little longer, see
/// [`crate::meals::cuts::KEPT_DAYS`].
pub const DAYS_BACK_MAX: i32 = 7;

/// How many days ahead a day can be counted.
pub const DAYS_AHEAD_MAX: i32 = 366;

/// How many students are expected at a meal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Expected {
    /// Active students with a verified cycle on this day.
    pub entitled: u32,
    /// How many of them have cut the meal.
    pub cut: u32,
    /// Whether the mess is closed for the meal; then nobody is expected.
    pub closed: bool,
    /// How many students to cook for.
    pub expected: u32,
}

/// Whether a day can be counted.
#[must_use]
pub fn is_counted(date: MealDate, today: MealDate) -> bool {
    (-DAYS_BACK_MAX..=DAYS_AHEAD_MAX).contains(&date.days_since(today))
}

/// The students expected at each meal of a day, as known now.
#[must_use]
pub fn expected(gate: &Gate, students: &[Entitlement], date: MealDate) -> BTreeMap<Meal, Expected> {
    let entitled: Vec<_> = students.iter().filter(|it| it.is_entitled(date)).collect();
    let of_meal = |meal| {
        let cut = entitled.iter().filter(|it| it.has_cut(date, meal)).count();
        let (entitled, cut) = (count(entitled.len()), count(cut));
        let closed = gate.is_closed(Sitting { date, meal });
        let expected = if closed { 0 } else { entitled - cut };
        (meal, Expected { entitled, cut, closed, expected })
    };
    Meal::ALL.map(of_meal).into()
}

fn count(many: usize) -> u32 {
    u32::try_from(many).unwrap_or(u32::MAX)
}

/// The meal of a day that was being served at a time. If two windows overlap, the meal that
/// opened last.
#[must_use]
pub fn meal_served(mess: &Mess, date: MealDate, at: Timestamp) -> Option<Meal> {
    let served = |meal: &Meal| mess.served(Sitting { date, meal: *meal });
    let open = |meal: &Meal| served(meal).is_some_and(|(opens, closes)| opens <= at && at < closes);
    Meal::ALL.into_iter().filter(open).max_by_key(|meal| served(meal).map(|(opens, _)| opens))
}

/// Returns when the day's first meal begins and when the last one ends (exclusive); `None` if
/// no meal is served.
#[must_use]
pub fn hours_served(mess: &Mess, date: MealDate) -> Option<(Timestamp, Timestamp)> {
    let of_meals = Meal::ALL.into_iter().filter_map(|meal| mess.served(Sitting { date, meal }));
    of_meals.reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)))
}

/// The number of tokens redeemed while each meal of a day was served. Tokens that were redeemed
/// outside all meals are not counted.
#[must_use]
pub fn tokens_served(
    mess: &Mess,
    date: MealDate,
    submissions: impl Iterator<Item = (Timestamp, u16)>,
) -> BTreeMap<Meal, u32> {
    let mut tokens = BTreeMap::from(Meal::ALL.map(|meal| (meal, 0)));
    for (at, redeemed) in submissions {
        if let Some(tokens) = meal_served(mess, date, at).and_then(|meal| tokens.get_mut(&meal)) {
            *tokens += u32::from(redeemed);
        }
    }
    tokens
}

/// The results of a meal's scans.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Tally {
    /// Students who were admitted, without undone admissions.
    pub admitted: u32,
    /// How many scans were refused, by reason.
    pub refused: BTreeMap<Refusal, u32>,
}

impl Tally {
    /// Adds a plate's admission and refused scans.
    pub fn add(&mut self, plate: &Plate) {
        self.admitted += u32::from(plate.admitted.is_some());
        for reason in plate.scans.values().filter_map(|scan| plate.refusal_of(scan)) {
            *self.refused.entry(reason).or_default() += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use ulid::Ulid;

    use super::*;
    use crate::accounts::identity::{AccountStatus, Name};
    use crate::days::{Meals, Period};
    use crate::ids::{ClosureId, CutId, CycleId, MessId};
    use crate::meals::entitlement::{CycleState, OpenCut, OpenCycle};
    use crate::mess::{MealWindow, WallTime, ZoneName};
    use crate::past::Past;
    use crate::staff::gate::{OpenClosure, QrKeys};
    use crate::students::qr::Nonce;

    fn date(text: &str) -> MealDate {
        MealDate::parse(text).expect("a date")
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn gate() -> Gate {
        let id = MessId::parse("mess_demo").expect("an id");
        let name = Name::parse("Demo").expect("a name");
        let zone = ZoneName::parse("Asia/Kolkata").expect("a zone");
        let mess = Mess::with_defaults(id, name, zone);
        let (qr_keys, closures) = (QrKeys::default(), BTreeMap::new());
        Gate { mess, schedules: Past::default(), qr_keys, closures }
    }

    fn period(from: &str, to: &str) -> Period {
        Period { from: date(from), to: date(to) }
    }

    fn student(status: AccountStatus, state: CycleState, cuts: &[Meal]) -> Entitlement {
        let period = period("2026-01-10", "2026-01-20");
        let cycle = OpenCycle { period, state };
        let cut = |meal: &Meal| {
            let meals = Meals::try_from(vec![*meal]).expect("one");
            (CutId::from_ulid(Ulid(*meal as u128)), OpenCut { period, meals })
        };
        Entitlement {
            status,
            qr_nonce: Nonce::from_random([0; 9]),
            statuses: Past::default(),
            codes: Past::default(),
            cycles: BTreeMap::from([(CycleId::from_ulid(Ulid(1)), cycle)]),
            cuts: cuts.iter().map(cut).collect(),
        }
    }

    #[test]
    fn active_paying_students_are_expected_unless_they_cut_the_meal() {
        let students = [
            student(AccountStatus::Active, CycleState::Verified, &[]),
            student(AccountStatus::Active, CycleState::Verified, &[Meal::Dinner, Meal::Lunch]),
            student(AccountStatus::Active, CycleState::Verified, &[Meal::Dinner]),
            // A student who is not entitled is not counted, cut or not.
            student(AccountStatus::Active, CycleState::Pending, &[Meal::Dinner]),
            student(AccountStatus::Blocked, CycleState::Verified, &[Meal::Dinner]),
        ];
        let counted = expected(&gate(), &students, date("2026-01-15"));
        let figures = |meal| {
            let Expected { entitled, cut, expected, .. } = counted[&meal];
            (entitled, cut, expected)
        };
        assert_eq!(Meal::ALL.map(figures), [(3, 0, 3), (3, 1, 2), (3, 2, 1)]);
        let after = expected(&gate(), &students, date("2026-01-21"));
        assert_eq!(after[&Meal::Lunch], Expected::default());
    }

    #[test]
    fn nobody_is_expected_at_a_closed_meal_but_other_meals_are_unaffected() {
        let mut gate = gate();
        let meals = Meals::try_from(vec![Meal::Lunch]).expect("one");
        let closure = OpenClosure { period: period("2026-01-15", "2026-01-15"), meals };
        gate.closures.insert(ClosureId::from_ulid(Ulid(1)), closure);
        let students = [student(AccountStatus::Active, CycleState::Verified, &[])];
        let counted = expected(&gate, &students, date("2026-01-15"));
        let closed = Expected { entitled: 1, cut: 0, closed: true, expected: 0 };
        assert_eq!(counted[&Meal::Lunch], closed);
        assert_eq!(counted[&Meal::Dinner].expected, 1);
    }

    #[test]
    fn redeemed_tokens_count_for_the_meal_being_served_even_after_midnight() {
        let mut mess = gate().mess;
        let time = WallTime::constant;
        let late = MealWindow { opens: time(22, 0), closes: time(1, 0) };
        mess.meal_windows.insert(Meal::Dinner, late);
        let redeemed = [
            ("2026-01-15T07:29:59+05:30", 1),
            ("2026-01-15T07:30:00+05:30", 2),
            ("2026-01-15T09:30:00+05:30", 4),
            ("2026-01-15T13:00:00+05:30", 8),
            ("2026-01-16T00:59:59+05:30", 16),
            ("2026-01-16T01:00:00+05:30", 32),
            ("2026-01-15T00:30:00+05:30", 64),
        ];
        let redeemed = redeemed.into_iter().map(|(when, count)| (at(when), count));
        let tokens = tokens_served(&mess, date("2026-01-15"), redeemed);
        assert_eq!(Meal::ALL.map(|meal| tokens[&meal]), [2, 8, 16]);
        let hours = hours_served(&mess, date("2026-01-15"));
        let expected = (at("2026-01-15T07:30:00+05:30"), at("2026-01-16T01:00:00+05:30"));
        assert_eq!(hours, Some(expected));
    }

    #[test]
    fn of_two_overlapping_meals_the_one_that_opened_last_counts() {
        let mut mess = gate().mess;
        let time = WallTime::constant;
        let brunch = MealWindow { opens: time(7, 30), closes: time(13, 0) };
        mess.meal_windows.insert(Meal::Breakfast, brunch);
        let served = |when| meal_served(&mess, date("2026-01-15"), at(when));
        assert_eq!(served("2026-01-15T12:29:59+05:30"), Some(Meal::Breakfast));
        assert_eq!(served("2026-01-15T12:30:00+05:30"), Some(Meal::Lunch));
        assert_eq!(served("2026-01-15T16:00:00+05:30"), None);
    }

    #[test]
    fn days_from_a_week_ago_to_a_year_ahead_are_counted() {
        let today = date("2026-01-15");
        for (day, counted) in [
            ("2026-01-07", false),
            ("2026-01-08", true),
            ("2026-01-15", true),
            ("2027-01-16", true),
            ("2027-01-17", false),
        ] {
            assert_eq!(is_counted(date(day), today), counted, "{day}");
        }
    }
}
