//! A sign-up that waits for its one-time code. The code is derived, not stored: whoever
//! holds the key can compute it from the registration's id and the number of resends, so
//! a leaked table holds none.

use hmac::{Hmac, KeyInit, Mac};
use jiff::SignedDuration;
use sha2::Sha256;

use crate::ids::RegistrationId;

/// How long a registration waits for its code, from the last mail.
pub const LIFETIME: SignedDuration = SignedDuration::from_mins(15);

/// Wrong codes that are borne over the whole registration, resends included.
pub const ATTEMPTS_MAX: u32 = 5;

/// How many sign-ups with one address are taken in [`SIGN_UPS_WINDOW`]. With the wrong
/// codes of each it bounds guessing, and it spares the address's owner a flood of mails.
pub const SIGN_UPS_MAX: u32 = 10;

/// The time in which sign-ups with one address are counted.
pub const SIGN_UPS_WINDOW: SignedDuration = SignedDuration::from_hours(1);

/// How often a code can be asked for again.
pub const RESENDS_MAX: u32 = 5;

/// Derives the six-digit code of a registration after `resends` resends.
///
/// HMAC-SHA256 over the id and the counter, truncated as RFC 4226 §5.3 truncates. A
/// resend changes the counter and by that invalidates the code before.
#[must_use]
pub fn one_time_code(key: &[u8], registration: RegistrationId, resends: u32) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(registration.to_string().as_bytes());
    mac.update(&resends.to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let offset = usize::from(digest[digest.len() - 1] & 0x0f);
    let word = u32::from_be_bytes([
        digest[offset] & 0x7f,
        digest[offset + 1],
        digest[offset + 2],
        digest[offset + 3],
    ]);
    format!("{:06}", word % 1_000_000)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ulid::Ulid;

    use super::*;

    fn id(bits: u128) -> RegistrationId {
        RegistrationId::from_ulid(Ulid(bits))
    }

    proptest! {
        #[test]
        fn a_code_is_six_digits_and_the_same_for_the_same_inputs(key in any::<[u8; 32]>(), bits in any::<u128>(), resends in 0_u32..=RESENDS_MAX) {
            let code = one_time_code(&key, id(bits), resends);
            prop_assert!(code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit()));
            prop_assert_eq!(code, one_time_code(&key, id(bits), resends));
        }
    }

    #[test]
    fn codes_differ_by_key_registration_and_resend() {
        let code = one_time_code(b"key", id(1), 0);
        assert_ne!(code, one_time_code(b"other", id(1), 0));
        assert_ne!(code, one_time_code(b"key", id(2), 0));
        assert_ne!(code, one_time_code(b"key", id(1), 1));
    }
}
