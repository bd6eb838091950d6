//! Who scans: a device with a staff token, or somebody of staff who is logged in. What scans
//! with the same token or login, and says something else of itself, is another device.

use thali_domain::staff::scanning::DeviceInfo;
use thali_platform::http::{Caller, Problem};

/// What scans at the counter.
#[derive(Debug, Clone)]
pub(crate) struct Device {
    /// A staff token's id, or that of a login: somebody may be logged in on two phones.
    pub(crate) id: String,
    name: String,
}

impl Device {
    /// The device that calls.
    pub(crate) fn of(caller: &Caller) -> Result<Self, Problem> {
        match caller {
            Caller::StaffToken(token) => {
                Ok(Self { id: token.staff_token_id.to_string(), name: token.name.to_string() })
            }
            Caller::Session(session) => {
                // The name of who is logged in would cost a read of the account.
                let name = session.account_id.to_string();
                Ok(Self { id: session.session_id.to_string(), name })
            }
            Caller::Anonymous => Err(Problem::unauthenticated()),
        }
    }

    /// What people call it, with what it says of itself.
    pub(crate) fn label(&self, info: Option<&DeviceInfo>) -> String {
        let Self { name, .. } = self;
        info.map_or_else(|| name.clone(), |info| format!("{name} ({info})"))
    }
}
