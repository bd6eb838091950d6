//! What a scan must know of the mess: its settings, which codes are good, and when it is
//! closed. All of it is one item, which is read at each scan and never cached, so that a
//! closure or a rotation holds from the next scan on.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::days::{Meals, Period};
use crate::ids::ClosureId;
use crate::meal_times::Sitting;
use crate::mess::Mess;
use crate::qr::Kid;

/// Days or meals on which the mess is closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenClosure {
    /// The days.
    #[serde(flatten)]
    pub period: Period,
    /// The meals on each of them.
    pub meals: Meals,
}

/// The mess's key of codes that was used before, for as long as its owner said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviousKey {
    /// The key's id.
    pub kid: Kid,
    /// Until when its codes are good (that moment excluded).
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub valid_until: Timestamp,
}

/// Which keys sign the codes of a mess's students. The keys themselves follow from the
/// deployment's secret, see [`crate::qr::MessKey`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QrKeys {
    /// The key of new codes.
    pub current: Kid,
    /// The key before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<PreviousKey>,
}

impl Default for QrKeys {
    fn default() -> Self {
        Self { current: Kid::FIRST, previous: None }
    }
}

impl QrKeys {
    /// Whether codes of this key are good.
    #[must_use]
    pub fn accepts(&self, kid: Kid, now: Timestamp) -> bool {
        let previous = self.previous.as_ref().filter(|previous| now < previous.valid_until);
        kid == self.current || previous.is_some_and(|previous| previous.kid == kid)
    }

    /// The keys after a rotation: the current one becomes the previous one, good until
    /// `valid_until`; the previous one is gone at once.
    #[must_use]
    pub fn rotate(&self, valid_until: Timestamp) -> Self {
        let previous = PreviousKey { kid: self.current, valid_until };
        Self { current: self.current.next(), previous: Some(previous) }
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
        let later = now + jiff::SignedDuration::from_hours(1);
        let first = QrKeys::default();
        let second = first.rotate(later);
        assert!(second.accepts(first.current, now) && second.accepts(second.current, now));
        assert!(!second.accepts(first.current, later));
        let third = second.rotate(later);
        assert!(!third.accepts(first.current, now) && third.accepts(second.current, now));
    }
}
