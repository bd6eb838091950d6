//! A plate: one student's meal on one day, and every scan about it.
//!
//! A plate is one database item. A scan that passes all checks adds itself to the plate and
//! takes the plate's single place, if the place is free, in one conditional write. So a student
//! eats only once per meal, even with concurrent scans. The plate keeps every scan, so a
//! repeated scan finds its first outcome. Undoing an admission frees the place.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::accounts::identity::{Name, RollNo, RoomNo};
use crate::ids::{AccountId, MessId};
use crate::meals::meal_times::Sitting;
use crate::staff::overrides::Override;
use crate::staff::refusals::Refusal;
use crate::staff::scan_ids::{ScanId, ScanKey};

/// A scan as stored in its plate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    pub scan_id: ScanId,
    /// The scanning device: the id of a staff token, or of a staff account's login.
    pub device_id: String,
    /// The device's name for people, with the device's own description.
    pub device: String,
    /// When the code was scanned, according to the device.
    pub scanned_at: Timestamp,
    /// When the server received the scan.
    pub arrived_at: Timestamp,
    /// Whether the scan was made offline and uploaded later.
    pub offline: bool,
    /// Whether staff named the student, without a code.
    pub manual: bool,
    /// Why the checks before the plate refused the scan.
    pub refused: Option<Refusal>,
    /// Whether the scan passed the checks only because nobody knew any more what held when it was
    /// made.
    pub past_unknown: bool,
    /// When the admission was undone.
    pub undone_at: Option<Timestamp>,
    /// How the student was admitted in spite of `refused`.
    pub overridden: Option<Override>,
}

impl Scan {
    /// Whether two scans are from the same device. Several phones may share a staff token; then
    /// their own descriptions tell them apart.
    #[must_use]
    pub fn same_device_as(&self, other: &Self) -> bool {
        (&self.device_id, &self.device) == (&other.device_id, &other.device)
    }

    /// The first moment at which the scan can have held the plate's place.
    fn admitted_at(&self) -> Timestamp {
        self.overridden.as_ref().map_or(self.arrived_at, |overridden| overridden.at)
    }
}

/// One student's meal on one day. A scan of a code that belongs to no student has a plate of
/// its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plate {
    pub mess_id: MessId,
    pub sitting: Sitting,
    /// The student, if the code belongs to one.
    pub diner: Option<Diner>,
    /// The scan that holds the plate's place.
    pub admitted: Option<ScanId>,
    /// Every scan about the plate.
    pub scans: BTreeMap<ScanKey, Scan>,
}

/// A student as stored in a plate: the details at the time of the scan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diner {
    pub account_id: AccountId,
    pub name: Name,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roll_no: Option<RollNo>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room_no: Option<RoomNo>,
}

/// The outcome of a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome<'a> {
    /// The student was admitted, even if the admission was undone later.
    Admitted,
    /// The checks refused the student.
    Refused(Refusal),
    /// An earlier scan had already admitted the student.
    AlreadyScanned {
        /// The earlier scan, if the plate still holds it.
        previous: Option<&'a Scan>,
    },
}

/// Why an owner should look at an uploaded scan.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConflictReason {
    /// Another device had already admitted the student to the meal.
    #[default]
    AlreadyAdmitted,
    /// The student was admitted although nobody knows any more whether that was right.
    PastUnknown,
}

/// What is wrong with an uploaded scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conflict<'a> {
    pub reason: ConflictReason,
    /// The scan by which another device had already admitted the student.
    pub first: Option<&'a Scan>,
}

impl Plate {
    /// The plate before its first scan.
    #[must_use]
    pub const fn empty(mess_id: MessId, sitting: Sitting) -> Self {
        Self { mess_id, sitting, diner: None, admitted: None, scans: BTreeMap::new() }
    }

