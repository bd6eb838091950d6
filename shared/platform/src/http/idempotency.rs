//! The `Idempotency-Key` of creating requests: the same key and the same body give the
//! first outcome again.

use super::{Problem, Request};
use crate::auth::sha256_hex;

/// The longest key.
const LENGTH_MAX: usize = 64;

/// A client's key, and the fingerprint of the body that it came with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// The key: 1 to 64 visible ASCII characters. It is scoped to the account.
    pub key: String,
    /// A hash of the body, so that the same key with another body can be told.
    pub fingerprint: String,
}

impl IdempotencyKey {
    pub(super) fn of(request: &Request) -> Result<Option<Self>, Problem> {
        let Some(value) = request.headers.get("idempotency-key") else { return Ok(None) };
        let key = value.to_str().ok().filter(|key| {
            (1..=LENGTH_MAX).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic())
        });
        let Some(key) = key else {
            let message = "must be 1 to 64 visible ASCII characters";
            return Err(Problem::invalid_field("Idempotency-Key", message));
        };
        let body = String::from_utf8_lossy(request.raw_body()?);
        Ok(Some(Self { key: key.to_owned(), fingerprint: sha256_hex(&body) }))
    }
}
