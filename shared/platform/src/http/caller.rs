//! Who calls: nobody in particular, a session, or a device with a staff token. How each is
//! proven is in `serve` and `staff_token`.

use thali_domain::accounts::identity::{AccountStatus, Name, Role};
use thali_domain::ids::{AccountId, MessId, SessionId, StaffTokenId};

use super::problem::Problem;
use super::request::Request;
use crate::app::App;
use crate::store::Stamp;

/// A proven session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Whose.
    pub account_id: AccountId,
    /// Of which mess.
    pub mess_id: MessId,
    /// With which role.
    pub role: Role,
    /// With which status when the access token was made.
    pub status: AccountStatus,
    /// Which of the account's sessions.
    pub session_id: SessionId,
}

/// A proven staff token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaffToken {
    /// Which one.
    pub staff_token_id: StaffTokenId,
    /// Of which mess.
    pub mess_id: MessId,
    /// What people call the device that has it.
    pub name: Name,
}

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// Nobody in particular.
    Anonymous,
    /// Somebody who is logged in.
    Session(Session),
    /// A device at the counter.
    StaffToken(StaffToken),
}

impl Caller {
    /// The session; a 401 where there is none.
    pub fn session(&self) -> Result<&Session, Problem> {
        match self {
            Self::Session(session) => Ok(session),
            Self::Anonymous | Self::StaffToken(_) => Err(Problem::unauthenticated()),
        }
    }

    /// The mess of whoever calls; a 401 where nobody in particular does.
    pub fn mess_id(&self) -> Result<&MessId, Problem> {
        match self {
            Self::Session(session) => Ok(&session.mess_id),
            Self::StaffToken(token) => Ok(&token.mess_id),
            Self::Anonymous => Err(Problem::unauthenticated()),
        }
    }

    /// With which role; a staff token acts as staff does. A 401 where nobody in particular
    /// calls.
    pub fn role(&self) -> Result<Role, Problem> {
        match self {
            Self::Session(session) => Ok(session.role),
            Self::StaffToken(_) => Ok(Role::Staff),
            Self::Anonymous => Err(Problem::unauthenticated()),
        }
    }

    /// The stamp of what this caller changes with `request`.
    #[must_use]
    pub fn stamp(&self, app: &App, request: &Request) -> Stamp {
        let actor = match self {
            Self::Session(session) => session.account_id.to_string(),
            Self::StaffToken(token) => token.staff_token_id.to_string(),
            Self::Anonymous => "anonymous".to_owned(),
        };
        Stamp { actor, request_id: request.request_id.clone(), at: app.clock.now() }
    }
}
