//! The reasons to refuse a scan.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Why a scan is refused, in the order of the checks.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[schema(as = ScanRefusal)]
pub enum Refusal {
    /// The data is not a student's code.
    MalformedQr,
    /// The mess has no such key, or the key's grace period has ended.
    UnknownKey,
    /// The mess did not sign the code.
    InvalidSignature,
    /// The mess has no such student.
    UnknownStudent,
    /// The code was reset; the student has a newer one.
    RevokedQr,
    /// The student waits for approval, or was rejected.
    NotApproved,
    /// The student is blocked.
    Blocked,
    /// The mess is closed for this meal.
    MessClosed,
    /// The meal is not being served.
    OutsideMealWindow,
    /// The student has cut this meal.
    MessCut,
    /// The day is not paid.
    NoActiveCycle,
    /// The student has already had this meal.
    AlreadyScanned,
}

impl Refusal {
    /// Every reason, in the order of the checks.
    pub const ALL: [Self; 12] = [
        Self::MalformedQr,
        Self::UnknownKey,
        Self::InvalidSignature,
        Self::UnknownStudent,
        Self::RevokedQr,
        Self::NotApproved,
        Self::Blocked,
        Self::MessClosed,
        Self::OutsideMealWindow,
        Self::MessCut,
        Self::NoActiveCycle,
        Self::AlreadyScanned,
    ];

    /// The reason's name in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MalformedQr => "malformed_qr",
            Self::UnknownKey => "unknown_key",
            Self::InvalidSignature => "invalid_signature",
            Self::UnknownStudent => "unknown_student",
            Self::RevokedQr => "revoked_qr",
            Self::NotApproved => "not_approved",
            Self::Blocked => "blocked",
            Self::MessClosed => "mess_closed",
            Self::OutsideMealWindow => "outside_meal_window",
            Self::MessCut => "mess_cut",
            Self::NoActiveCycle => "no_active_cycle",
            Self::AlreadyScanned => "already_scanned",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_is_named_as_in_json_and_listed_in_order() {
        for reason in Refusal::ALL {
            assert_eq!(serde_json::to_value(reason).expect("json"), reason.as_str());
        }
        assert!(Refusal::ALL.is_sorted());
    }
}
