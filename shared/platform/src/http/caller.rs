//! The caller of a request: anonymous, a session, or a device with a staff token. The files
//! `serve` and `staff_token` verify them.

use thali_domain::accounts::identity::{AccountStatus, Name, Role};
use thali_domain::ids::{AccountId, MessId, SessionId, StaffTokenId};

use super::problem::Problem;
use super::request::Request;
use crate::app::App;
use crate::store::Stamp;

/// A verified session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub account_id: AccountId,
    pub mess_id: MessId,
    pub role: Role,
    /// The account's status when the access token was made, or newer if the pipeline has read
    /// the account.
    pub status: AccountStatus,
    pub session_id: SessionId,
}

/// A verified staff token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaffToken {
    pub staff_token_id: StaffTokenId,
    pub mess_id: MessId,
    /// The name of the device that holds the token.
    pub name: Name,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// Nobody was identified: the endpoint needs no session, and verified none.
    Anonymous,
    /// A logged-in account.
    Session(Session),
    /// A device at the counter.
    StaffToken(StaffToken),
}

impl Caller {
    /// The session; a 401 if there is none.
    pub fn session(&self) -> Result<&Session, Problem> {
        match self {
            Self::Session(session) => Ok(session),
            Self::Anonymous | Self::StaffToken(_) => Err(Problem::unauthenticated()),
        }
    }

    /// The caller's mess; a 401 for an anonymous caller.
    pub fn mess_id(&self) -> Result<&MessId, Problem> {
        match self {
            Self::Session(session) => Ok(&session.mess_id),
            Self::StaffToken(token) => Ok(&token.mess_id),
            Self::Anonymous => Err(Problem::unauthenticated()),
        }
    }

    /// The caller's role; a staff token has the role of staff. A 401 for an anonymous caller.
    pub fn role(&self) -> Result<Role, Problem> {
        match self {
            Self::Session(session) => Ok(session.role),
            Self::StaffToken(_) => Ok(Role::Staff),
            Self::Anonymous => Err(Problem::unauthenticated()),
        }
    }

    /// The stamp of the changes that this caller makes with `request`.
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
