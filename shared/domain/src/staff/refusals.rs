//! The reasons to refuse a scan.

use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantArray};
use utoipa::ToSchema;

/// Why a scan is refused, in the order of the checks.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    ToSchema,
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[schema(as = ScanRefusal)]
#[strum(serialize_all = "snake_case", const_into_str)]
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
    pub const ALL: &[Self] = Self::VARIANTS;

    /// The reason's name in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_is_named_as_in_json_and_listed_in_order() {
        for reason in Refusal::ALL.iter().copied() {
            assert_eq!(serde_json::to_value(reason).expect("json"), reason.as_str());
        }
        assert!(Refusal::ALL.is_sorted());
    }
}
