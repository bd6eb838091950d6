//! A student's entitlement at the counter: the account's status, the QR code, the paid days,
//! and the cut meals.
//!
//! All of this is one database item, so each rule about it (cycles do not overlap, cuts do not
//! overlap) is one conditional write. The item holds only what a scan may still need; the full
//! history is in the records of cycles and cuts.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::accounts::identity::AccountStatus;
use crate::days::{MealDate, Meals, Period};
use crate::ids::{CutId, CycleId};
use crate::mess::Meal;
use crate::students::qr::Nonce;

/// An owner's decision about a cycle so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CycleState {
    /// No decision yet.
    Pending,
    /// The cycle is paid: the student may eat on its days.
    Verified,
}

/// The maximum number of cycles in a student's item, beside
/// [`crate::meals::cuts::OPEN_CUTS_MAX`] cuts. It keeps the item below four kilobytes, the size
/// of one read unit.
pub const OPEN_CYCLES_MAX: usize = 15;

/// A cycle that is pending or verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenCycle {
    #[serde(flatten)]
    pub period: Period,
    pub state: CycleState,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenCut {
    #[serde(flatten)]
    pub period: Period,
    /// The cut meals on each day.
    pub meals: Meals,
}

impl OpenCut {
    /// Whether this meal is cut.
    #[must_use]
    pub fn covers(&self, date: MealDate, meal: Meal) -> bool {
        self.period.contains(date) && self.meals.contains(meal)
    }

    /// Whether both cuts contain the same meal of the same day.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.period.overlaps(other.period) && self.meals.overlaps(&other.meals)
    }
}

/// What the counter knows about a student.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entitlement {
    pub status: AccountStatus,
    /// The nonce of the student's valid code. A code with another nonce is revoked.
    pub qr_nonce: Nonce,
    /// The nonce before the last reset.
    pub qr_previous: Option<Nonce>,
    /// When the code was last reset, or first created.
    pub qr_issued_at: Timestamp,
    /// The pending and verified cycles.
    pub cycles: BTreeMap<CycleId, OpenCycle>,
    pub cuts: BTreeMap<CutId, OpenCut>,
}

impl Entitlement {
    /// Whether a code with this nonce was the student's valid code at `at` and was reset later.
    /// Only the code before the last reset is known.
    #[must_use]
    pub fn had_valid_code(&self, nonce: &Nonce, at: Timestamp) -> bool {
        self.qr_previous.as_ref() == Some(nonce) && at < self.qr_issued_at
    }

    /// Whether a verified cycle contains the day.
    #[must_use]
    pub fn has_paid(&self, date: MealDate) -> bool {
        let verified = self.cycles.values().filter(|cycle| cycle.state == CycleState::Verified);
        verified.into_iter().any(|cycle| cycle.period.contains(date))
    }

    /// Whether the student has cut this meal.
    #[must_use]
    pub fn has_cut(&self, date: MealDate, meal: Meal) -> bool {
        self.cuts.values().any(|cut| cut.covers(date, meal))
    }

    /// Whether the student is entitled to the meals of this day, cut or not.
    #[must_use]
    pub fn is_entitled(&self, date: MealDate) -> bool {
        self.status == AccountStatus::Active && self.has_paid(date)
    }
}
