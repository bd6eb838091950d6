//! Removes the metadata of any bytes that a picture's first bytes make a picture: nothing panics, no
//! file grows, and a cleaned file is clean, without which cleaning would have no end.

#![no_main]

use libfuzzer_sys::fuzz_target;
use thali_domain::pictures::{PictureFormat, cleaned};

fuzz_target!(|input: &[u8]| {
    let Some(format) = PictureFormat::of_bytes(input) else { return };
    let clean = |file: &[u8]| cleaned(format, file.len() as u64, format.content_type(), file);
    if let Ok(Some(file)) = clean(input) {
        assert!(file.len() <= input.len());
        assert_eq!(clean(&file), Ok(None));
    }
});
