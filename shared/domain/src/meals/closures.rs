//! Closures: an owner closes the mess for some days, or for some of their meals. A closure
//! takes effect at the next scan, even for a meal that is being served.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::days::{MealDate, Period};
use crate::ids::ClosureId;
use crate::meals::cuts::{DAYS_AHEAD_MAX, is_over_for_scans};
use crate::meals::meal_times::Sitting;
use crate::mess::Mess;
use crate::staff::gate::OpenClosure;

/// The maximum length of a closure in days, both ends included.
pub const CLOSURE_DAYS_MAX: i32 = 92;

/// The maximum number of closures in the mess's item. It keeps the item below four kilobytes,
/// the size of one read unit.
pub const OPEN_CLOSURES_MAX: usize = 20;

/// Why a closure is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClosureRefusal {
    /// The whole closure is in the past.
    #[error("must not be past")]
    Past,
    #[error("must be at most {DAYS_AHEAD_MAX} days ahead")]
    TooFarAhead,
    /// The mess has [`OPEN_CLOSURES_MAX`] closures already.
    #[error("a mess has at most {OPEN_CLOSURES_MAX} closures that have not ended long ago")]
    TooMany,
}

/// Whether a closure has ended completely: its last day is over, and so are the closed meals of
/// that day, which may be served past midnight.
#[must_use]
pub fn has_ended(mess: &Mess, closure: &OpenClosure, now: Timestamp) -> bool {
    let date = closure.period.to;
    let is_over = |meal| {
        let served = mess.served(Sitting { date, meal });
        served.is_none_or(|(_, closes)| closes <= now)
    };
    date < mess.date_at(now) && closure.meals.iter().all(is_over)
}

/// What remains of a closure that is cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelledClosure {
    /// No day is over: nothing remains.
    Whole,
    /// The closure keeps its days up to this one, the last day that is over, because statements
    /// count them.
    After(MealDate),
}

/// Cancels a closure and returns what remains of it; `None` if it is already over.
#[must_use]
pub fn reopen(mess: &Mess, closure: &OpenClosure, now: Timestamp) -> Option<CancelledClosure> {
    if has_ended(mess, closure, now) {
        return None;
    }
    let until = |to| {
        let period = Period { to, ..closure.period };
        OpenClosure { period, meals: closure.meals.clone() }
    };
    let over = closure.period.dates().take_while(|day| has_ended(mess, &until(*day), now));
    Some(over.last().map_or(CancelledClosure::Whole, CancelledClosure::After))
}

/// Validates a new closure, given the mess's existing closures. Returns the existing closures
/// that can no longer affect any scan.
pub fn close(
    mess: &Mess,
    closures: &BTreeMap<ClosureId, OpenClosure>,
    wanted: &OpenClosure,
    now: Timestamp,
) -> Result<Vec<ClosureId>, ClosureRefusal> {
    let today = mess.date_at(now);
    if has_ended(mess, wanted, now) {
        return Err(ClosureRefusal::Past);
    }
    if wanted.period.to.days_since(today) > DAYS_AHEAD_MAX {
        return Err(ClosureRefusal::TooFarAhead);
    }
    let over = closures.iter().filter(|(_, closure)| is_over_for_scans(closure.period.to, today));
    let over: Vec<ClosureId> = over.map(|(closure_id, _)| *closure_id).collect();
    if closures.len() - over.len() >= OPEN_CLOSURES_MAX {
        return Err(ClosureRefusal::TooMany);
    }
    Ok(over)
}

#[cfg(test)]
mod tests {
    use ulid::Ulid;

    use super::*;
    use crate::accounts::identity::Name;
    use crate::days::Meals;
    use crate::ids::MessId;
    use crate::mess::{Meal, MealWindow, WallTime, ZoneName};

    fn mess() -> Mess {
        let id = MessId::parse("mess_demo").expect("an id");
        let name = Name::parse("Demo").expect("a name");
        let zone = ZoneName::parse("Asia/Kolkata").expect("a zone");
        let mut mess = Mess::with_defaults(id, name, zone);
        let time = WallTime::constant;
        let late = MealWindow { opens: time(22, 0), closes: time(1, 0) };
        mess.meal_windows.insert(Meal::Dinner, late);
        mess
    }

