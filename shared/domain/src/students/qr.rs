//! The QR code that a student shows: `v1|<account>|<kid>|<nonce>|<signature>`.
//!
//! The signature is HMAC-SHA256 over the mess and the first four fields, in base64url without
//! padding. The key is derived from the deployment's secret, the mess and the `kid`, so a
//! leaked table contains no key. Each student has one valid nonce: a new nonce invalidates all
//! earlier codes.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::Unacceptable;
use crate::ids::{AccountId, MessId};
use crate::text::{plain_schema, text_newtype};

/// The version at the beginning of each code.
const VERSION: &str = "v1";

/// The maximum length of a code, in bytes.
pub const CODE_LENGTH_MAX: usize = 256;

/// The number of random bytes in a nonce.
pub const NONCE_BYTES: usize = 9;

/// The length of these bytes in base64url.
const NONCE_LENGTH: usize = 12;

/// The length of a signature: 32 bytes in base64url without padding.
const SIGNATURE_LENGTH: usize = 43;

/// The id of a mess's signing key: `k` and its number, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Kid(u32);

plain_schema!(Kid: String, pattern = "^k[1-9][0-9]{0,8}$");

impl Kid {
    /// The key of a mess that never rotated its keys.
    pub const FIRST: Self = Self(1);

    /// The key after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// Parses the printed form.
    pub fn parse(text: &str) -> Result<Self, Unacceptable> {
        let refused = || Unacceptable::new("must be the id of a key of codes, such as k1");
        let number = text.strip_prefix('k').filter(|number| number.len() <= 9);
        let number: u32 = number.and_then(|number| number.parse().ok()).ok_or_else(refused)?;
        let kid = Self(number);
        if number > 0 && kid.to_string() == text { Ok(kid) } else { Err(refused()) }
    }
}

impl std::fmt::Display for Kid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "k{}", self.0)
    }
}

impl TryFrom<String> for Kid {
    type Error = Unacceptable;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<Kid> for String {
    fn from(kid: Kid) -> Self {
        kid.to_string()
    }
}

/// The nonce that makes a student's code valid, until a reset replaces it: twelve characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Nonce(String);

impl Nonce {
    /// Makes a nonce of random bytes from the caller.
    #[must_use]
    pub fn from_random(bytes: [u8; NONCE_BYTES]) -> Self {
        Self(base64url(&bytes))
    }

    /// The bytes of the nonce.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; NONCE_BYTES] {
        let bytes = from_base64url(&self.0).and_then(|bytes| bytes.try_into().ok());
        bytes.expect("twelve characters of base64url are nine bytes")
    }

    /// Parses the printed form.
    pub fn parse(text: &str) -> Result<Self, Unacceptable> {
        if text.len() == NONCE_LENGTH && text.bytes().all(is_base64url) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Unacceptable::new("must be twelve characters of base64url"))
        }
    }
}
text_newtype!(Nonce);

/// The data does not have the form of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not a code of a student")]
pub struct MalformedCode;

/// The content of a code, which is not verified yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    pub account_id: AccountId,
    /// The key that signed the code.
    pub kid: Kid,
    /// The student's nonce when the code was created.
    pub nonce: Nonce,
}

/// A parsed code: its content, and the signature to verify.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadCode {
    pub code: Code,
    signature: String,
}

/// A key that signs the codes of a mess.
pub struct MessKey(Hmac<Sha256>);

impl MessKey {
    /// Derives the key of this mess and `kid`: an HMAC of both under the deployment's secret.
    #[must_use]
    pub fn derive(secret: &[u8], mess: &MessId, kid: Kid) -> Self {
        let key = mac(secret, &format!("thali-qr|{mess}|{kid}"));
        Self(Hmac::new_from_slice(&key).expect("HMAC takes keys of any length"))
    }

    fn signature(&self, mess: &MessId, code: &Code) -> [u8; 32] {
        let mut mac = self.0.clone();
        mac.update(format!("{mess}|{}", code.unsigned()).as_bytes());
        mac.finalize().into_bytes().into()
    }

    /// The code with its signature, as the student shows it.
    #[must_use]
    pub fn sign(&self, mess: &MessId, code: &Code) -> String {
        format!("{}|{}", code.unsigned(), base64url(&self.signature(mess, code)))
    }

    /// Whether this key signed the code for this mess. The comparison takes constant time.
    #[must_use]
    pub fn verifies(&self, mess: &MessId, read: &ReadCode) -> bool {
        let mut mac = self.0.clone();
        mac.update(format!("{mess}|{}", read.code.unsigned()).as_bytes());
        from_base64url(&read.signature).is_some_and(|bytes| mac.verify_slice(&bytes).is_ok())
    }
}

impl Code {
    fn unsigned(&self) -> String {
        format!("{VERSION}|{}|{}|{}", self.account_id, self.kid, self.nonce)
    }
}

impl ReadCode {
    /// Parses a code. Each code has exactly one spelling, to the last bit.
    pub fn parse(text: &str) -> Result<Self, MalformedCode> {
        if text.len() > CODE_LENGTH_MAX {
            return Err(MalformedCode);
        }
        let parts: Vec<&str> = text.split('|').collect();
        let [VERSION, account, kid, nonce, signature] = parts.as_slice() else {
            return Err(MalformedCode);
        };
        let code = Code {
            account_id: AccountId::parse(account).map_err(|_| MalformedCode)?,
            kid: Kid::parse(kid).map_err(|_| MalformedCode)?,
            nonce: Nonce::parse(nonce).map_err(|_| MalformedCode)?,
        };
        let signed = signature.len() == SIGNATURE_LENGTH && from_base64url(signature).is_some();
        if signed {
            Ok(Self { code, signature: (*signature).to_owned() })
        } else {
            Err(MalformedCode)
        }
    }
}

fn mac(key: &[u8], message: &str) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(message.as_bytes());
    mac.finalize().into_bytes().into()
}

fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Decodes base64url; `None` unless the text has the canonical spelling.
fn from_base64url(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

const fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

#[cfg(test)]
mod tests {
    use ulid::Ulid;

    use super::*;

    fn code() -> (MessId, MessKey, Code) {
        let mess = MessId::parse("mess_demo").expect("an id");
        let key = MessKey::derive(b"secret", &mess, Kid::FIRST);
        let account_id = AccountId::from_ulid(Ulid(7));
        (mess, key, Code { account_id, kid: Kid::FIRST, nonce: Nonce::from_random([3; 9]) })
    }

    #[test]
    fn a_signed_code_is_verified_only_for_its_mess_and_key() {
        let (mess, key, code) = code();
        let read = ReadCode::parse(&key.sign(&mess, &code)).expect("a code");
        assert_eq!(read.code, code);
        assert!(key.verifies(&mess, &read));
        let other_mess = MessId::parse("mess_other").expect("an id");
        assert!(!key.verifies(&other_mess, &read));
        assert!(!MessKey::derive(b"secret", &mess, Kid::FIRST.next()).verifies(&mess, &read));
        assert!(!MessKey::derive(b"other", &mess, Kid::FIRST).verifies(&mess, &read));
    }
}
