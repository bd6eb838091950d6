//! What a device sends of a scan: the text that it read, its own id of the scan, what it says of
//! itself, and the time.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::Unacceptable;
use crate::text::parse_line;
use crate::text::{plain_schema, text_newtype};

/// The maximum length of a code in bytes. Longer data is not a code.
pub const QR_BYTES_MAX: usize = 1_024;

/// The maximum length of a sent text in bytes, with what may surround a code. In longer data
/// nobody looks for a code.
const SENT_BYTES_MAX: usize = 4 * QR_BYTES_MAX;

/// The maximum age of a scan time from a device.
pub const SCAN_AGE_MAX: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How far a device's clock may be ahead.
pub const SCANNED_AHEAD_MAX: SignedDuration = SignedDuration::from_mins(2);

/// The text of a code without what a hardware scanner or a paste puts around it: white space,
/// control characters, and characters without a width, such as U+FEFF. `None` if the data is too
/// long to be a code.
#[must_use]
pub fn trimmed(qr_data: &str) -> Option<&str> {
    let sent = Some(qr_data).filter(|sent| sent.len() <= SENT_BYTES_MAX)?;
    let code = sent.trim_matches(|c: char| c.is_whitespace() || c.is_control() || is_invisible(c));
    Some(code).filter(|code| code.len() <= QR_BYTES_MAX)
}

/// Whether a character has no width: format characters and variation selectors of Unicode.
const fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// A device's own id of a scan: 1 to 64 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ScanNonce(String);

impl ScanNonce {
    pub fn parse(text: &str) -> Result<Self, Unacceptable> {
        if (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Unacceptable::new("must be 1 to 64 visible ASCII characters"))
        }
    }
}
text_newtype!(ScanNonce);
plain_schema!(ScanNonce: String, pattern = "^[!-~]{1,64}$");

/// A device's description of itself, for people: 1 to 100 characters on one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DeviceInfo(String);

impl DeviceInfo {
    pub fn parse(text: &str) -> Result<Self, Unacceptable> {
        parse_line(text, 100).map(Self)
    }
}
text_newtype!(DeviceInfo);
plain_schema!(DeviceInfo: String, min_length = 1, max_length = 100);

/// The time of a scan according to the device, in whole milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct ScannedAt(Timestamp);

impl TryFrom<String> for ScannedAt {
    type Error = Unacceptable;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let refused = || Unacceptable::new("must be a time such as 2026-02-28T13:05:00Z");
        let time: Timestamp = text.parse().map_err(|_| refused())?;
        Timestamp::from_millisecond(time.as_millisecond()).map(Self).map_err(|_| refused())
    }
}

impl utoipa::PartialSchema for ScannedAt {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        use utoipa::openapi::schema::{KnownFormat, SchemaFormat};
        let text = utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)));
        text.into()
    }
}

impl utoipa::ToSchema for ScannedAt {}

/// Why the time of a scan is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ScannedAtRefusal {
    /// More than [`SCAN_AGE_MAX`] ago.
    #[error("must be within the last 7 days")]
    TooOld,
    /// More than [`SCANNED_AHEAD_MAX`] ahead.
    #[error("must not be in the future")]
    InFuture,
}

impl ScannedAt {
    /// Returns the time if it is plausible: at most [`SCAN_AGE_MAX`] before `now`, and at
    /// most [`SCANNED_AHEAD_MAX`] after it.
    pub fn near(self, now: Timestamp) -> Result<Timestamp, ScannedAtRefusal> {
        if self.0 < now - SCAN_AGE_MAX {
            Err(ScannedAtRefusal::TooOld)
        } else if self.0 > now + SCANNED_AHEAD_MAX {
            Err(ScannedAtRefusal::InFuture)
        } else {
            Ok(self.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn a_scan_time_may_be_a_week_old_or_two_minutes_ahead() {
        let now = at("2026-01-15T07:30:00Z");
        let near = |text: &str| ScannedAt::try_from(text.to_owned()).expect("a time").near(now);
        assert_eq!(near("2026-01-08T07:30:00.000999Z"), Ok(at("2026-01-08T07:30:00Z")));
        assert_eq!(near("2026-01-15T13:02:00+05:30"), Ok(at("2026-01-15T07:32:00Z")));
        assert_eq!(near("2026-01-08T07:29:59.999Z"), Err(ScannedAtRefusal::TooOld));
        assert_eq!(near("2026-01-15T07:32:00.001Z"), Err(ScannedAtRefusal::InFuture));
        for refused in ["", "now", "2026-01-15", "2026-01-15T07:30:00"] {
            assert!(ScannedAt::try_from(refused.to_owned()).is_err(), "{refused}");
        }
    }

    #[test]
    fn a_nonce_is_visible_ascii_and_short() {
        assert!(ScanNonce::parse(&"x".repeat(64)).is_ok());
        for refused in ["", "a b", "ä", &"x".repeat(65)] {
            assert!(ScanNonce::parse(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn only_what_nobody_sees_is_trimmed_and_only_around_the_text() {
        for around in [
            "\r\n",
            "\n",
            "\t",
            " \u{a0}\u{3000}",
            "\u{feff}",
            "\u{200b}",
            "\u{0}\u{1d}",
            "\u{200e}",
            "\u{2060}",
            "\u{85}\u{2028}",
        ] {
            for sent in [format!("{around}v1|x"), format!("v1|x{around}")] {
                assert_eq!(trimmed(&sent), Some("v1|x"), "{around:?}");
            }
            let inside = format!("v1|{around}x");
            assert_eq!(trimmed(&inside), Some(inside.as_str()));
        }
        assert_eq!(trimmed(" \u{feff}\r\n"), Some(""));
        assert_eq!(trimmed("]Q1v1|x."), Some("]Q1v1|x."));
    }

    #[test]
    fn a_text_may_be_long_only_around_the_code() {
        let code = "x".repeat(QR_BYTES_MAX);
        let padded = format!("{code}{}", " ".repeat(3 * QR_BYTES_MAX));
        assert_eq!(trimmed(&padded), Some(code.as_str()));
        assert_eq!(trimmed(&format!("{padded} ")), None);
        assert_eq!(trimmed(&format!("{code}x")), None);
    }
}
