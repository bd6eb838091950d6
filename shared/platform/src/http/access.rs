//! Who may call an endpoint.

use thali_domain::accounts::identity::Role;

/// Who may call an endpoint. Whoever may not is refused before the handler runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody.
    Public,
    /// A partner, whose signature the handler checks.
    Partner,
    /// Anybody who is logged in, also while waiting for approval.
    Any,
    /// Anybody who is logged in, also while waiting for approval, and whoever has a staff
    /// token of the mess: what a counter needs to see.
    Counter,
    /// A student, also while waiting for approval.
    Applicant,
    /// A student, also while waiting for approval, or an owner: what is a student's own and
    /// the mess's business, and not the counter's.
    StudentOrOwner,
    /// An active student.
    Student,
    /// Active staff, and whoever has a staff token.
    Staff,
    /// An active owner.
    Owner,
    /// Anybody; and of those who send an access token, an active owner alone.
    PublicOrOwner,
}

impl Access {
    /// Whether a session is needed, or a staff token where one is taken.
    #[must_use]
    pub const fn needs_session(self) -> bool {
        !matches!(self, Self::Public | Self::Partner | Self::PublicOrOwner)
    }

    /// Whether a session is proven where there is one. Elsewhere an access token is not
    /// even looked at.
    #[must_use]
    pub const fn takes_session(self) -> bool {
        !matches!(self, Self::Public | Self::Partner)
    }

    /// Whether a staff token does in the place of a session.
    #[must_use]
    pub const fn takes_staff_token(self) -> bool {
        matches!(self, Self::Counter | Self::Staff)
    }

    /// Whether of accounts only one that the mess has approved is let in.
    #[must_use]
    pub const fn needs_approval(self) -> bool {
        matches!(self, Self::Student | Self::Staff | Self::Owner | Self::PublicOrOwner)
    }

    /// The one role with which an account is let in, if there is one.
    #[must_use]
    pub const fn role(self) -> Option<Role> {
        match self {
            Self::Student | Self::Applicant => Some(Role::Student),
            Self::Staff => Some(Role::Staff),
            Self::Owner | Self::PublicOrOwner => Some(Role::Owner),
            Self::Public | Self::Partner | Self::Any | Self::Counter | Self::StudentOrOwner => None,
        }
    }

    /// Whether somebody with this role is let in.
    #[must_use]
    pub fn admits(self, role: Role) -> bool {
        match self {
            Self::StudentOrOwner => role != Role::Staff,
            access => access.role().is_none_or(|admitted| admitted == role),
        }
    }
}
