//! Refresh tokens: the content of the cookie, and how the successor of a token is derived.
//!
//! The first token of a session is random; each successor is derived from its predecessor
//! with a server key. So a client that missed the response to its refresh, and two tabs that
//! refresh at once, get the *same* successor within the grace time. Neither tab makes the
//! other's token look stolen.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::SecretString;
use thali_domain::ids::{AccountId, SessionId};

use super::{hmac_hex, sha256_hex};
use crate::clock::random_bytes;

/// The cookie's name.
pub const COOKIE: &str = "thali_refresh";

/// A refresh token: the ids that locate its session, and a secret.
#[derive(Clone)]
pub struct RefreshToken {
    pub account_id: AccountId,
    pub session_id: SessionId,
    secret: String,
}

impl RefreshToken {
    /// The first token of a session.
    #[must_use]
    pub fn first(account_id: AccountId, session_id: SessionId) -> Self {
        let secret = URL_SAFE_NO_PAD.encode(random_bytes::<32>());
        Self { account_id, session_id, secret }
    }

    /// The token that follows this one.
    #[must_use]
    pub fn successor(&self, key: &SecretString) -> Self {
        let message = format!("refresh|{}|{}", self.session_id, self.secret);
        Self { secret: hmac_hex(key, message.as_bytes()), ..self.clone() }
    }

    /// The hash of the token, which the session stores.
    #[must_use]
    pub fn hash(&self) -> String {
        sha256_hex(&self.secret)
    }

    /// Parses the cookie's value.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '.');
        let account_id = AccountId::parse(parts.next()?).ok()?;
        let session_id = SessionId::parse(parts.next()?).ok()?;
        let secret = parts.next()?;
        (40..=64).contains(&secret.len()).then(|| Self {
            account_id,
            session_id,
            secret: secret.to_owned(),
        })
    }

    /// The cookie's value.
    #[must_use]
    pub fn expose(&self) -> String {
        format!("{}.{}.{}", self.account_id, self.session_id, self.secret)
    }
}

#[cfg(test)]
mod tests {
    use ulid::Ulid;

    use super::*;

    #[test]
    fn a_token_is_parsed_from_its_cookie_and_has_one_successor() {
        let key = SecretString::from("key");
        let token =
            RefreshToken::first(AccountId::from_ulid(Ulid(1)), SessionId::from_ulid(Ulid(2)));
        let parsed = RefreshToken::parse(&token.expose()).expect("a token");
        assert_eq!(parsed.hash(), token.hash());
        let successor = parsed.successor(&key);
        assert_ne!(successor.hash(), token.hash());
        assert_eq!(successor.hash(), token.successor(&key).hash());
        assert!(RefreshToken::parse(&successor.expose()).is_some());
        assert!(RefreshToken::parse("nonsense").is_none());
    }
}
