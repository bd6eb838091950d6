//! Refresh tokens: the content of the cookie, and how the successor of a token is derived.
//!
//! The first token of a session is random; each successor is derived from its predecessor
//! with a server key. So a client that missed the response to its refresh, and two tabs that
//! refresh at once, get the *same* successor. Neither tab makes the other's token look stolen.
//!
//! The second half of a successor's secret is a tag that only the server can make. So a successor
//! that is no longer stored is told from an invented one, and whoever knows only the id of a session
//! cannot end it by pretending that an old token was stolen.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::SecretString;
use thali_domain::ids::{AccountId, SessionId};

use super::{hmac_hex, same_secret, sha256_hex};
use crate::clock::random_bytes;

/// The cookie's name.
pub const COOKIE: &str = "thali_refresh";

/// The length of each half of a successor's secret: 128 bits, in hex.
const HALF: usize = 32;

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
        let mut secret = hmac_hex(key, message.as_bytes());
        secret.truncate(HALF);
        let tag = self.tag(key, &secret);
        Self { secret: secret + &tag, ..self.clone() }
    }

    /// Whether the token has followed another one of its session, by its tag. The first token of a
    /// session has no tag.
    #[must_use]
    pub fn is_successor(&self, key: &SecretString) -> bool {
        let halves = self.secret.split_at_checked(HALF);
        halves.is_some_and(|(secret, tag)| same_secret(tag, &self.tag(key, secret)))
    }

    /// The second half of a secret, for the first half.
    fn tag(&self, key: &SecretString, secret: &str) -> String {
        let message = format!("refresh-tag|{}|{secret}", self.session_id);
        let mut tag = hmac_hex(key, message.as_bytes());
        tag.truncate(HALF);
        tag
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

    #[test]
    fn only_the_servers_successors_of_this_session_have_a_tag() {
        let (key, account) = (SecretString::from("key"), AccountId::from_ulid(Ulid(1)));
        let first = RefreshToken::first(account, SessionId::from_ulid(Ulid(2)));
        let second = first.successor(&key);
        let third = second.successor(&key);
        assert!(second.is_successor(&key) && third.is_successor(&key));
        let moved = RefreshToken { session_id: SessionId::from_ulid(Ulid(3)), ..second.clone() };
        let swapped = format!("{}{}", &second.secret[..HALF], &third.secret[HALF..]);
        let swapped = RefreshToken { secret: swapped, ..second.clone() };
        let other = SecretString::from("other");
        assert!(!second.is_successor(&other));
        for invented in [first, moved, swapped] {
            assert!(!invented.is_successor(&key));
        }
    }
}
