//! Mess cuts: a student does not eat at the mess for some days, or skips some of their meals,
//! and says so before the mess buys the food.
//!
//! Only the first day of a cut is checked: a cut can be applied and cancelled until the mess's
//! cutoff on the day before it. The cutoffs of the later days come later anyway.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::days::MealDate;
use crate::ids::CutId;
use crate::meals::entitlement::OpenCut;
use crate::mess::Mess;

/// The maximum length of a cut in days, both ends included.
pub const CUT_DAYS_MAX: i32 = 92;

/// How many days after today the last day of a cut or a closure may be.
pub const DAYS_AHEAD_MAX: i32 = 366;

/// The maximum number of cuts in a student's item. It keeps the item below four kilobytes, the
/// size of one read unit.
pub const OPEN_CUTS_MAX: usize = 20;

/// How many days after its last day a cut or a closure stays in the items that scans read. An
/// offline scan is at most seven days old when it is validated.
pub const KEPT_DAYS: i32 = 8;

/// Why a cut is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CutRefusal {
    #[error("must be at most {DAYS_AHEAD_MAX} days ahead")]
    TooFarAhead,
    /// The cutoff for the first day has passed.
    #[error("the first day could be cut until {cutoff}")]
    CutoffPassed {
        /// The deadline, exclusive.
        cutoff: Timestamp,
    },
    /// Another cut contains one of the meals.
    #[error("another cut has one of these meals already")]
    Overlap {
        /// The existing cut.
        cut_id: CutId,
        cut: OpenCut,
    },
    /// The student has [`OPEN_CUTS_MAX`] cuts already.
    #[error("a student has at most {OPEN_CUTS_MAX} cuts that have not ended long ago")]
    TooMany,
}

/// Whether a period that ended on `last_day` can no longer affect any scan.
#[must_use]
pub fn is_over_for_scans(last_day: MealDate, today: MealDate) -> bool {
    today.days_since(last_day) > KEPT_DAYS
}

/// Returns the exclusive deadline for applying or cancelling a cut that starts on `first_day`,
/// or a refusal if the deadline has passed.
pub fn changeable_until(
    mess: &Mess,
    first_day: MealDate,
    now: Timestamp,
) -> Result<Timestamp, CutRefusal> {
    let cutoff = mess.cut_deadline(first_day);
    if now < cutoff { Ok(cutoff) } else { Err(CutRefusal::CutoffPassed { cutoff }) }
}

