//! Who may call an endpoint.

use thali_domain::accounts::identity::Role;

/// Who may call an endpoint. Any other caller is refused before the handler runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody.
    Public,
    /// The payment provider; the handler checks its signature.
    Partner,
    /// Any logged-in account, even one that waits for approval.
    Any,
    /// Any logged-in account, even one that waits for approval, or the holder of a refresh cookie,
    /// which the handler checks. A worthless access token is ignored: a logout must work with an
    /// expired one.
    AnyOrCookie,
    /// Any logged-in account, even one that waits for approval, or a device with a staff
    /// token of the mess: for data that a counter needs.
    Counter,
    /// A student, even one who waits for approval.
    Applicant,
    /// A student, even one who waits for approval, or an owner: for data of a student that
    /// concerns the mess but not its staff.
    StudentOrOwner,
    /// An active student.
    Student,
    /// Active staff, or a device with a staff token.
    Staff,
    /// Active staff, a device with a staff token, or an active owner.
    StaffOrOwner,
    /// An active owner.
    Owner,
    /// Anybody without an access token; with one, only an active owner.
    PublicOrOwner,
}

impl Access {
    /// Whether the endpoint needs a session, or a staff token if it takes those.
    #[must_use]
    pub const fn needs_session(self) -> bool {
        !matches!(self, Self::Public | Self::Partner | Self::AnyOrCookie | Self::PublicOrOwner)
    }

    /// Whether the endpoint verifies an access token that the request has. Other endpoints
    /// ignore it.
    #[must_use]
    pub const fn takes_session(self) -> bool {
        !matches!(self, Self::Public | Self::Partner)
    }

    /// Whether the endpoint takes a staff token instead of a session.
    #[must_use]
    pub const fn takes_staff_token(self) -> bool {
        matches!(self, Self::Counter | Self::Staff | Self::StaffOrOwner)
    }

    /// Whether the mess must have approved the account.
    #[must_use]
    pub const fn needs_approval(self) -> bool {
        matches!(
            self,
            Self::Student | Self::Staff | Self::StaffOrOwner | Self::Owner | Self::PublicOrOwner
        )
    }

    /// The only role that is admitted, if there is just one.
    #[must_use]
    pub const fn role(self) -> Option<Role> {
        match self {
            Self::Student | Self::Applicant => Some(Role::Student),
            Self::Staff => Some(Role::Staff),
            Self::Owner | Self::PublicOrOwner => Some(Role::Owner),
            Self::Public
            | Self::Partner
            | Self::Any
            | Self::AnyOrCookie
            | Self::Counter
            | Self::StudentOrOwner
            | Self::StaffOrOwner => None,
        }
    }

    /// Whether an account with this role is admitted.
    #[must_use]
    pub fn admits(self, role: Role) -> bool {
        match self {
            Self::StudentOrOwner => role != Role::Staff,
            Self::StaffOrOwner => role != Role::Student,
            access => access.role().is_none_or(|admitted| admitted == role),
        }
    }
}
