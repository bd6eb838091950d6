//! Properties of students' QR codes: only a signed code is accepted, and every bit matters.

use proptest::prelude::*;
use ulid::Ulid;

use crate::ids::{AccountId, MessId};
use crate::students::qr::{CODE_LENGTH_MAX, Code, Kid, MessKey, Nonce, ReadCode};

const SECRET: &[u8] = b"the deployment's secret";

fn mess() -> MessId {
    MessId::parse("mess_demo").expect("an id")
}

fn key(kid: Kid) -> MessKey {
    MessKey::derive(SECRET, &mess(), kid)
}

fn kid() -> impl Strategy<Value = Kid> {
    (1_u32..=999_999_999).prop_map(|number| Kid::parse(&format!("k{number}")).expect("a kid"))
}

fn code() -> impl Strategy<Value = Code> {
    (any::<u128>(), kid(), any::<[u8; 9]>()).prop_map(|(account, kid, nonce)| Code {
        account_id: AccountId::from_ulid(Ulid(account)),
        kid,
        nonce: Nonce::from_random(nonce),
    })
}

/// Whether a counter accepts a text with the key that the text names.
fn believes(text: &str) -> bool {
    ReadCode::parse(text).is_ok_and(|read| key(read.code.kid).verifies(&mess(), &read))
}

proptest! {
    #[test]
    fn a_signed_code_is_accepted_with_its_signed_content(code in code()) {
        let text = key(code.kid).sign(&mess(), &code);
        prop_assert!(text.len() <= CODE_LENGTH_MAX);
        prop_assert_eq!(ReadCode::parse(&text).map(|read| read.code), Ok(code));
        prop_assert!(believes(&text));
    }

    #[test]
    fn arbitrary_text_is_not_accepted_and_never_panics(text in ".{0,300}") {
        prop_assert!(!believes(&text));
    }

    #[test]
    fn a_well_formed_code_without_the_right_key_is_refused(
        code in code(), forged in "[A-Za-z0-9_-]{43}", other in any::<u64>(),
    ) {
        let unsigned = key(code.kid).sign(&mess(), &code);
        let unsigned = unsigned.rsplit_once('|').expect("signed").0;
        let forged = format!("{unsigned}|{forged}");
        prop_assert!(!believes(&forged));
        let stranger = MessKey::derive(&other.to_be_bytes(), &mess(), code.kid);
        prop_assert!(!believes(&stranger.sign(&mess(), &code)));
    }

    #[test]
    fn a_code_is_refused_by_another_mess_or_key(code in code(), other in kid()) {
        let elsewhere = MessId::parse("mess_elsewhere").expect("an id");
        let key_there = MessKey::derive(SECRET, &elsewhere, code.kid);
        prop_assert!(!believes(&key_there.sign(&elsewhere, &code)));
        prop_assert!(!believes(&key_there.sign(&mess(), &code)));
        prop_assert_eq!(believes(&key(other).sign(&mess(), &code)), other == code.kid);
    }
}

proptest! {
    // Each case tries every bit and every length of one code: several thousand texts.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_code_with_any_single_bit_changed_is_refused(code in code()) {
        let genuine = key(code.kid).sign(&mess(), &code).into_bytes();
        for place in 0..genuine.len() * 8 {
            let mut changed = genuine.clone();
            changed[place / 8] ^= 1 << (place % 8);
            // Bytes that are not UTF-8 never get this far.
            if let Ok(changed) = std::str::from_utf8(&changed) {
                prop_assert!(!believes(changed), "bit {}: {}", place, changed);
            }
        }
    }

    #[test]
    fn every_shortened_or_lengthened_code_is_refused(code in code(), more in "[ -~]") {
        let genuine = key(code.kid).sign(&mess(), &code);
        for length in 0..genuine.len() {
            prop_assert!(!believes(&genuine[..length]), "the first {}", length);
            prop_assert!(!believes(&genuine[length + 1..]), "all but the first {}", length + 1);
            let doubled = format!("{}{more}{}", &genuine[..length], &genuine[length..]);
            prop_assert!(!believes(&doubled), "{}", doubled);
        }
        for lengthened in [format!("{genuine}{more}"), format!("{genuine}|"), format!("{genuine}=")] {
            prop_assert!(!believes(&lengthened), "{}", lengthened);
        }
    }
}
