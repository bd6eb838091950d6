//! What a scan must know about the mess: its settings, which QR keys are valid, and when it is
//! closed. All of this is one database item, which every scan reads and never caches. The read
//! is eventually consistent: a closure or a key rotation usually reaches all copies of the item
//! within milliseconds, but a scan in that moment may still be decided by the older state.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::days::{Meals, Period};
use crate::ids::ClosureId;
use crate::meals::meal_times::Sitting;
use crate::mess::{Mess, Schedule};
use crate::number::bounded_number;
use crate::past::{Holds, PAST_KEPT, Past, Then};
use crate::students::qr::Kid;

/// Days or meals for which the mess is closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenClosure {
    #[serde(flatten)]
    pub period: Period,
    /// The closed meals on each day.
    pub meals: Meals,
}

bounded_number!(
    /// For how many hours codes of the previous key stay valid after a rotation.
    GraceHours: u16, 0, 720
);

/// A QR key that the mess had before, valid for the grace period that the owner chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviousKey {
    pub kid: Kid,
    /// When the key's codes become invalid (exclusive).
    pub valid_until: Timestamp,
}

/// The ids of the keys that sign the codes of a mess's students. The keys themselves are
/// derived from the deployment's secret, see [`crate::students::qr::MessKey`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QrKeys {
    /// The key that signs new codes.
    pub current: Kid,
    /// Since when the current key is used; absent if the mess never rotated its keys.
    pub since: Option<Timestamp>,
    /// The key before the current one.
    pub previous: Option<PreviousKey>,
    /// The keys before the previous one, oldest first. They are invalid now; offline scans may be
    /// from before.
    pub earlier: Vec<PreviousKey>,
    /// Until when keys were valid that are in neither list.
    pub lost_until: Option<Timestamp>,
}

/// The maximum number of keys in [`QrKeys::earlier`]. It keeps the mess's item below four
/// kilobytes, the size of one read unit.
pub const EARLIER_KEYS_MAX: usize = 4;

impl Default for QrKeys {
    fn default() -> Self {
        let earlier = Vec::new();
        Self { current: Kid::FIRST, since: None, previous: None, earlier, lost_until: None }
    }
}

impl QrKeys {
    /// Whether codes of this key are valid.
    #[must_use]
    pub fn accepts(&self, kid: Kid, now: Timestamp) -> bool {
        let previous = self.previous.as_ref().filter(|previous| now < previous.valid_until);
        kid == self.current || previous.is_some_and(|previous| previous.kid == kid)
    }

    /// Whether codes of this key were valid at `at`, by all that happened since then.
    #[must_use]
    pub fn accepted(&self, kid: Kid, at: Timestamp) -> Holds {
        if kid == self.current {
            return Holds::Yes;
        }
        let mut known = self.previous.iter().chain(&self.earlier);
        match known.find(|known| known.kid == kid) {
            Some(known) => (at < known.valid_until).into(),
            None if kid < self.current && self.lost_until.is_some_and(|until| at < until) => {
                Holds::Unknown
            }
            None => Holds::No,
        }
    }

    /// The keys after a rotation: the current key becomes the previous one and stays valid for
    /// `grace`. The key before it becomes invalid at once.
    #[must_use]
    pub fn rotate(&self, grace: GraceHours, now: Timestamp) -> Self {
        let valid_until = now + SignedDuration::from_hours(grace.get().into());
        let previous = PreviousKey { kid: self.current, valid_until };
        let ended = |key: &PreviousKey| PreviousKey {
            valid_until: key.valid_until.min(now),
            ..key.clone()
        };
        let matters = |until: &Timestamp| now - PAST_KEPT < *until;
        let mut earlier: Vec<_> =
            self.earlier.iter().cloned().chain(self.previous.as_ref().map(ended)).collect();
        earlier.retain(|key| matters(&key.valid_until));
        let lost = earlier.len().saturating_sub(EARLIER_KEYS_MAX);
        let lost_until = earlier.drain(..lost).map(|key| key.valid_until).max();
        Self {
            current: self.current.next(),
            since: Some(now),
            previous: Some(previous),
            earlier,
            lost_until: lost_until.max(self.lost_until.filter(matters)),
        }
    }
}

/// What a scan must know about the mess.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gate {
    pub mess: Mess,
    /// When the meals were served before the settings changed.
    pub schedules: Past<Schedule>,
    pub qr_keys: QrKeys,
    /// The closures that can still affect a scan.
    pub closures: BTreeMap<ClosureId, OpenClosure>,
}

impl OpenClosure {
    /// Whether the mess is closed for this meal.
    #[must_use]
    pub fn covers(&self, sitting: Sitting) -> bool {
        self.period.contains(sitting.date) && self.meals.contains(sitting.meal)
    }
}

impl Gate {
    #[must_use]
    pub fn is_closed(&self, sitting: Sitting) -> bool {
        self.closures.values().any(|closure| closure.covers(sitting))
    }

