//! What an owner decides about a student: to approve, to reject, to block.

use crate::accounts::identity::AccountStatus;

/// What an owner can decide about a student.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Lets the student in, also one who was rejected or blocked before.
    Approve,
    /// Turns away a student who waits for approval.
    Reject,
    /// Shuts the student out.
    Block,
}

impl Decision {
    /// The status of a student about whom this is decided.
    #[must_use]
    pub const fn status(self) -> AccountStatus {
        match self {
            Self::Approve => AccountStatus::Active,
            Self::Reject => AccountStatus::Rejected,
            Self::Block => AccountStatus::Blocked,
        }
    }

    /// Whether the student's sessions end with it.
    #[must_use]
    pub const fn ends_sessions(self) -> bool {
        !self.status().may_log_in()
    }
}

/// What a decision means for a student.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The status changes to this.
    Becomes(AccountStatus),
    /// It was decided so before.
    Unchanged,
}

/// A student who was let in, or shut out, cannot be turned away any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("only a student who waits for approval can be rejected; this one is {}", .status.as_str())]
pub struct WrongStatus {
    /// Where the student stands.
    pub status: AccountStatus,
}

/// Judges a decision about a student who stands at `status`.
pub fn decide(status: AccountStatus, decision: Decision) -> Result<Outcome, WrongStatus> {
    if status == decision.status() {
        return Ok(Outcome::Unchanged);
    }
    match (decision, status) {
        (Decision::Reject, AccountStatus::Active | AccountStatus::Blocked) => {
            Err(WrongStatus { status })
        }
        _ => Ok(Outcome::Becomes(decision.status())),
    }
}

#[cfg(test)]
mod tests {
    use AccountStatus::{Active, Blocked, PendingApproval, Rejected};

    use super::*;

    #[test]
    fn each_decision_about_each_status_is_as_the_rules_say() {
        let becomes = |status| Ok(Outcome::Becomes(status));
        let unchanged = Ok(Outcome::Unchanged);
        for (status, approved, rejected, blocked) in [
            (PendingApproval, becomes(Active), becomes(Rejected), becomes(Blocked)),
            (Active, unchanged, Err(WrongStatus { status: Active }), becomes(Blocked)),
            (Rejected, becomes(Active), unchanged, becomes(Blocked)),
            (Blocked, becomes(Active), Err(WrongStatus { status: Blocked }), unchanged),
        ] {
            assert_eq!(decide(status, Decision::Approve), approved, "{status:?}");
            assert_eq!(decide(status, Decision::Reject), rejected, "{status:?}");
            assert_eq!(decide(status, Decision::Block), blocked, "{status:?}");
        }
    }

    #[test]
    fn whoever_may_not_log_in_any_more_loses_the_sessions() {
        assert!(Decision::Block.ends_sessions() && Decision::Reject.ends_sessions());
        assert!(!Decision::Approve.ends_sessions());
    }
}
