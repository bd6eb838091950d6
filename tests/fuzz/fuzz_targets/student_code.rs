//! Parses any bytes as a student's code: nothing panics, and only the one code that was signed is
//! accepted. The input is tried as it is, and as a change of the signed code.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use thali_domain::ids::{AccountId, MessId};
use thali_domain::students::qr::{Code, Kid, MessKey, Nonce, ReadCode};

struct Genuine {
    mess: MessId,
    key: MessKey,
    text: String,
}

static GENUINE: LazyLock<Genuine> = LazyLock::new(|| {
    let mess = MessId::parse("mess_demo").expect("an id");
    let key = MessKey::derive(b"the deployment's secret", &mess, Kid::FIRST);
    let account_id = AccountId::parse("acc_01J9Z6V3KQ4N6B7XTA0S2E5GHQ").expect("an id");
    let code = Code { account_id, kid: Kid::FIRST, nonce: Nonce::from_random([7; 9]) };
    let text = key.sign(&mess, &code);
    Genuine { mess, key, text }
});

fn believed(genuine: &Genuine, bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let believes = |read: ReadCode| genuine.key.verifies(&genuine.mess, &read);
    ReadCode::parse(&text).is_ok_and(believes)
}

fuzz_target!(|input: &[u8]| {
    let genuine = &*GENUINE;
    assert_eq!(believed(genuine, input), input == genuine.text.as_bytes());

    // The first byte is the position of the change, the rest is the replacement.
    if let [place, instead @ ..] = input {
        let mut changed = genuine.text.clone().into_bytes();
        let start = usize::from(*place) % changed.len();
        let end = changed.len().min(start + instead.len());
        changed.splice(start..end, instead.iter().copied());
        assert_eq!(believed(genuine, &changed), changed == genuine.text.as_bytes());
    }
});
