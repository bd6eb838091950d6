//! Who scans: a device with a staff token, or a staff member who is logged in. Two phones with
//! the same token or login are two devices if they send a different `device_info`.

use thali_domain::staff::sent::DeviceInfo;
use thali_platform::http::{Caller, Problem};

#[derive(Debug, Clone)]
pub(crate) struct Device {
    /// The id of the staff token or of the session. Not of the account: a staff member may be
    /// logged in on two phones.
    pub(crate) id: String,
    name: String,
}

impl Device {
    /// The device that sent the request.
    pub(crate) fn of(caller: &Caller) -> Result<Self, Problem> {
        match caller {
            Caller::StaffToken(token) => {
                Ok(Self { id: token.staff_token_id.to_string(), name: token.name.to_string() })
            }
            Caller::Session(session) => {
                // The id, because the staff member's name would cost a read of the account.
                let name = session.account_id.to_string();
                Ok(Self { id: session.session_id.to_string(), name })
            }
            Caller::Anonymous => Err(Problem::unauthenticated()),
        }
    }

    /// The device's name, with the `device_info` that it sent.
    pub(crate) fn label(&self, info: Option<&DeviceInfo>) -> String {
        let Self { name, .. } = self;
        info.map_or_else(|| name.clone(), |info| format!("{name} ({info})"))
    }
}
