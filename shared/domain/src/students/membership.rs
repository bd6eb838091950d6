//! An owner's decisions about a student: approve, reject or block.

use crate::accounts::identity::AccountStatus;

/// An owner's decision about a student.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Gives the student access, even after a rejection or a block.
    Approve,
    /// Rejects a student who waits for approval.
    Reject,
    /// Takes away the student's access.
    Block,
}

impl Decision {
    /// The student's status after this decision.
    #[must_use]
    pub const fn status(self) -> AccountStatus {
        match self {
            Self::Approve => AccountStatus::Active,
            Self::Reject => AccountStatus::Rejected,
            Self::Block => AccountStatus::Blocked,
        }
    }

    /// Whether this decision ends the student's sessions.
    #[must_use]
    pub const fn ends_sessions(self) -> bool {
        !self.status().may_log_in()
    }
}

/// The effect of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The status changes to this one.
    Becomes(AccountStatus),
    /// The student has this status already.
    Unchanged,
}

/// A student who is active or blocked can no longer be rejected, and nothing can be decided about a
/// deleted one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("only a student who waits for approval can be rejected; this one is {}", .status.as_str())]
pub struct WrongStatus {
    pub status: AccountStatus,
}

/// Decides the effect of a decision about a student with this `status`.
pub fn decide(status: AccountStatus, decision: Decision) -> Result<Outcome, WrongStatus> {
    if status == decision.status() {
        return Ok(Outcome::Unchanged);
    }
    match (decision, status) {
        (Decision::Reject, AccountStatus::Active | AccountStatus::Blocked)
        | (_, AccountStatus::Deleted) => Err(WrongStatus { status }),
        _ => Ok(Outcome::Becomes(decision.status())),
    }
}

#[cfg(test)]
mod tests {
    use AccountStatus::{Active, Blocked, Deleted, PendingApproval, Rejected};

    use super::*;

    #[test]
    fn every_decision_is_defined_for_every_student_status() {
        let becomes = |status| Ok(Outcome::Becomes(status));
        let unchanged = Ok(Outcome::Unchanged);
        let never = Err(WrongStatus { status: Deleted });
        for (status, approved, rejected, blocked) in [
            (PendingApproval, becomes(Active), becomes(Rejected), becomes(Blocked)),
            (Active, unchanged, Err(WrongStatus { status: Active }), becomes(Blocked)),
            (Rejected, becomes(Active), unchanged, becomes(Blocked)),
            (Blocked, becomes(Active), Err(WrongStatus { status: Blocked }), unchanged),
            (Deleted, never, never, never),
        ] {
            assert_eq!(decide(status, Decision::Approve), approved, "{status:?}");
            assert_eq!(decide(status, Decision::Reject), rejected, "{status:?}");
            assert_eq!(decide(status, Decision::Block), blocked, "{status:?}");
        }
    }

    #[test]
    fn a_blocked_or_rejected_student_loses_all_sessions() {
        assert!(Decision::Block.ends_sessions() && Decision::Reject.ends_sessions());
        assert!(!Decision::Approve.ends_sessions());
    }
}
