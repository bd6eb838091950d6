//! A plate: one student's meal on one day, and every scan that was about it.
//!
//! A plate is one item. A scan that passes all checks writes itself into the plate and
//! takes the plate's one place, if that is free, in one conditional write; so one student
//! eats once for each meal, whatever happens at the same time. Every scan stays there, so a
//! repeated one finds its first outcome, and taking an admission back frees the place.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::accounts::identity::{Name, RollNo, RoomNo};
use crate::ids::{AccountId, MessId};
use crate::meals::meal_times::Sitting;
use crate::staff::refusals::Refusal;
use crate::staff::scan_ids::{ScanId, ScanKey};

/// A scan as its plate remembers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    /// Its id.
    pub scan_id: ScanId,
    /// With what it was scanned: a staff token's id, or that of a staff account's login.
    pub device_id: String,
    /// What people call that device, with what it says of itself.
    pub device: String,
    /// When the code was scanned, as the device says.
    pub scanned_at: Timestamp,
    /// When the scan arrived here.
    pub arrived_at: Timestamp,
    /// Whether it was uploaded later.
    pub offline: bool,
    /// Why it was refused before the plate was asked.
    pub refused: Option<Refusal>,
    /// When the admission was taken back.
    pub undone_at: Option<Timestamp>,
}

impl Scan {
    /// Whether two scans are from one device. Several phones may share a staff token; then
    /// their own descriptions tell them apart.
    #[must_use]
    pub fn same_device_as(&self, other: &Self) -> bool {
        (&self.device_id, &self.device) == (&other.device_id, &other.device)
    }
}

/// One student's meal on one day; or, where a code was nobody's, that scan alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plate {
    /// The mess.
    pub mess_id: MessId,
    /// The meal.
    pub sitting: Sitting,
    /// Whose it is.
    pub diner: Option<Diner>,
    /// The scan that has the plate's place.
    pub admitted: Option<ScanId>,
    /// Every scan about it.
    pub scans: BTreeMap<ScanKey, Scan>,
}

/// A student as a plate remembers them: as they were called when they came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diner {
    /// The account.
    pub account_id: AccountId,
    /// The name.
    pub name: Name,
    /// The roll number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roll_no: Option<RollNo>,
    /// The room number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room_no: Option<RoomNo>,
}

/// What became of a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome<'a> {
    /// The student was let in; perhaps that was taken back.
    Admitted,
    /// The student was not.
    Refused(Refusal),
    /// Another scan had admitted the student before.
    AlreadyScanned {
        /// That one, if the plate still knows it.
        previous: Option<&'a Scan>,
    },
}

impl Plate {
    /// What became of one of the plate's scans. A scan that nothing spoke against took the
    /// place, or found it taken.
    #[must_use]
    pub fn outcome(&self, scan: &Scan) -> Outcome<'_> {
        if let Some(refusal) = scan.refused {
            return Outcome::Refused(refusal);
        }
        if self.admitted.as_ref() == Some(&scan.scan_id) || scan.undone_at.is_some() {
            return Outcome::Admitted;
        }
        Outcome::AlreadyScanned { previous: self.before(scan) }
    }

    /// The scan that has the place and contradicts this one: an uploaded scan passed every
    /// check of its own moment, and another device had let the student in. It is told also of
    /// a scan for which the plate had no room.
    #[must_use]
    pub fn conflict_of(&self, scan: &Scan) -> Option<&Scan> {
        match self.outcome(scan) {
            Outcome::AlreadyScanned { previous: Some(first) } if scan.offline => {
                (!first.same_device_as(scan)).then_some(first)
            }
            _ => None,
        }
    }

    /// The scan with this id, and its key.
    #[must_use]
    pub fn find(&self, scan_id: &ScanId) -> Option<(&ScanKey, &Scan)> {
        self.scans.iter().find(|(_, scan)| scan.scan_id == *scan_id)
    }

    /// The admission that was in the way of a scan: the one that holds the place, or the one
    /// that held it then.
    fn before(&self, scan: &Scan) -> Option<&Scan> {
        let held_then = |other: &&Scan| {
            other.arrived_at <= scan.arrived_at
                && other.undone_at.is_some_and(|undone_at| scan.arrived_at <= undone_at)
        };
        let holds = |other: &&Scan| self.admitted.as_ref() == Some(&other.scan_id);
        self.scans.values().find(held_then).or_else(|| self.scans.values().find(holds))
    }
}

/// For how long after its arrival an admission can be taken back.
pub const UNDO_WITHIN: SignedDuration = SignedDuration::from_mins(10);

/// Why a scan cannot be taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UndoRefusal {
    /// It let nobody in.
    #[error("only a scan that let somebody in can be taken back")]
    NotAdmitted,
    /// It came too long ago.
    #[error("a scan can be taken back within ten minutes")]
    Expired,
}

impl Plate {
    /// Whether the admission by a scan is to be taken back at `now`: `false` where that was
    /// done before, however long ago.
    pub fn undo(&self, scan: &Scan, now: Timestamp) -> Result<bool, UndoRefusal> {
        match self.outcome(scan) {
            Outcome::Admitted if scan.undone_at.is_some() => Ok(false),
            Outcome::Admitted if now < scan.arrived_at + UNDO_WITHIN => Ok(true),
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

    /// A scan of the plate below by a device, so many seconds after noon.
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
            refused: None,
            undone_at: None,
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
    fn a_scan_keeps_its_outcome_when_the_admission_before_it_is_taken_back() {
        let (mut first, between, later) = (scan("a", 1), scan("b", 2), scan("b", 9));
        first.1.undone_at = Some(NOON + SignedDuration::from_secs(5));
        let plate = plate(Some(&later.1), &[first.clone(), between.clone(), later.clone()]);
        assert_eq!(plate.outcome(&first.1), Outcome::Admitted);
        assert_eq!(plate.outcome(&later.1), Outcome::Admitted);
        let previous = Some(&first.1);
        assert_eq!(plate.outcome(&between.1), Outcome::AlreadyScanned { previous });
    }

    #[test]
    fn only_an_uploaded_scan_that_found_another_devices_admission_is_a_conflict() {
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
            let told = expected.then_some(&first.1);
            assert_eq!(plate.conflict_of(&second), told, "{device} {refused:?}");
            assert_eq!(plate.conflict_of(&first.1), None);
        }
    }

    #[test]
    fn two_phones_with_one_token_are_two_devices_and_a_full_plate_conflicts_too() {
        let (first, (_, second)) = (scan("a", 1), scan("a", 2));
        let full = plate(Some(&first.1), std::slice::from_ref(&first));
        let second = Scan { offline: true, ..second };
        assert_eq!(full.conflict_of(&second), None);
        let other = Scan { device: "another phone".to_owned(), ..second };
        assert_eq!(full.conflict_of(&other), Some(&first.1));
        let keys = [("a", "b"), ("a", "c"), ("a", "b|c")];
        let keys = keys.map(|device| ScanKey::of_nonce(device, "c|n"));
        assert!(keys[0] != keys[1] && keys[1] != keys[2] && keys[0] != keys[2]);
        assert_ne!(ScanKey::of_nonce(("a", "b|c"), "n"), ScanKey::of_nonce(("a", "b"), "c|n"));
    }

    #[test]
    fn an_admission_is_taken_back_within_ten_minutes_and_once() {
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
