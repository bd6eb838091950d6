//! Properties of one-time codes: they follow the standards, and one code does not help to guess
//! another.

use crate::accounts::one_time_code::{one_time_code, truncate};
use hmac::{Hmac, KeyInit, Mac};
use proptest::prelude::*;
use sha2::Sha256;
use ulid::Ulid;

/// RFC 4226, appendix D: for each count the HMAC-SHA-1, its truncated value, and the code of
/// six digits.
const RFC_4226: [(&str, u32, u32); 10] = [
    ("cc93cf18508d94934c64b65d8ba7667fb7cde4b0", 0x4c93_cf18, 755_224),
    ("75a48a19d4cbe100644e8ac1397eea747a2d33ab", 0x4139_7eea, 287_082),
    ("0bacb7fa082fef30782211938bc1c5e70416ff44", 0x82f_ef30, 359_152),
    ("66c28227d03a2d5529262ff016a1e6ef76557ece", 0x66ef_7655, 969_429),
    ("a904c900a64b35909874b33e61c5938a8e15ed1c", 0x61c5_938a, 338_314),
    ("a37e783d7b7233c083d4f62926c7a25f238d0316", 0x33c0_83d4, 254_676),
    ("bc9cd28561042c83f219324d3c607256c03272ae", 0x7256_c032, 287_922),
    ("a4fb960c0bc06e1eabb804e5b397cdc4b45596fa", 0x4e5_b397, 162_583),
    ("1b3c89f65e6c9e883012052823443f048b4332db", 0x2823_443f, 399_871),
    ("1637409809a679dc698207310c8c7fc07290d9e5", 0x2679_dc69, 520_489),
];

/// RFC 6238, appendix B, with SHA-256: the counter of each time, and the code of eight digits.
const RFC_6238: [(u64, u32); 6] = [
    (0x1, 46_119_246),
    (0x023_523ec, 68_084_774),
    (0x023_523ed, 67_062_674),
    (0x0273_ef07, 91_819_424),
    (0x03f9_40aa, 90_698_825),
    (0x27bc_86aa, 77_737_706),
];

fn bytes(hex: &str) -> Vec<u8> {
    let pair = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("two hex digits");
    (0..hex.len()).step_by(2).map(pair).collect()
}

#[test]
fn truncation_matches_rfc_4226() {
    for (digest, truncated, code) in RFC_4226 {
        assert_eq!(truncate(&bytes(digest)), truncated, "{digest}");
        assert_eq!(truncated % 1_000_000, code, "{digest}");
    }
}

#[test]
fn truncation_of_sha_256_matches_rfc_6238() {
    for (counter, code) in RFC_6238 {
        let mut mac = Hmac::<Sha256>::new_from_slice(b"12345678901234567890123456789012")
            .expect("HMAC takes keys of any length");
        mac.update(&counter.to_be_bytes());
        assert_eq!(truncate(&mac.finalize().into_bytes()) % 100_000_000, code, "{counter:x}");
    }
}

/// The number of subjects in the statistics below. The subjects are the same in every run.
const SUBJECTS: u32 = 20_000;

fn code(subject: u32, counter: u32) -> String {
    let subject = format!("reg_{}", Ulid(u128::from(subject)));
    one_time_code(b"a key of the tests", &subject, counter)
}

#[test]
fn all_digits_are_equally_likely_at_every_position() {
    let mut counts = [[0_u32; 10]; 6];
    for subject in 0..SUBJECTS {
        for (place, digit) in code(subject, 0).bytes().enumerate() {
            counts[place][usize::from(digit - b'0')] += 1;
        }
    }
    // 2,000 are expected; a deviation by 250 is six times the standard deviation.
    let usual = 1_750..=2_250;
    assert!(counts.iter().flatten().all(|count| usual.contains(count)), "{counts:?}");
}

#[test]
fn a_code_reveals_nothing_about_the_next_code() {
    let (mut same_code, mut same_digit) = (0_u32, [0_u32; 6]);
    for subject in 0..SUBJECTS {
        let (first, again) = (code(subject, 0), code(subject, 1));
        same_code += u32::from(first == again);
        for (place, same) in first.bytes().zip(again.bytes()).map(|(a, b)| a == b).enumerate() {
            same_digit[place] += u32::from(same);
        }
    }
    // Expected: one code in a million repeats, and one digit in ten is the same.
    assert!(same_code <= 1, "{same_code}");
    assert!(same_digit.iter().all(|same| (1_750..=2_250).contains(same)), "{same_digit:?}");
}

proptest! {
    #[test]
    fn a_code_has_six_digits_and_depends_only_on_its_inputs(key in any::<[u8; 32]>(), subject in "[a-z]{3}_[0-9A-Z]{26}", counter in any::<u32>()) {
        let code = one_time_code(&key, &subject, counter);
        prop_assert!(code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit()));
        prop_assert_eq!(code, one_time_code(&key, &subject, counter));
    }
}
