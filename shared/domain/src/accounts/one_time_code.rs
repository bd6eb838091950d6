//! One-time codes: six digits that are mailed to prove access to a mailbox. They are derived,
//! not stored: a code is computed from the key, the id of its subject and a counter. So a
//! leaked table contains no codes.

use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha2::Sha256;

use crate::Unacceptable;
use crate::unicode::code_digits;

/// A code as a person typed it: exactly six digits, of any script. Spaces and dashes are left
/// out. Anything else cannot be a code, so it is refused before it costs an attempt.
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct TypedCode(String);

impl TypedCode {
    pub fn parse(text: &str) -> Result<Self, Unacceptable> {
        let digits = code_digits(text).filter(|digits| digits.len() == 6);
        digits.map(Self).ok_or_else(|| Unacceptable::new("must be six digits"))
    }

    /// The digits, for comparison.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for TypedCode {
    type Error = Unacceptable;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

/// Derives the six-digit code for `subject`, the printed id of a registration or a password
/// reset, at `counter`. The id's prefix separates the codes of different uses. A higher counter
/// gives another code, which replaces the one before.
///
/// HMAC-SHA256 over the id and the counter, truncated as in RFC 4226 §5.3.
#[must_use]
pub fn one_time_code(key: &[u8], subject: &str, counter: u32) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(subject.as_bytes());
    mac.update(&counter.to_be_bytes());
    format!("{:06}", truncate(&mac.finalize().into_bytes()) % 1_000_000)
}

/// The dynamic truncation of RFC 4226 §5.3: 31 bits, at the offset that the low four bits of
/// the last byte give. RFC 4226 truncates the 20 bytes of SHA-1; RFC 6238 does the same with
/// the 32 bytes of SHA-256.
///
/// # Panics
///
/// Panics if the digest has fewer than 20 bytes, which the largest offset needs.
#[must_use]
pub fn truncate(digest: &[u8]) -> u32 {
    assert!(digest.len() >= 20, "an offset of 15 needs 19 bytes, and SHA-1 has 20");
    let offset = usize::from(digest[digest.len() - 1] & 0x0f);
    let word: [u8; 4] = std::array::from_fn(|index| digest[offset + index]);
    u32::from_be_bytes(word) & 0x7fff_ffff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_differ_by_key_subject_and_counter() {
        let code = one_time_code(b"key", "reg_1", 0);
        assert_ne!(code, one_time_code(b"other", "reg_1", 0));
        assert_ne!(code, one_time_code(b"key", "reg_2", 0));
        assert_ne!(code, one_time_code(b"key", "rst_1", 0));
        assert_ne!(code, one_time_code(b"key", "reg_1", 1));
    }

    #[test]
    fn a_typed_code_has_six_digits_of_any_script() {
        for typed in
            ["123456", "123 456", "123-456", "१२३४५६", "１２３４５６", " 12\u{2011}34\u{a0}56"]
        {
            assert_eq!(TypedCode::parse(typed).expect(typed).expose(), "123456");
        }
        for refused in ["", "12345", "1234567", "12345a", "abcdef", "1.2.3.4.5.6"] {
            assert!(TypedCode::parse(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn codes_in_mails_already_sent_stay_valid() {
        let subject = "reg_00000000000000000000000001";
        assert_eq!(one_time_code(b"test-otp-key", subject, 0), "646016");
        assert_eq!(one_time_code(b"test-otp-key", subject, 1), "266678");
    }
}