    /// Whether the mess had announced at `at` that it is closed. A closure that was taken back
    /// counts as never announced.
    #[must_use]
    pub fn was_closed(&self, sitting: Sitting, at: Timestamp) -> bool {
        self.closures.iter().any(|(id, closure)| id.made_at() <= at && closure.covers(sitting))
    }

    /// The mess with the schedule that it had at `at`, and whether that is known. If it is not,
    /// the mess has the oldest schedule that is.
    #[must_use]
    pub fn mess_at(&self, at: Timestamp) -> (Cow<'_, Mess>, bool) {
        let then = self.schedules.at(at);
        let schedule = match then {
            Then::Now => None,
            Then::Was(schedule) => Some(schedule),
            Then::Unknown => self.schedules.after(at).flatten().next(),
        };
        let mess = schedule.map_or(Cow::Borrowed(&self.mess), |schedule| {
            Cow::Owned(self.mess.with_schedule(schedule))
        });
        (mess, then != Then::Unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::identity::Name;
    use crate::ids::MessId;
    use crate::mess::{SCHEDULES_MAX, ZoneName};

    #[test]
    fn only_the_latest_rotated_key_stays_valid_and_only_during_its_grace() {
        let now = Timestamp::constant(1_700_000_000, 0);
        let hours = |hours| GraceHours::try_from(hours).expect("in range");
        let later = now + SignedDuration::from_hours(1);
        let last_moment = later - SignedDuration::from_millis(1);
        let first = QrKeys::default();
        let second = first.rotate(hours(1), now);
        assert!(second.accepts(first.current, last_moment));
        assert!(second.accepts(second.current, now) && !second.accepts(first.current, later));
        let third = second.rotate(hours(1), now);
        assert!(!third.accepts(first.current, now) && third.accepts(second.current, now));
        assert!(!third.rotate(hours(0), now).accepts(third.current, now));
    }

    #[test]
    fn earlier_keys_are_known_until_they_ended_and_no_longer_than_eight_days() {
        let start = Timestamp::constant(1_700_000_000, 0);
        let hour = |hour| start + SignedDuration::from_hours(hour);
        let grace = |hours| GraceHours::try_from(hours).expect("in range");
        let second = QrKeys::default().rotate(grace(10), hour(0));
        let third = second.rotate(grace(0), hour(5));
        // The second rotation ended the grace time of the first.
        assert_eq!([4, 5].map(|at| third.accepted(Kid::FIRST, hour(at))), [Holds::Yes, Holds::No]);
        assert_eq!(
            [4, 5].map(|at| third.accepted(second.current, hour(at))),
            [Holds::Yes, Holds::No]
        );
        assert_eq!(third.accepted(third.current.next(), hour(0)), Holds::No);
        let much_later = third.rotate(grace(0), hour(5 + 192));
        assert_eq!((much_later.earlier.len(), much_later.lost_until), (0, None));
        let mut keys = third;
        for at in 6..20 {
            keys = keys.rotate(grace(0), hour(at));
        }
        assert_eq!(keys.earlier.len(), EARLIER_KEYS_MAX);
        let lost = keys.lost_until.expect("some do not fit");
        let moment = SignedDuration::from_millis(1);
        assert_eq!(keys.accepted(Kid::FIRST, lost - moment), Holds::Unknown);
        assert_eq!(keys.accepted(Kid::FIRST, lost), Holds::No);
        assert_eq!(keys.accepted(keys.current.next(), lost - moment), Holds::No);
    }

    #[test]
    fn a_mess_has_at_each_time_the_schedule_of_that_time() {
        let id = MessId::parse("mess_demo").expect("an id");
        let zone = |zone| ZoneName::parse(zone).expect("a zone");
        let mess = Mess::with_defaults(id, Name::parse("Demo").expect("a name"), zone("UTC"));
        let start = Timestamp::constant(1_700_000_000, 0);
        let hour = |hour| start + SignedDuration::from_hours(hour);
        let mut schedules = Past::default();
        let zones = ["Asia/Kolkata", "Asia/Dubai", "Asia/Tokyo", "Asia/Dhaka", "Asia/Kabul"];
        for (number, name) in (1..).zip(zones) {
            let old = Schedule { time_zone: zone(name), ..mess.schedule() };
            schedules = schedules.replaced(old, hour(number), SCHEDULES_MAX);
        }
        let closures = BTreeMap::new();
        let gate = Gate { mess, schedules, qr_keys: QrKeys::default(), closures };
        for (at, name, known) in [
            (5, "UTC", true),
            (4, "Asia/Kabul", true),
            (2, "Asia/Tokyo", true),
            (1, "Asia/Tokyo", false),
            (0, "Asia/Tokyo", false),
        ] {
            let (mess, is_known) = gate.mess_at(hour(at));
            assert_eq!((mess.time_zone.as_str(), is_known), (name, known), "{at}");
        }
    }
}
