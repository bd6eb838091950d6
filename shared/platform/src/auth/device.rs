//! Device cookies: the proof that a browser has logged in to an account before
//! (OWASP, "Slow Down Online Guessing Attacks with Device Cookies").
//!
//! The wrong passwords of such a browser are counted apart from those of strangers, so strangers
//! cannot lock somebody out of an account. The cookie grants nothing else. It holds a ticket for
//! each of the last accounts: the account's id, a random id of the device, the version of the
//! account's password, and an HMAC over the three.

use jiff::SignedDuration;
use secrecy::SecretString;
use thali_domain::accounts::sources::Source;
use thali_domain::ids::{AccountId, DeviceId};

use super::{hmac_hex, same_secret};

/// The cookie's name.
pub const COOKIE: &str = "thali_device";

/// How long a browser keeps the cookie after a login: the longest time that browsers allow.
pub const LIFETIME: SignedDuration = SignedDuration::from_hours(400 * 24);

/// The number of accounts that one browser's cookie remembers, the latest first.
const ACCOUNTS_MAX: usize = 5;

/// The length of a ticket's HMAC: 128 bits in hex.
const MAC_LENGTH: usize = 32;

/// The proof that a browser has logged in to an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    pub account_id: AccountId,
    pub device_id: DeviceId,
    /// The version of the password that the account had then. With another one the browser is a
    /// stranger, so a new password locks out whoever knew the old one.
    pub password_version: u32,
}

impl Ticket {
    fn expose(&self, key: &SecretString) -> String {
        let Self { account_id, device_id, password_version } = self;
        let ticket = format!("{account_id}.{device_id}.{password_version}");
        format!("{ticket}.{}", mac(key, &ticket))
    }

    /// Parses a ticket; `None` if it is malformed or not ours.
    fn parse(text: &str, key: &SecretString) -> Option<Self> {
        let (ticket, presented) = text.rsplit_once('.')?;
        if !same_secret(&mac(key, ticket), presented) {
            return None;
        }
        let mut parts = ticket.splitn(3, '.');
        Some(Self {
            account_id: AccountId::parse(parts.next()?).ok()?,
            device_id: DeviceId::parse(parts.next()?).ok()?,
            password_version: parts.next()?.parse().ok()?,
        })
    }
}

/// The key also derives refresh tokens. The prefix keeps the two uses apart: no message of the
/// other begins with it.
fn mac(key: &SecretString, ticket: &str) -> String {
    let mut mac = hmac_hex(key, format!("device|{ticket}").as_bytes());
    mac.truncate(MAC_LENGTH);
    mac
}

/// The genuine tickets of a browser, the latest first.
#[derive(Debug, Clone, Default)]
pub struct Tickets(Vec<Ticket>);

impl Tickets {
    /// The genuine tickets in the cookie's value. Others are left out.
    #[must_use]
    pub fn parse(cookie: Option<&str>, key: &SecretString) -> Self {
        let tickets = cookie.unwrap_or_default().split('~').take(ACCOUNTS_MAX);
        Self(tickets.filter_map(|ticket| Ticket::parse(ticket, key)).collect())
    }

    /// The ticket for an account, whatever the account's password is now.
    #[must_use]
    pub fn of(&self, account: AccountId) -> Option<Ticket> {
        self.0.iter().copied().find(|ticket| ticket.account_id == account)
    }

    /// The devices that the browser is to its accounts, as sources of requests.
    pub fn sources(&self) -> impl Iterator<Item = Source> {
        self.0.iter().map(|ticket| Source::of_device(ticket.device_id))
    }

    /// The cookie's value after a login: the new ticket, and those of other accounts.
    #[must_use]
    pub fn with(&self, ticket: Ticket, key: &SecretString) -> String {
        let others = self.0.iter().filter(|other| other.account_id != ticket.account_id);
        let all = std::iter::once(&ticket).chain(others).take(ACCOUNTS_MAX);
        all.map(|ticket| ticket.expose(key)).collect::<Vec<_>>().join("~")
    }
}

#[cfg(test)]
mod tests {
    use ulid::Ulid;

    use super::*;

    fn ticket(account: u128, device: u128) -> Ticket {
        Ticket {
            account_id: AccountId::from_ulid(Ulid(account)),
            device_id: DeviceId::from_ulid(Ulid(device)),
            password_version: 3,
        }
    }

    fn key() -> SecretString {
        SecretString::from("key")
    }

    #[test]
    fn a_cookie_remembers_the_last_five_accounts_once_each() {
        let mut cookie = String::new();
        for account in 1..=7 {
            cookie = Tickets::parse(Some(&cookie), &key()).with(ticket(account, 1), &key());
        }
        cookie = Tickets::parse(Some(&cookie), &key()).with(ticket(5, 2), &key());
        let tickets = Tickets::parse(Some(&cookie), &key());
        let expected = [ticket(5, 2), ticket(7, 1), ticket(6, 1), ticket(4, 1), ticket(3, 1)];
        assert_eq!(tickets.0, expected);
        assert_eq!(tickets.of(ticket(7, 1).account_id), Some(ticket(7, 1)));
        assert_eq!(tickets.of(ticket(1, 1).account_id), None);
    }

    #[test]
    fn a_forged_or_changed_ticket_is_left_out() {
        let genuine = Tickets::default().with(ticket(1, 1), &key());
        let other_key = Tickets::default().with(ticket(1, 1), &SecretString::from("other"));
        let raised = genuine.replacen(".3.", ".4.", 1);
        let (unsigned, _) = genuine.rsplit_once('.').expect("signed");
        for forged in ["", "~", "nonsense", &other_key, &raised, unsigned, &format!("{unsigned}.")]
        {
            assert!(Tickets::parse(Some(forged), &key()).0.is_empty(), "{forged}");
            let mixed = Tickets::parse(Some(&format!("{forged}~{genuine}")), &key());
            assert_eq!(mixed.0, [ticket(1, 1)], "{forged}");
        }
        assert!(Tickets::parse(None, &key()).0.is_empty());
    }
}
