//! The device cookie, with which a browser proves that it has logged in to an account before.

use thali_domain::ids::DeviceId;
use thali_platform::app::App;
use thali_platform::auth::device::{COOKIE, LIFETIME, Ticket, Tickets};
use thali_platform::http::{Request, Response};
use thali_platform::store::Account;

/// The genuine tickets of the browser that sent a request.
pub fn tickets(app: &App, request: &Request) -> Tickets {
    Tickets::parse(request.cookie(COOKIE), app.refresh_key())
}

/// The device that a ticket names, if the account still has the password of then.
pub fn known(ticket: Option<Ticket>, account: Option<&Account>) -> Option<DeviceId> {
    let (ticket, account) = (ticket?, account?);
    let same = ticket.account_id == account.account_id
        && ticket.password_version == account.password_version;
    same.then_some(ticket.device_id)
}

/// The cookie after a proof that the browser's user owns the account: for a known device the same
/// ticket, for a new one a new ticket.
pub struct Remembered(String);

impl Remembered {
    pub fn new(
        app: &App,
        tickets: &Tickets,
        account: &Account,
        password_version: u32,
        device: Option<DeviceId>,
    ) -> Self {
        let device_id = device.unwrap_or_else(|| DeviceId::from_ulid(app.clock.ulid()));
        let ticket = Ticket { account_id: account.account_id, device_id, password_version };
        Self(tickets.with(ticket, app.refresh_key()))
    }

    pub fn set(self, response: Response) -> Response {
        response.with_cookie(COOKIE, &self.0, "/", LIFETIME.as_secs())
    }
}
