//! Authentication: [`access`] tokens and the [`signing_keys`] behind them,
//! [`refresh`] tokens, the cookies of known [`device`]s, the [`staff_token`]s of devices at the counter, and the hashing of
//! [`password`]s and security codes.

pub mod access;
pub mod device;
pub mod password;
pub mod refresh;
pub mod signing_keys;
pub mod staff_token;

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// HMAC-SHA256 of `message` under a server key, in lower-case hex.
#[must_use]
pub fn hmac_hex(key: &SecretString, message: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose_secret().as_bytes())
        .expect("HMAC takes keys of any length");
    mac.update(message);
    hex::encode(mac.finalize().into_bytes())
}

/// SHA-256 of a random secret, in lower-case hex. Strong enough only for secrets of at least
/// 128 random bits; passwords and codes need [`password`] or [`hmac_hex`].
#[must_use]
pub fn sha256_hex(secret: &str) -> String {
    hex::encode(Sha256::digest(secret.as_bytes()))
}

/// Compares two texts in a time that does not depend on where they differ.
#[must_use]
pub fn same_secret(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}
