//! What a scan must know about the mess: its settings, which QR keys are valid, and when it is
//! closed. All of this is one database item, which every scan reads and never caches. The read
//! is eventually consistent: a closure or a key rotation usually reaches all copies of the item
//! within milliseconds, but a scan in that moment may still be decided by the older state.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::days::{Meals, Period};
use crate::ids::ClosureId;
use crate::meals::meal_times::Sitting;
use crate::mess::Mess;
use crate::number::bounded_number;
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

/// The mess's previous QR key, valid for the grace period that the owner chose.
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
}

impl Default for QrKeys {
    fn default() -> Self {
        Self { current: Kid::FIRST, since: None, previous: None }
    }
}

impl QrKeys {
    /// Whether codes of this key are valid.
    #[must_use]
    pub fn accepts(&self, kid: Kid, now: Timestamp) -> bool {
        let previous = self.previous.as_ref().filter(|previous| now < previous.valid_until);
        kid == self.current || previous.is_some_and(|previous| previous.kid == kid)
    }

    /// The keys after a rotation: the current key becomes the previous one and stays valid for
    /// `grace`. The key before it becomes invalid at once.
    #[must_use]
    pub fn rotate(&self, grace: GraceHours, now: Timestamp) -> Self {
        let valid_until = now + SignedDuration::from_hours(grace.get().into());
        let previous = PreviousKey { kid: self.current, valid_until };
        Self { current: self.current.next(), since: Some(now), previous: Some(previous) }
    }
}

/// What a scan must know about the mess.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gate {
    pub mess: Mess,
    pub qr_keys: QrKeys,
    /// The closures that can still affect a scan.
    pub closures: BTreeMap<ClosureId, OpenClosure>,
}

impl Gate {
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
}