    /// The outcome of one of the plate's scans. A scan without a refusal, or with an overridden
    /// one, either took the place or found it taken.
    #[must_use]
    pub fn outcome(&self, scan: &Scan) -> Outcome<'_> {
        if let (Some(refusal), None) = (scan.refused, &scan.overridden) {
            return Outcome::Refused(refusal);
        }
        if self.admitted.as_ref() == Some(&scan.scan_id) || scan.undone_at.is_some() {
            return Outcome::Admitted;
        }
        Outcome::AlreadyScanned { previous: self.before(scan) }
    }

    /// The outcome that a scan had when it was made, even if the refusal was overridden later.
    #[must_use]
    pub fn first_outcome(&self, scan: &Scan) -> Outcome<'_> {
        scan.refused.map_or_else(|| self.outcome(scan), Outcome::Refused)
    }

    /// The conflict of a scan that was uploaded later: it passed all checks, but another device
    /// had already admitted the student, or it passed only because the past is unknown. This also
    /// works for a scan that did not fit into the plate.
    #[must_use]
    pub fn conflict_of(&self, scan: &Scan) -> Option<Conflict<'_>> {
        if !scan.offline {
            return None;
        }
        match self.outcome(scan) {
            Outcome::AlreadyScanned { previous: Some(first) } if !first.same_device_as(scan) => {
                Some(Conflict { reason: ConflictReason::AlreadyAdmitted, first: Some(first) })
            }
            Outcome::Admitted if scan.past_unknown => {
                Some(Conflict { reason: ConflictReason::PastUnknown, first: None })
            }
            _ => None,
        }
    }

    /// Why one of the plate's scans was refused; `None` if it admitted the student.
    #[must_use]
    pub fn refusal_of(&self, scan: &Scan) -> Option<Refusal> {
        match self.outcome(scan) {
            Outcome::Admitted => None,
            Outcome::Refused(reason) => Some(reason),
            Outcome::AlreadyScanned { .. } => Some(Refusal::AlreadyScanned),
        }
    }

    /// The scan with this id, and its key.
    #[must_use]
    pub fn find(&self, scan_id: &ScanId) -> Option<(&ScanKey, &Scan)> {
        self.scans.iter().find(|(_, scan)| scan.scan_id == *scan_id)
    }

    /// The admission that blocked a scan: the one that held the place when the scan arrived, or
    /// else the one that holds it now.
    fn before(&self, scan: &Scan) -> Option<&Scan> {
        let held_then = |other: &&Scan| {
            other.admitted_at() <= scan.arrived_at
                && other.undone_at.is_some_and(|undone_at| scan.arrived_at <= undone_at)
        };
        let holds = |other: &&Scan| self.admitted.as_ref() == Some(&other.scan_id);
        self.scans.values().find(held_then).or_else(|| self.scans.values().find(holds))
    }
}

/// How long after its arrival, or after its override, an admission can be undone.
pub const UNDO_WITHIN: SignedDuration = SignedDuration::from_mins(10);

/// Why an admission cannot be undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UndoRefusal {
    /// The scan admitted nobody.
    #[error("only a scan that admitted a student can be undone")]
    NotAdmitted,
    /// The scan arrived too long ago.
    #[error("a scan can be undone for ten minutes")]
    Expired,
}

impl Plate {
    /// Whether the admission by a scan must be undone at `now`: `false` if that was done
    /// before, however long ago.
    pub fn undo(&self, scan: &Scan, now: Timestamp) -> Result<bool, UndoRefusal> {
        match self.outcome(scan) {
            Outcome::Admitted if scan.undone_at.is_some() => Ok(false),
            Outcome::Admitted if now < scan.admitted_at() + UNDO_WITHIN => Ok(true),
            Outcome::Admitted => Err(UndoRefusal::Expired),
            Outcome::Refused(_) | Outcome::AlreadyScanned { .. } => Err(UndoRefusal::NotAdmitted),
        }
    }
}

#[cfg(test)]
mod tests {
    use ulid::Ulid;

    use super::*;
    use crate::days::MealDate;
    use crate::mess::Meal;

    fn sitting() -> Sitting {
        Sitting { date: MealDate::parse("2026-02-28").expect("a date"), meal: Meal::Lunch }
    }

    const NOON: Timestamp = Timestamp::constant(1_772_262_000, 0);

    /// A scan of the plate below by a device, `second` seconds after noon.
    fn scan(device: &str, second: i64) -> (ScanKey, Scan) {
        let at = NOON + SignedDuration::from_secs(second);
        let account = Some(AccountId::from_ulid(Ulid(1)));
        let id = u128::try_from(second).expect("after noon");
        let scan = Scan {
            scan_id: ScanId::new(sitting(), Ulid(id), account),
            device_id: device.to_owned(),
            device: device.to_owned(),
            scanned_at: at,
            arrived_at: at,
            offline: false,
            manual: false,
            refused: None,
            past_unknown: false,
            undone_at: None,
            overridden: None,
        };
        (ScanKey::of_nonce((device, device), &second.to_string()), scan)
    }

    fn plate(admitted: Option<&Scan>, scans: &[(ScanKey, Scan)]) -> Plate {
        Plate {
            mess_id: MessId::parse("mess_demo").expect("an id"),
            sitting: sitting(),
            diner: None,
            admitted: admitted.map(|scan| scan.scan_id.clone()),
            scans: scans.iter().cloned().collect(),
        }
    }

