//! The latest scans of a meal, for the screens at the counter.

use jiff::Timestamp;

use crate::staff::plates::{Diner, Plate, Scan};
use crate::staff::refusals::Refusal;
use crate::staff::scan_ids::ScanId;

/// How many scans are shown.
pub const LATEST_MAX: usize = 20;

/// A scan as a screen shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LatestScan {
    pub scan: Scan,
    /// Why the student was refused; `None` if the student was admitted.
    pub refused: Option<Refusal>,
    /// The student, if the code was genuine.
    pub diner: Option<Diner>,
}

/// The latest scans of the plates that were added.
#[derive(Debug, Default)]
pub struct Latest {
    /// The newest first.
    scans: Vec<LatestScan>,
}

impl Latest {
    /// Adds a plate's scans.
    pub fn add(&mut self, plate: &Plate) {
        for scan in plate.scans.values() {
            let index = self.scans.partition_point(|shown| arrival(&shown.scan) > arrival(scan));
            if index < LATEST_MAX {
                self.scans.truncate(LATEST_MAX - 1);
                self.scans.insert(index, shown(plate, scan));
            }
        }
    }

    /// The scans, the one that arrived last first; at most [`LATEST_MAX`].
    #[must_use]
    pub fn into_scans(self) -> Vec<LatestScan> {
        self.scans
    }
}

fn shown(plate: &Plate, scan: &Scan) -> LatestScan {
    let refused = plate.refusal_of(scan);
    let is_genuine = refused.is_none_or(|reason| reason > Refusal::UnknownStudent);
    let diner = plate.diner.clone().filter(|_| is_genuine);
    LatestScan { scan: scan.clone(), refused, diner }
}

/// When a scan arrived; the id orders those of the same moment.
const fn arrival(scan: &Scan) -> (Timestamp, &ScanId) {
    (scan.arrived_at, &scan.scan_id)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::SignedDuration;
    use proptest::prelude::*;
    use ulid::Ulid;

    use super::*;
    use crate::accounts::identity::Name;
    use crate::days::MealDate;
    use crate::ids::{AccountId, MessId};
    use crate::meals::meal_times::Sitting;
    use crate::mess::Meal;
    use crate::staff::scan_ids::ScanKey;

    const NOON: Timestamp = Timestamp::constant(1_772_262_000, 0);

    fn scan(student: u128, second: i64, refused: Option<Refusal>) -> Scan {
        let sitting =
            Sitting { date: MealDate::parse("2026-02-28").expect("ok"), meal: Meal::Lunch };
        let at = NOON + SignedDuration::from_secs(second);
        let account = AccountId::from_ulid(Ulid(student));
        let id = u128::try_from(second).expect("after noon") * 1_000 + student;
        Scan {
            scan_id: ScanId::new(sitting, Ulid(id), Some(account)),
            device_id: "gate".to_owned(),
            device: "Gate".to_owned(),
            scanned_at: at,
            arrived_at: at,
            offline: false,
            manual: false,
            overridden: None,
            refused,
            past_unknown: false,
            undone_at: None,
        }
    }

    fn plate(student: u128, admitted: Option<&Scan>, scans: &[Scan]) -> Plate {
        let sitting =
            Sitting { date: MealDate::parse("2026-02-28").expect("ok"), meal: Meal::Lunch };
        let name = Name::parse("Asha Rao").expect("a name");
        let account_id = AccountId::from_ulid(Ulid(student));
        let keyed = |(number, scan): (usize, &Scan)| {
            (ScanKey::of_nonce(("gate", "Gate"), &number.to_string()), scan.clone())
        };
        Plate {
            mess_id: MessId::parse("mess_demo").expect("an id"),
            sitting,
            diner: Some(Diner { account_id, name, roll_no: None, room_no: None }),
            admitted: admitted.map(|scan| scan.scan_id.clone()),
            scans: scans.iter().enumerate().map(keyed).collect::<BTreeMap<_, _>>(),
        }
    }

    #[test]
    fn the_latest_scans_say_who_came_and_what_became_of_them() {
        let (first, again) = (scan(1, 1, None), scan(1, 3, None));
        let forged = scan(2, 2, Some(Refusal::InvalidSignature));
        let blocked = scan(3, 4, Some(Refusal::Blocked));
        let mut latest = Latest::default();
        latest.add(&plate(1, Some(&first), &[first.clone(), again]));
        latest.add(&plate(2, None, &[forged]));
        latest.add(&plate(3, None, &[blocked]));
        let shown = latest.into_scans();
        let told: Vec<_> = shown.iter().map(|it| (it.refused, it.diner.is_some())).collect();
        let expected = [
            (Some(Refusal::Blocked), true),
            (Some(Refusal::AlreadyScanned), true),
            (Some(Refusal::InvalidSignature), false),
            (None, true),
        ];
        assert_eq!(told, expected);
    }

    proptest! {
        #[test]
        fn the_newest_scans_are_kept_in_whatever_order_plates_come(
            seconds in proptest::collection::vec((1_u128..40, 0_i64..200), 0..80),
        ) {
            let scans: Vec<Scan> =
                seconds.iter().map(|(student, second)| scan(*student, *second, None)).collect();
            let mut latest = Latest::default();
            for (scan, (student, _)) in scans.iter().zip(&seconds) {
                latest.add(&plate(*student, None, std::slice::from_ref(scan)));
            }
            let mut expected: Vec<&Scan> = scans.iter().collect();
            expected.sort_by_key(|scan| std::cmp::Reverse(arrival(scan)));
            expected.truncate(LATEST_MAX);
            let found = latest.into_scans();
            prop_assert!(found.iter().map(|shown| arrival(&shown.scan)).eq(expected.into_iter().map(arrival)));
        }
    }
}
