//! What a scan must know of the mess: its settings, which codes are good, and when it is
//! closed. All of it is one item, which is read at each scan and never cached. The read may
//! miss the last moment: a closure or a rotation is written to all copies of the item within
//! milliseconds, as a rule, and a scan in just that moment may still be judged by what was
//! before it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::days::{Meals, Period};
use crate::ids::ClosureId;
use crate::meals::meal_times::Sitting;
use crate::mess::Mess;
use crate::number::bounded_number;
use crate::students::qr::Kid;

/// Days or meals on which the mess is closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenClosure {
    /// The days.
    #[serde(flatten)]
    pub period: Period,
    /// The meals on each of them.
    pub meals: Meals,
}

bounded_number!(
    /// For how many hours the codes before a rotation stay good.
    GraceHours: u16, 0, 720
);

/// The mess's key of codes that was used before, for as long as its owner said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviousKey {
    /// The key's id.
    pub kid: Kid,
    /// Until when its codes are good (that moment excluded).
    pub valid_until: Timestamp,
}

/// Which keys sign the codes of a mess's students. The keys themselves follow from the
/// deployment's secret, see [`crate::students::qr::MessKey`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QrKeys {
    /// The key of new codes.
    pub current: Kid,
    /// Since when it is; absent where the mess never rotated.
    pub since: Option<Timestamp>,
    /// The key before.
    pub previous: Option<PreviousKey>,
}

impl Default for QrKeys {
    fn default() -> Self {
        Self { current: Kid::FIRST, since: None, previous: None }
    }
}

impl QrKeys {
    /// Whether codes of this key are good.
    #[must_use]
    pub fn accepts(&self, kid: Kid, now: Timestamp) -> bool {
        let previous = self.previous.as_ref().filter(|previous| now < previous.valid_until);
        kid == self.current || previous.is_some_and(|previous| previous.kid == kid)
    }

    /// The keys after a rotation: the current one becomes the previous one, good for as long
    /// as `grace` says; the previous one is gone at once.
    #[must_use]
    pub fn rotate(&self, grace: GraceHours, now: Timestamp) -> Self {
        let valid_until = now + SignedDuration::from_hours(grace.get().into());
        let previous = PreviousKey { kid: self.current, valid_until };
        Self { current: self.current.next(), since: Some(now), previous: Some(previous) }
    }
}

/// What a scan must know of the mess.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gate {
    /// The settings.
    pub mess: Mess,
    /// The keys of codes.
    pub qr_keys: QrKeys,
    /// The closures that may still matter, by their ids.
    pub closures: BTreeMap<ClosureId, OpenClosure>,
}

impl Gate {
    /// Whether the mess is closed for a meal.
    #[must_use]
    pub fn is_closed(&self, sitting: Sitting) -> bool {
        self.closures.values().any(|closure| {
            closure.period.contains(sitting.date) && closure.meals.contains(sitting.meal)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rotated_key_is_good_until_its_grace_ends_and_the_one_before_it_no_more() {
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
}
