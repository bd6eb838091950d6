//! Invites: single-use codes with which owners and staff sign up.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use thali_domain::accounts::identity::Role;
use thali_domain::ids::MessId;
use thali_domain::unicode::{ascii_spelling, is_dash, is_invisible};

use crate::auth::sha256_hex;
use crate::clock::random_hex;
use crate::store::changes::kinds::{Kind, Stored};
use crate::store::changes::trail::Trail;
use crate::store::{Consistency, Stamp, Store, StoreError, expiring, item, keys};

/// How long an invite is valid.
pub const LIFETIME: SignedDuration = SignedDuration::from_hours(72);

/// An invite in its storage format. Only the hash of its code is stored, as the item's key.
#[skip_serializing_none]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Invite {
    /// The mess that the invited person joins.
    pub mess_id: MessId,
    /// The role that the invited person gets.
    pub role: Role,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub expires_at: Timestamp,
    /// When somebody signed up with it.
    #[serde(default, with = "jiff::fmt::serde::timestamp::millisecond::optional")]
    pub used_at: Option<Timestamp>,
}

impl Stored for Invite {
    type Read = Self;
    const KIND: Kind = Kind::Invite;
    const TRAIL: Trail = Trail::shows(&["mess_id", "role", "expires_at", "used_at", "ttl"]);
}

/// How many hexadecimal digits a code has.
const CODE_DIGITS: usize = 40;

impl Invite {
    #[must_use]
    pub fn new(mess_id: MessId, role: Role, now: Timestamp) -> Self {
        Self { mess_id, role, expires_at: now + LIFETIME, used_at: None }
    }

    /// Generates an invite code of 160 random bits. Only its hash is stored.
    #[must_use]
    pub fn draw_code() -> String {
        random_hex::<20>()
    }

    /// A code that a person typed, as [`Self::draw_code`] spells it: capitals, spaces and dashes
    /// make no difference.
    #[must_use]
    pub fn spelling(typed: &str) -> String {
        let separates = |c: &char| c.is_whitespace() || is_dash(*c) || is_invisible(*c);
        let together: String = typed.chars().filter(|c| !separates(c)).collect();
        let spelt = ascii_spelling(&together).to_lowercase();
        let drawn = spelt.len() == CODE_DIGITS && spelt.bytes().all(|b| b.is_ascii_hexdigit());
        if drawn { spelt } else { typed.trim().to_owned() }
    }

    /// Whether somebody can sign up as `role` with this invite at `now`.
    #[must_use]
    pub fn admits(&self, role: Role, now: Timestamp) -> bool {
        self.role == role && self.used_at.is_none() && now < self.expires_at
    }
}

impl Store {
    /// Stores an invite under the hash of its code.
    pub async fn invite_create(
        &self,
        code: &str,
        invite: &Invite,
        stamp: &Stamp,
    ) -> Result<(), StoreError> {
        let key = keys::invite(&invite.mess_id, &sha256_hex(code));
        // Kept for some days after it expires, so that readers of the audit trail can look it up.
        let kept_until = invite.expires_at + SignedDuration::from_hours(7 * 24);
        let attributes = expiring(item(&key, invite, stamp)?, kept_until);
        self.put_if_new(&self.tables.accounts, attributes).await?;
        Ok(())
    }

    /// Reads an invite by the hash of its code.
    pub async fn invite_get(
        &self,
        mess: &MessId,
        code_hash: &str,
    ) -> Result<Option<Invite>, StoreError> {
        let key = keys::invite(mess, code_hash);
        self.get(&self.tables.accounts, &key, Consistency::Strong).await
    }
}
