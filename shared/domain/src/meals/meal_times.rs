//! Which day a meal belongs to, when it is served, and until when it can be cut: all by
//! the wall clock of the mess.
//!
//! A meal belongs to the day on which its window opens, also after midnight. Wall times
//! that a change of the clocks skips or repeats are taken as RFC 5545 does: a skipped one
//! is as much later, a repeated one is the first.

use jiff::Timestamp;
use jiff::civil::Time;
use jiff::tz::TimeZone;

use crate::days::MealDate;
use crate::mess::{Meal, Mess, WallTime};

/// A meal on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sitting {
    /// The day on which its window opens.
    pub date: MealDate,
    /// Which of the day's meals.
    pub meal: Meal,
}

impl Mess {
    /// The zone of its wall clock.
    #[must_use]
    pub fn zone(&self) -> TimeZone {
        // The name was found in the same database when it was set; a zone that a later
        // database lacks must not keep anybody from eating.
        TimeZone::get(self.time_zone.as_str()).unwrap_or(TimeZone::UTC)
    }

    /// The date at the mess.
    #[must_use]
    pub fn date_at(&self, at: Timestamp) -> MealDate {
        at.to_zoned(self.zone()).date().into()
    }

    /// The sitting to which somebody belongs who wants this meal at this time, and whether
    /// it is being served.
    #[must_use]
    pub fn sitting(&self, meal: Meal, at: Timestamp) -> (Sitting, bool) {
        let local = at.to_zoned(self.zone());
        let date = MealDate::from(local.date());
        let time = WallTime::from(local.time());
        let Some(window) = self.meal_windows.get(&meal) else {
            return (Sitting { date, meal }, false);
        };
        let began_yesterday = window.closes < window.opens && time < window.closes;
        let date = if began_yesterday { date.plus_days(-1) } else { date };
        (Sitting { date, meal }, window.contains(time))
    }

    /// From when until when a meal is served; `None` where the mess does not serve it.
    #[must_use]
    pub fn served(&self, sitting: Sitting) -> Option<(Timestamp, Timestamp)> {
        let window = self.meal_windows.get(&sitting.meal)?;
        let next = i32::from(window.closes <= window.opens);
        let opens = self.instant(sitting.date, window.opens);
        Some((opens, self.instant(sitting.date.plus_days(next), window.closes)))
    }

    /// Until when (that moment excluded) a cut for a day can be applied or cancelled.
    #[must_use]
    pub fn cut_deadline(&self, date: MealDate) -> Timestamp {
        self.instant(date.plus_days(-1), self.cut_cutoff)
    }

    /// When the day begins.
    #[must_use]
    pub fn day_begins(&self, date: MealDate) -> Timestamp {
        self.instant(date, WallTime::constant(0, 0))
    }

    fn instant(&self, date: MealDate, time: WallTime) -> Timestamp {
        let local = date.civil().to_datetime(Time::from(time));
        // It fails at the ends of the calendar alone, ten thousand years away.
        self.zone().to_ambiguous_timestamp(local).compatible().unwrap_or(Timestamp::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::identity::Name;
    use crate::ids::MessId;
    use crate::mess::{MealWindow, ZoneName};

    fn mess(zone: &str) -> Mess {
        let id = MessId::parse("mess_demo").expect("an id");
        let name = Name::parse("Demo").expect("a name");
        Mess::with_defaults(id, name, ZoneName::parse(zone).expect("a zone"))
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn date(text: &str) -> MealDate {
        MealDate::parse(text).expect("a date")
    }

    #[test]
    fn after_midnight_a_window_s_day_is_the_one_on_which_it_opened() {
        let mut mess = mess("Asia/Kolkata");
        let time = WallTime::constant;
        let late = MealWindow { opens: time(23, 0), closes: time(1, 0) };
        mess.meal_windows.insert(Meal::Dinner, late);
        for (now, day, open) in [
            ("2026-01-15T22:59:59+05:30", "2026-01-15", false),
            ("2026-01-15T23:00:00+05:30", "2026-01-15", true),
            ("2026-01-16T00:10:00+05:30", "2026-01-15", true),
            ("2026-01-16T00:59:59+05:30", "2026-01-15", true),
            ("2026-01-16T01:00:00+05:30", "2026-01-16", false),
            ("2026-03-01T00:10:00+05:30", "2026-02-28", true),
        ] {
            let (sitting, is_open) = mess.sitting(Meal::Dinner, at(now));
            assert_eq!((sitting.date, is_open), (date(day), open), "{now}");
        }
        let served = mess.served(Sitting { date: date("2026-01-15"), meal: Meal::Dinner });
        let night = (at("2026-01-15T23:00:00+05:30"), at("2026-01-16T01:00:00+05:30"));
        assert_eq!(served, Some(night));
    }

    #[test]
    fn a_cut_s_deadline_is_the_cutoff_on_the_day_before_by_the_wall_clock() {
        for (zone, day, deadline) in [
            ("Asia/Kolkata", "2026-03-01", "2026-02-28T23:00:00+05:30"),
            ("Asia/Kolkata", "2028-03-01", "2028-02-29T23:00:00+05:30"),
            ("Asia/Kolkata", "2027-01-01", "2026-12-31T23:00:00+05:30"),
            // The clocks go forward on the 29th of March 2026, and back on the 25th of October.
            ("Europe/Berlin", "2026-03-29", "2026-03-28T23:00:00+01:00"),
            ("Europe/Berlin", "2026-03-30", "2026-03-29T23:00:00+02:00"),
            ("Europe/Berlin", "2026-10-26", "2026-10-25T23:00:00+01:00"),
        ] {
            assert_eq!(mess(zone).cut_deadline(date(day)), at(deadline), "{zone} {day}");
        }
    }
}