    fn closure(from: &str, to: &str, meals: &[Meal]) -> OpenClosure {
        let date = |text| MealDate::parse(text).expect("a date");
        let meals = Meals::try_from(meals.to_vec()).expect("meals");
        OpenClosure { period: Period { from: date(from), to: date(to) }, meals }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn a_closure_can_start_in_the_past_but_not_end_there() {
        use Meal::{Dinner, Lunch};
        let none = BTreeMap::new();
        for (now, from, to, meals, expected) in [
            ("2026-01-15T12:00:00+05:30", "2026-01-14", "2026-01-15", &[Lunch][..], Ok(vec![])),
            // Lunch is over, but the day is not: an offline scan may still arrive.
            ("2026-01-15T23:59:00+05:30", "2026-01-15", "2026-01-15", &[Lunch], Ok(vec![])),
            (
                "2026-01-16T00:00:00+05:30",
                "2026-01-15",
                "2026-01-15",
                &[Lunch],
                Err(ClosureRefusal::Past),
            ),
            // Yesterday's dinner is being served.
            ("2026-01-16T00:59:59+05:30", "2026-01-15", "2026-01-15", &[Lunch, Dinner], Ok(vec![])),
            (
                "2026-01-16T01:00:00+05:30",
                "2026-01-15",
                "2026-01-15",
                &[Lunch, Dinner],
                Err(ClosureRefusal::Past),
            ),
            ("2026-01-15T12:00:00+05:30", "2027-01-16", "2027-01-16", &Meal::ALL, Ok(vec![])),
            (
                "2026-01-15T12:00:00+05:30",
                "2027-01-16",
                "2027-01-17",
                &Meal::ALL,
                Err(ClosureRefusal::TooFarAhead),
            ),
        ] {
            let wanted = closure(from, to, meals);
            assert_eq!(close(&mess(), &none, &wanted, at(now)), expected, "{now} {to} {meals:?}");
        }
    }

    #[test]
    fn cancelling_a_closure_keeps_its_days_that_are_over() {
        use Meal::{Dinner, Lunch};
        let until = |day| Some(CancelledClosure::After(MealDate::parse(day).expect("a date")));
        for (now, meals, expected) in [
            ("2026-01-11T12:00:00+05:30", &[Lunch][..], Some(CancelledClosure::Whole)),
            ("2026-01-12T23:59:59+05:30", &[Lunch], Some(CancelledClosure::Whole)),
            ("2026-01-13T00:00:00+05:30", &[Lunch], until("2026-01-12")),
            // Yesterday's dinner is still being served; one second later it is over.
            ("2026-01-13T00:59:59+05:30", &[Dinner], Some(CancelledClosure::Whole)),
            ("2026-01-13T01:00:00+05:30", &[Dinner], until("2026-01-12")),
            ("2026-01-14T00:59:59+05:30", &[Lunch, Dinner], until("2026-01-12")),
            ("2026-01-14T12:00:00+05:30", &[Lunch, Dinner], until("2026-01-13")),
            ("2026-01-15T00:59:59+05:30", &[Dinner], until("2026-01-13")),
            ("2026-01-15T01:00:00+05:30", &[Dinner], None),
        ] {
            let taken_back = closure("2026-01-12", "2026-01-14", meals);
            assert_eq!(reopen(&mess(), &taken_back, at(now)), expected, "{now} {meals:?}");
        }
        let left = closure("2026-01-12", "2026-01-13", &[Lunch]);
        assert_eq!(reopen(&mess(), &left, at("2026-01-14T12:00:00+05:30")), None);
    }

    #[test]
    fn a_mess_has_at_most_twenty_closures_and_old_ones_are_ignored() {
        let wanted = closure("2026-02-01", "2026-02-03", &Meal::ALL);
        let id = |number: u128| ClosureId::from_ulid(Ulid(number));
        let mut closures: BTreeMap<ClosureId, OpenClosure> =
            (1..=19).map(|number| (id(number), wanted.clone())).collect();
        closures.insert(id(100), closure("2026-01-22", "2026-01-22", &Meal::ALL));
        let now = at("2026-01-31T12:00:00+05:30");
        assert_eq!(close(&mess(), &closures, &wanted, now), Ok(vec![id(100)]));
        closures.insert(id(101), closure("2026-01-23", "2026-01-23", &Meal::ALL));
        assert_eq!(close(&mess(), &closures, &wanted, now), Err(ClosureRefusal::TooMany));
    }
}
