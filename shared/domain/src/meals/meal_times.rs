//! Which day a meal belongs to, when it is served, and until when it can be cut. All times
//! follow the wall clock of the mess.
//!
//! A meal belongs to the day on which its window opens, even after midnight. Wall times that a
//! clock change skips or repeats are resolved as in RFC 5545: a skipped time moves forward by
//! the length of the gap, and a repeated time means its first occurrence.

use jiff::Timestamp;
use jiff::civil::Time;
use jiff::tz::TimeZone;

use crate::days::MealDate;
use crate::mess::{Meal, Mess, WallTime};

/// A meal on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sitting {
    /// The day on which the meal's window opens.
    pub date: MealDate,
    pub meal: Meal,
}

impl Mess {
    /// The mess's time zone.
    #[must_use]
    pub fn zone(&self) -> TimeZone {
        // The name was in the same database when the owner set it. If a later database lacks
        // the zone, UTC is used, because students must still be able to eat.
        TimeZone::get(self.time_zone.as_str()).unwrap_or(TimeZone::UTC)
    }

    /// The date at the mess at this time.
    #[must_use]
    pub fn date_at(&self, at: Timestamp) -> MealDate {
        at.to_zoned(self.zone()).date().into()
    }

    /// Returns the sitting of a student who wants this meal at this time, and whether the meal
    /// is being served.
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

    /// Returns when serving begins and ends (exclusive); `None` if the mess does not serve the
    /// meal.
    #[must_use]
    pub fn served(&self, sitting: Sitting) -> Option<(Timestamp, Timestamp)> {
        let window = self.meal_windows.get(&sitting.meal)?;
        let next = i32::from(window.closes <= window.opens);
        let opens = self.instant(sitting.date, window.opens);
        Some((opens, self.instant(sitting.date.plus_days(next), window.closes)))
    }

    /// The exclusive deadline for applying or cancelling a cut that starts on `date`.
    #[must_use]
    pub fn cut_deadline(&self, date: MealDate) -> Timestamp {
        self.instant(date.plus_days(-1), self.cut_cutoff)
    }

    /// When the day begins at the mess.
    #[must_use]
    pub fn day_begins(&self, date: MealDate) -> Timestamp {
        self.instant(date, WallTime::constant(0, 0))
    }

    fn instant(&self, date: MealDate, time: WallTime) -> Timestamp {
        let local = date.civil().to_datetime(Time::from(time));
        // The conversion fails only at the ends of the calendar, thousands of years away.
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
    fn a_meal_after_midnight_belongs_to_the_day_its_window_opened() {
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
    fn the_cut_deadline_is_the_wall_clock_cutoff_on_the_day_before() {
        for (zone, day, deadline) in [
            ("Asia/Kolkata", "2026-03-01", "2026-02-28T23:00:00+05:30"),
            ("Asia/Kolkata", "2028-03-01", "2028-02-29T23:00:00+05:30"),
            ("Asia/Kolkata", "2027-01-01", "2026-12-31T23:00:00+05:30"),
            // The clocks go forward on 29 March 2026, and back on 25 October.
            ("Europe/Berlin", "2026-03-29", "2026-03-28T23:00:00+01:00"),
            ("Europe/Berlin", "2026-03-30", "2026-03-29T23:00:00+02:00"),
            ("Europe/Berlin", "2026-10-26", "2026-10-25T23:00:00+01:00"),
        ] {
            assert_eq!(mess(zone).cut_deadline(date(day)), at(deadline), "{zone} {day}");
        }
    }
}
