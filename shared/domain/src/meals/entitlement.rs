//! What a mess knows of a student at the counter: where the account stands, which code is
//! the student's, which days are paid, and which meals were cut.
//!
//! All of it is one item, so each rule about it (cycles do not overlap, cuts do not overlap)
//! is one conditional write. It holds what may still matter; the full history is in the
//! records of cycles and cuts.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::accounts::identity::AccountStatus;
use crate::days::{MealDate, Meals, Period};
use crate::ids::{CutId, CycleId};
use crate::mess::Meal;
use crate::students::qr::Nonce;

/// What an owner has said about a cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CycleState {
    /// Nothing yet.
    Pending,
    /// It is paid: the student may eat on its days.
    Verified,
}

/// The most cycles that a student's item holds beside [`crate::meals::cuts::OPEN_CUTS_MAX`] cuts, so
/// that it stays below the four kilobytes which one read unit reads.
pub const OPEN_CYCLES_MAX: usize = 15;

/// A cycle that was not rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenCycle {
    /// Its days.
    #[serde(flatten)]
    pub period: Period,
    /// Whether it is verified.
    pub state: CycleState,
}

/// A cut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenCut {
    /// Its days.
    #[serde(flatten)]
    pub period: Period,
    /// The meals on each of them.
    pub meals: Meals,
}

impl OpenCut {
    /// Whether it is about this meal.
    #[must_use]
    pub fn covers(&self, date: MealDate, meal: Meal) -> bool {
        self.period.contains(date) && self.meals.contains(meal)
    }

    /// Whether both are about one and the same meal.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.period.overlaps(other.period) && self.meals.overlaps(&other.meals)
    }
}

/// What the mess knows of a student.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entitlement {
    /// Where the account stands.
    pub status: AccountStatus,
    /// What the student's code must carry: another one is dead.
    pub qr_nonce: Nonce,
    /// What it carried before the last reset.
    pub qr_previous: Option<Nonce>,
    /// When it was reset, or made.
    pub qr_issued_at: Timestamp,
    /// The cycles that are pending or verified, by their ids.
    pub cycles: BTreeMap<CycleId, OpenCycle>,
    /// The cuts, by their ids.
    pub cuts: BTreeMap<CutId, OpenCut>,
}

impl Entitlement {
    /// Whether a code with this nonce was the student's own at `at`, and is no more. Of codes
    /// that were reset the last one is known.
    #[must_use]
    pub fn had_code(&self, nonce: &Nonce, at: Timestamp) -> bool {
        self.qr_previous.as_ref() == Some(nonce) && at < self.qr_issued_at
    }

    /// Whether the day is paid.
    #[must_use]
    pub fn has_paid(&self, date: MealDate) -> bool {
        let verified = self.cycles.values().filter(|cycle| cycle.state == CycleState::Verified);
        verified.into_iter().any(|cycle| cycle.period.contains(date))
    }

    /// Whether the student eats elsewhere.
    #[must_use]
    pub fn has_cut(&self, date: MealDate, meal: Meal) -> bool {
        self.cuts.values().any(|cut| cut.covers(date, meal))
    }

    /// Whether the meal is one that the student may have, cut or not.
    #[must_use]
    pub fn is_entitled(&self, date: MealDate) -> bool {
        self.status == AccountStatus::Active && self.has_paid(date)
    }
}