    #[test]
    fn a_scan_keeps_its_outcome_after_an_earlier_admission_is_undone() {
        let (mut first, between, later) = (scan("a", 1), scan("b", 2), scan("b", 9));
        first.1.undone_at = Some(NOON + SignedDuration::from_secs(5));
        let plate = plate(Some(&later.1), &[first.clone(), between.clone(), later.clone()]);
        assert_eq!(plate.outcome(&first.1), Outcome::Admitted);
        assert_eq!(plate.outcome(&later.1), Outcome::Admitted);
        let previous = Some(&first.1);
        assert_eq!(plate.outcome(&between.1), Outcome::AlreadyScanned { previous });
    }

    #[test]
    fn only_offline_scans_conflict_and_only_with_another_devices_admission() {
        let first = scan("a", 1);
        for (device, offline, refused, expected) in [
            ("b", true, None, true),
            ("a", true, None, false),
            ("b", false, None, false),
            ("b", true, Some(Refusal::Blocked), false),
        ] {
            let (key, second) = scan(device, 2);
            let second = Scan { offline, refused, ..second };
            let plate = plate(Some(&first.1), &[first.clone(), (key.clone(), second.clone())]);
            let told = expected.then_some(with(&first.1));
            assert_eq!(plate.conflict_of(&second), told, "{device} {refused:?}");
            assert_eq!(plate.conflict_of(&first.1), None);
        }
    }

    /// The conflict with another device's admission.
    const fn with(first: &Scan) -> Conflict<'_> {
        Conflict { reason: ConflictReason::AlreadyAdmitted, first: Some(first) }
    }

    #[test]
    fn an_admission_by_an_unknown_past_is_a_conflict_also_after_its_undo() {
        let past_unknown = Some(Conflict { reason: ConflictReason::PastUnknown, first: None });
        let (key, doubtful) = scan("a", 1);
        let doubtful = Scan { offline: true, past_unknown: true, ..doubtful };
        let admitted = plate(Some(&doubtful), &[(key.clone(), doubtful.clone())]);
        assert_eq!(admitted.conflict_of(&doubtful), past_unknown);
        let undone = Scan { undone_at: Some(NOON), ..doubtful.clone() };
        let gone = plate(None, &[(key.clone(), undone.clone())]);
        assert_eq!(gone.conflict_of(&undone), past_unknown);
        // The student was admitted by another scan, by the same device or another one.
        for (device, expected) in [("a", false), ("b", true)] {
            let first = scan(device, 0);
            let found = plate(Some(&first.1), &[first.clone(), (key.clone(), doubtful.clone())]);
            assert_eq!(found.conflict_of(&doubtful), expected.then_some(with(&first.1)));
        }
    }

    #[test]
    fn phones_sharing_a_token_are_separate_devices_even_on_full_plates() {
        let (first, (_, second)) = (scan("a", 1), scan("a", 2));
        let full = plate(Some(&first.1), std::slice::from_ref(&first));
        let second = Scan { offline: true, ..second };
        assert_eq!(full.conflict_of(&second), None);
        let other = Scan { device: "another phone".to_owned(), ..second };
        assert_eq!(full.conflict_of(&other), Some(with(&first.1)));
        let keys = [("a", "b"), ("a", "c"), ("a", "b|c")];
        let keys = keys.map(|device| ScanKey::of_nonce(device, "c|n"));
        assert!(keys[0] != keys[1] && keys[1] != keys[2] && keys[0] != keys[2]);
        assert_ne!(ScanKey::of_nonce(("a", "b|c"), "n"), ScanKey::of_nonce(("a", "b"), "c|n"));
    }

    #[test]
    fn an_admission_can_be_undone_once_within_ten_minutes() {
        let (key, admitted) = scan("a", 1);
        let there = plate(Some(&admitted), &[(key.clone(), admitted.clone())]);
        let limit = admitted.arrived_at + UNDO_WITHIN;
        let moment = SignedDuration::from_millis(1);
        assert_eq!(there.undo(&admitted, limit - moment), Ok(true));
        assert_eq!(there.undo(&admitted, limit), Err(UndoRefusal::Expired));
        let undone = Scan { undone_at: Some(NOON), ..admitted.clone() };
        let gone = plate(None, &[(key.clone(), undone.clone())]);
        assert_eq!(gone.undo(&undone, limit), Ok(false));
        let refused = Scan { refused: Some(Refusal::Blocked), ..admitted };
        let refused_plate = plate(None, &[(key, refused.clone())]);
        assert_eq!(refused_plate.undo(&refused, NOON), Err(UndoRefusal::NotAdmitted));
    }
}
