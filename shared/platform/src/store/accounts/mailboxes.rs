//! What is stored under an e-mail address, read together: who has it, and the codes that were asked
//! for.

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use thali_domain::accounts::identity::Email;
use thali_domain::accounts::sources::Requests;
use thali_domain::ids::{AccountId, MessId};

use super::account::Guard;
use super::password_resets::PasswordReset;
use super::registrations::NewestRegistration;
use crate::store::{Attributes, Consistency, Store, StoreError, keys, millis, text};

/// What is stored under an e-mail address.
#[derive(Debug, Default)]
pub struct Mailbox {
    /// The account that has the address.
    pub account_id: Option<AccountId>,
    /// The newest sign-ups.
    pub sign_ups: Option<Asked<NewestRegistration>>,
    /// The newest password resets.
    pub resets: Option<Asked<PasswordReset>>,
}

/// An item with its count of requests, as it was read.
#[derive(Debug)]
pub struct Asked<T> {
    pub item: T,
    pub requests: Option<Requests>,
    /// The last write of the item.
    write: Write,
}

/// A write, by its stamp.
#[derive(Debug, Deserialize)]
struct Write {
    request_id: String,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    changed_at: Timestamp,
}

impl<T: DeserializeOwned> Asked<T> {
    fn read(found: Attributes) -> Result<Self, StoreError> {
        let counted = found.contains_key("counted_until");
        Ok(Self {
            requests: counted.then(|| serde_dynamo::from_item(found.clone())).transpose()?,
            write: serde_dynamo::from_item(found.clone())?,
            item: serde_dynamo::from_item(found)?,
        })
    }
}

/// The condition, with its values, that an item is as it was read.
pub(super) fn unchanged<T>(seen: Option<&Asked<T>>) -> (&'static str, Attributes) {
    let Some(Asked { write, .. }) = seen else {
        return ("attribute_not_exists(pk)", Attributes::new());
    };
    let values =
        [(":seen_request", text(&write.request_id)), (":seen_at", millis(write.changed_at))];
    let values = values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    ("request_id = :seen_request AND changed_at = :seen_at", values)
}

/// Whether a count is left out of an item, as it was before the count existed.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
pub(super) const fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl Store {
    /// Reads what is stored under an address, with one read, because it is one partition.
    pub async fn mailbox_get(&self, mess: &MessId, email: &Email) -> Result<Mailbox, StoreError> {
        let pk = keys::email_guard(mess, email).pk;
        let mut mailbox = Mailbox::default();
        for found in self.query(&self.tables.accounts, &pk, None, Consistency::Strong).await? {
            match found.get("sk").and_then(|sk| sk.as_s().ok()).map(String::as_str) {
                Some("guard") => {
                    let guard: Guard = serde_dynamo::from_item(found)?;
                    mailbox.account_id = Some(guard.account_id);
                }
                Some("registration") => mailbox.sign_ups = Some(Asked::read(found)?),
                Some("reset") => mailbox.resets = Some(Asked::read(found)?),
                _ => {}
            }
        }
        Ok(mailbox)
    }
}