/// Validates a new cut, given the student's existing cuts. Returns the existing cuts that can
/// no longer affect any scan.
pub fn apply(
    mess: &Mess,
    cuts: &BTreeMap<CutId, OpenCut>,
    wanted: &OpenCut,
    now: Timestamp,
) -> Result<Vec<CutId>, CutRefusal> {
    let today = mess.date_at(now);
    if wanted.period.to.days_since(today) > DAYS_AHEAD_MAX {
        return Err(CutRefusal::TooFarAhead);
    }
    changeable_until(mess, wanted.period.from, now)?;
    if let Some((cut_id, cut)) = cuts.iter().find(|(_, cut)| cut.overlaps(wanted)) {
        return Err(CutRefusal::Overlap { cut_id: *cut_id, cut: cut.clone() });
    }
    let over = cuts.iter().filter(|(_, cut)| is_over_for_scans(cut.period.to, today));
    let over: Vec<CutId> = over.map(|(cut_id, _)| *cut_id).collect();
    if cuts.len() - over.len() >= OPEN_CUTS_MAX {
        return Err(CutRefusal::TooMany);
    }
    Ok(over)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ulid::Ulid;

    use super::*;
    use crate::accounts::identity::Name;
    use crate::days::{Meals, Period};
    use crate::ids::MessId;
    use crate::mess::{Meal, WallTime, ZoneName};

    fn mess(zone: &str, cutoff: &str) -> Mess {
        let id = MessId::parse("mess_demo").expect("an id");
        let name = Name::parse("Demo").expect("a name");
        let mess = Mess::with_defaults(id, name, ZoneName::parse(zone).expect("a zone"));
        Mess { cut_cutoff: WallTime::parse(cutoff).expect("a time"), ..mess }
    }

    fn date(text: &str) -> MealDate {
        MealDate::parse(text).expect("a date")
    }

    fn cut(from: &str, to: &str, meals: &[Meal]) -> OpenCut {
        let meals = Meals::try_from(meals.to_vec()).expect("meals");
        OpenCut { period: Period { from: date(from), to: date(to) }, meals }
    }

    fn id(number: u128) -> CutId {
        CutId::from_ulid(Ulid(number))
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    /// A time zone, the cutoff setting, a first day, and the deadline: the first moment that is
    /// too late.
    const CUTOFFS: [(&str, &str, &str, &str); 13] = [
        ("Asia/Kolkata", "23:00", "2026-01-16", "2026-01-15T23:00:00+05:30"),
        ("Asia/Kolkata", "23:00", "2026-03-01", "2026-02-28T23:00:00+05:30"),
        ("Asia/Kolkata", "23:00", "2028-02-29", "2028-02-28T23:00:00+05:30"),
        ("Asia/Kolkata", "23:00", "2028-03-01", "2028-02-29T23:00:00+05:30"),
        ("Asia/Kolkata", "23:00", "2027-01-01", "2026-12-31T23:00:00+05:30"),
        ("Asia/Kolkata", "00:00", "2026-01-16", "2026-01-15T00:00:00+05:30"),
        ("Asia/Kolkata", "23:59", "2026-01-16", "2026-01-15T23:59:00+05:30"),
        // The clocks go forward at 02:00 on 29 March 2026 and back at 03:00 on 25 October. The
        // deadline uses the wall clock of its own day.
        ("Europe/Berlin", "23:00", "2026-03-29", "2026-03-28T23:00:00+01:00"),
        ("Europe/Berlin", "23:00", "2026-03-30", "2026-03-29T23:00:00+02:00"),
        ("Europe/Berlin", "23:00", "2026-10-25", "2026-10-24T23:00:00+02:00"),
        ("Europe/Berlin", "23:00", "2026-10-26", "2026-10-25T23:00:00+01:00"),
        // 02:30 is skipped in spring. 01:30 occurs twice in autumn; the first occurrence
        // counts.
        ("Europe/Berlin", "02:30", "2026-03-30", "2026-03-29T03:30:00+02:00"),
        ("America/New_York", "01:30", "2026-11-02", "2026-11-01T01:30:00-04:00"),
    ];

    #[test]
    fn a_cut_is_accepted_until_the_last_second_before_its_cutoff() {
        for (zone, cutoff, first_day, deadline) in CUTOFFS {
            let (mess, deadline) = (mess(zone, cutoff), at(deadline));
            let wanted = cut(first_day, first_day, &[Meal::Lunch]);
            let judged = |seconds: i64| {
                let now = deadline + jiff::SignedDuration::from_secs(seconds);
                apply(&mess, &BTreeMap::new(), &wanted, now)
            };
            for before in [-86_400, -3_600, -60, -59, -1] {
                assert_eq!(judged(before), Ok(Vec::new()), "{zone} {first_day} {before}");
            }
            for late in [0, 1, 59, 60, 3_600, 86_400] {
                let refused = Err(CutRefusal::CutoffPassed { cutoff: deadline });
                assert_eq!(judged(late), refused, "{zone} {first_day} {late}");
            }
        }
    }

    #[test]
    fn only_the_first_day_of_a_cut_is_checked_against_the_cutoff() {
        let mess = mess("Asia/Kolkata", "23:00");
        let now = at("2026-01-15T12:00:00+05:30");
        let judged = |from, to| apply(&mess, &BTreeMap::new(), &cut(from, to, &Meal::ALL), now);
        assert_eq!(judged("2026-01-16", "2026-04-17"), Ok(Vec::new()));
        for begun in ["2026-01-15", "2026-01-14", "2025-01-16"] {
            let refused = judged(begun, "2026-01-20").expect_err("it has begun");
            assert!(matches!(refused, CutRefusal::CutoffPassed { .. }), "{begun}: {refused:?}");
        }
        assert_eq!(judged("2027-01-16", "2027-01-16"), Ok(Vec::new()));
        assert_eq!(judged("2027-01-16", "2027-01-17"), Err(CutRefusal::TooFarAhead));
    }

    #[test]
    fn no_meal_is_cut_twice() {
        use Meal::{Breakfast, Dinner, Lunch};
        let mess = mess("Asia/Kolkata", "23:00");
        let now = at("2026-01-15T12:00:00+05:30");
        let first = cut("2026-01-20", "2026-01-22", &[Breakfast, Dinner]);
        let cuts = BTreeMap::from([(id(7), first.clone())]);
        let judged = |from, to, meals: &[Meal]| apply(&mess, &cuts, &cut(from, to, meals), now);
        let overlap = Err(CutRefusal::Overlap { cut_id: id(7), cut: first.clone() });
        assert_eq!(judged("2026-01-20", "2026-01-22", &[Lunch]), Ok(Vec::new()));
        assert_eq!(judged("2026-01-19", "2026-01-19", &Meal::ALL), Ok(Vec::new()));
        assert_eq!(judged("2026-01-23", "2026-01-23", &Meal::ALL), Ok(Vec::new()));
        assert_eq!(judged("2026-01-22", "2026-02-22", &[Lunch, Dinner]), overlap);
        assert_eq!(judged("2026-01-16", "2026-01-20", &[Breakfast]), overlap);
        assert_eq!(judged("2026-01-21", "2026-01-21", &Meal::ALL), overlap);
    }

    #[test]
    fn a_student_has_at_most_twenty_cuts_and_old_ones_are_ignored() {
        let mess = mess("Asia/Kolkata", "23:00");
        let now = at("2026-01-31T12:00:00+05:30");
        let day = |number: u8| format!("2026-02-{number:02}");
        let cut_on = |number: u8| cut(&day(number), &day(number), &Meal::ALL);
        let mut cuts: BTreeMap<CutId, OpenCut> =
            (1..=19).map(|number| (id(number.into()), cut_on(number))).collect();
        cuts.insert(id(100), cut("2026-01-10", "2026-01-22", &Meal::ALL));
        let wanted = cut_on(25);
        // Cut 100 ended nine days ago.
        assert_eq!(apply(&mess, &cuts, &wanted, now), Ok(vec![id(100)]));
        // Cut 101 ended eight days ago, so an offline scan may still need it.
        cuts.insert(id(101), cut("2026-01-23", "2026-01-23", &Meal::ALL));
        assert_eq!(apply(&mess, &cuts, &wanted, now), Err(CutRefusal::TooMany));
        let tomorrow = now + jiff::SignedDuration::from_hours(24);
        assert_eq!(apply(&mess, &cuts, &wanted, tomorrow), Ok(vec![id(100), id(101)]));
    }

    proptest! {
        #[test]
        fn an_accepted_cut_starts_tomorrow_or_later_and_overlaps_no_other(
            days in prop::collection::vec((0_i32..40, 0_i32..6, 1_u8..8), 1..12),
        ) {
            let mess = mess("Asia/Kolkata", "23:00");
            let now = at("2026-01-15T12:00:00+05:30");
            let today = date("2026-01-15");
            let mut cuts = BTreeMap::new();
            let mut eaten_elsewhere = std::collections::BTreeSet::new();
            for (number, (from, length, which)) in days.into_iter().enumerate() {
                let meals: Vec<Meal> = Meal::ALL.into_iter().enumerate()
                    .filter(|(bit, _)| which & (1 << bit) != 0).map(|(_, meal)| meal).collect();
                let period = Period { from: today.plus_days(from), to: today.plus_days(from + length) };
                let meals_of: Vec<_> = period.dates()
                    .flat_map(|date| meals.iter().map(move |meal| (date, *meal))).collect();
                let wanted = OpenCut { period, meals: Meals::try_from(meals).expect("some") };
                let free = from > 0 && meals_of.iter().all(|meal| !eaten_elsewhere.contains(meal));
                let judged = apply(&mess, &cuts, &wanted, now);
                prop_assert_eq!(judged.is_ok(), free, "{:?}", judged);
                if free {
                    eaten_elsewhere.extend(meals_of);
                    cuts.insert(id(number as u128), wanted);
                }
            }
        }
    }
}
