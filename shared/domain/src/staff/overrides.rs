//! Overriding: staff admit a student in spite of a refusal, where the owner allows it. The refused
//! scan becomes the admission, so the student still eats once.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::Unacceptable;
use crate::accounts::identity::AccountStatus;
use crate::mess::{Mess, Overrides};
use crate::staff::plates::{Outcome, Plate, Scan};
use crate::staff::refusals::Refusal;
use crate::text::{parse_line, plain_schema, stored_text, text_newtype};

/// How long after its arrival a refused scan can be overridden.
pub const OVERRIDE_WITHIN: SignedDuration = SignedDuration::from_mins(10);

/// Why staff override a refusal, written for the owner: 3 to 200 characters on one line.
#[derive(Debug, Clone, Serialize)]
#[serde(into = "String")]
pub struct OverrideReason(String);

impl OverrideReason {
    pub fn parse(text: &str) -> Result<Self, Unacceptable> {
        let refused = || Unacceptable::new("must be 3 to 200 characters on one line");
        let line = parse_line(text, 200).map_err(|_| refused())?;
        if line.chars().count() < 3 { Err(refused()) } else { Ok(Self(line)) }
    }
}
text_newtype!(OverrideReason);
stored_text!(OverrideReason);
plain_schema!(OverrideReason: String, min_length = 3, max_length = 200);

/// An override of a scan's refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    pub reason: OverrideReason,
    pub at: Timestamp,
    /// The id of the staff token or of the account of staff.
    pub by: String,
}

/// Why a scan cannot be overridden.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OverrideRefusal {
    /// The owner has not allowed it.
    #[error("the mess does not allow overrides")]
    Forbidden,
    /// The scan admitted the student.
    #[error("only a refused scan can be overridden")]
    NotRefused,
    /// Nobody may be admitted in spite of this reason.
    #[error("this refusal cannot be overridden")]
    Never(Refusal),
    /// The scan arrived too long ago.
    #[error("a refusal can be overridden for ten minutes")]
    Expired,
}

/// Whether an owner may let staff admit students in spite of this reason. The others say that
/// nobody knows who the student is, that the student may not use the mess, or has eaten.
#[must_use]
pub const fn may_be_overridden(reason: Refusal) -> bool {
    match reason {
        Refusal::MessClosed
        | Refusal::OutsideMealWindow
        | Refusal::MessCut
        | Refusal::NoActiveCycle => true,
        Refusal::MalformedQr
        | Refusal::UnknownKey
        | Refusal::InvalidSignature
        | Refusal::UnknownStudent
        | Refusal::RevokedQr
        | Refusal::NotApproved
        | Refusal::Blocked
        | Refusal::AlreadyScanned => false,
    }
}

impl Plate {
    /// Whether the refusal of a scan must be overridden at `now`: `false` if that was done before,
    /// whatever has changed since. `status` is the student's status now; `None` if the mess does
    /// not know the student.
    ///
    /// A scan has only the first of its reasons. The reasons that come after one that may be
    /// overridden may be overridden too, except that the student has eaten, so only a change since
    /// the scan can bring another one.
    pub fn override_refusal(
        &self,
        scan: &Scan,
        mess: &Mess,
        status: Option<AccountStatus>,
        now: Timestamp,
    ) -> Result<bool, OverrideRefusal> {
        if scan.overridden.is_some() {
            return Ok(false);
        }
        if mess.overrides == Overrides::Forbidden {
            return Err(OverrideRefusal::Forbidden);
        }
        match self.outcome(scan) {
            Outcome::Admitted => return Err(OverrideRefusal::NotRefused),
            Outcome::AlreadyScanned { .. } => {
                return Err(OverrideRefusal::Never(Refusal::AlreadyScanned));
            }
            Outcome::Refused(reason) if !may_be_overridden(reason) => {
                return Err(OverrideRefusal::Never(reason));
            }
            Outcome::Refused(_) => {}
        }
        let since = match status {
            Some(AccountStatus::Active) => self.admitted.as_ref().map(|_| Refusal::AlreadyScanned),
            Some(AccountStatus::Blocked) => Some(Refusal::Blocked),
            Some(AccountStatus::PendingApproval | AccountStatus::Rejected) => {
                Some(Refusal::NotApproved)
            }
            None | Some(AccountStatus::Deleted) => Some(Refusal::UnknownStudent),
        };
        match since {
            Some(reason) => Err(OverrideRefusal::Never(reason)),
            None if now < scan.arrived_at + OVERRIDE_WITHIN => Ok(true),
            None => Err(OverrideRefusal::Expired),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_of_an_override_has_three_to_two_hundred_characters() {
        let longest = "न".repeat(200);
        assert_eq!(OverrideReason::parse(&format!(" {longest} ")).expect("fits").as_str(), longest);
        assert!(OverrideReason::parse("VIP").is_ok());
        for refused in ["", "  ", "ok", " a  ", "two\nlines", &"x".repeat(201)] {
            assert!(OverrideReason::parse(refused).is_err(), "{refused:?}");
        }
    }

    #[test]
    fn reasons_after_one_that_may_be_overridden_are_no_worse() {
        let first = Refusal::ALL.iter().position(|it| may_be_overridden(*it)).expect("some may");
        let after = &Refusal::ALL[first..];
        let never: Vec<_> = after.iter().filter(|it| !may_be_overridden(**it)).collect();
        assert_eq!(never, [&Refusal::AlreadyScanned], "the plate's own condition");
    }
}
