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
use crate::past::{Holds, Past, Then};
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

/// The maximum number of a student's earlier statuses, for the same reason.
pub const STATUSES_MAX: usize = 4;

/// The maximum number of a student's earlier codes, for the same reason.
pub const CODES_MAX: usize = 2;

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
    /// What the status was before.
    pub statuses: Past<AccountStatus>,
    /// The nonce of the student's valid code. A code with another nonce is revoked.
    pub qr_nonce: Nonce,
    /// The nonces before the last resets.
    pub codes: Past<Nonce>,
    /// The pending and verified cycles.
    pub cycles: BTreeMap<CycleId, OpenCycle>,
    pub cuts: BTreeMap<CutId, OpenCut>,
}

impl Entitlement {
    /// The status at `at`; `None` if it is no longer known.
    #[must_use]
    pub fn status_at(&self, at: Timestamp) -> Option<AccountStatus> {
        match self.statuses.at(at) {
            Then::Now => Some(self.status),
            Then::Was(status) => Some(*status),
            Then::Unknown => None,
        }
    }

    /// Whether a code with this nonce was not yet revoked at `at`.
    #[must_use]
    pub fn had_code(&self, nonce: &Nonce, at: Timestamp) -> Holds {
        if *nonce == self.qr_nonce || self.codes.after(at).any(|code| code == Some(nonce)) {
            return Holds::Yes;
        }
        let was_lost = self.codes.after(at).any(|code| code.is_none());
        if was_lost { Holds::Unknown } else { Holds::No }
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

    /// Whether the student had cut this meal at `at`.
    #[must_use]
    pub fn had_cut(&self, date: MealDate, meal: Meal, at: Timestamp) -> bool {
        self.cuts.iter().any(|(cut_id, cut)| cut_id.made_at() <= at && cut.covers(date, meal))
    }

    /// Whether the student is entitled to the meals of this day, cut or not.
    #[must_use]
    pub fn is_entitled(&self, date: MealDate) -> bool {
        self.status == AccountStatus::Active && self.has_paid(date)
    }
}
