//! A student's profile, the security code, and a change of both.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use utoipa::openapi::{KnownFormat, SchemaFormat};

use crate::Unacceptable;
use crate::accounts::identity::{Name, RollNo, RoomNo};
use crate::patch::Patch;
use crate::phone::Phone;
use crate::text::{parse_line, parse_lines, plain_schema, stored_text, text_newtype};
use crate::unicode::code_digits;

/// A person's text about themselves: 1 to 500 characters, with line breaks allowed.
#[derive(Debug, Clone, Serialize)]
#[serde(into = "String")]
pub struct Bio(String);

impl Bio {
    const LENGTH_MAX: usize = 500;

    /// Parses the text; `\r\n` becomes `\n`.
    pub fn parse(text: &str) -> Result<Self, Unacceptable> {
        parse_lines(text, Self::LENGTH_MAX).map(Self)
    }
}
text_newtype!(Bio);
stored_text!(Bio);
plain_schema!(Bio: String, min_length = 1, max_length = 500);

/// A postal address: 1 to 300 characters on one line.
#[derive(Clone, Serialize)]
#[serde(into = "String")]
pub struct PostalAddress(String);

impl PostalAddress {
    pub fn parse(text: &str) -> Result<Self, Unacceptable> {
        parse_line(text, 300).map(Self)
    }
}
text_newtype!(PostalAddress);
stored_text!(PostalAddress);
plain_schema!(PostalAddress: String, min_length = 1, max_length = 300);

impl std::fmt::Debug for PostalAddress {
    /// Hides the address, so that no log line can hold one by accident.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PostalAddress(…)")
    }
}

/// A profession: 1 to 100 characters on one line.
#[derive(Debug, Clone, Serialize)]
#[serde(into = "String")]
pub struct Profession(String);

impl Profession {
    pub fn parse(text: &str) -> Result<Self, Unacceptable> {
        parse_line(text, 100).map(Self)
    }
}
text_newtype!(Profession);
stored_text!(Profession);
plain_schema!(Profession: String, min_length = 1, max_length = 100);

/// A date of birth, such as `2004-08-31`.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DateOfBirth(Date);

impl DateOfBirth {
    /// Parses a date after the year 1900. [`DateOfBirth::check_not_after`] refuses a future
    /// date.
    pub fn parse(text: &str) -> Result<Self, Unacceptable> {
        let date: Option<Date> = text.parse().ok();
        // The parser accepts more than dates, such as a time with its date.
        let date = date.filter(|date| date.to_string() == text && date.year() > 1900);
        date.map(Self).ok_or_else(|| {
            Unacceptable::new("must be a date after the year 1900, such as 2004-08-31")
        })
    }

    /// Refuses a day that has not begun anywhere on Earth at `now`. No person was born on such
    /// a day, and the mess's own time zone is not needed to know this.
    pub fn check_not_after(self, now: Timestamp) -> Result<(), Unacceptable> {
        let furthest_east = TimeZone::fixed(jiff::tz::offset(14));
        if self.0 <= now.to_zoned(furthest_east).date() {
            Ok(())
        } else {
            Err(Unacceptable::new("must not be in the future"))
        }
    }
}

impl TryFrom<String> for DateOfBirth {
    type Error = Unacceptable;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<DateOfBirth> for String {
    fn from(date: DateOfBirth) -> Self {
        date.0.to_string()
    }
}

plain_schema!(DateOfBirth: String, format = SchemaFormat::KnownFormat(KnownFormat::Date));

impl std::fmt::Display for DateOfBirth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::fmt::Debug for DateOfBirth {
    /// Hides the day, so that no log line can hold one by accident.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DateOfBirth(…)")
    }
}

/// A security code that a student chooses: a PIN of 4 to 8 digits. It is secret, so it is never
/// printed or stored; [`SecurityCode::expose`] is for hashing it.
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct SecurityCode(String);

impl SecurityCode {
    /// Parses a code. Digits of any script are the same digits; spaces and dashes are left out.
    pub fn parse(text: &str) -> Result<Self, Unacceptable> {
        let digits = code_digits(text).filter(|digits| (4..=8).contains(&digits.len()));
        digits.map(Self).ok_or_else(|| Unacceptable::new("must be 4 to 8 digits"))
    }

    /// The digits, for hashing.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for SecurityCode {
    type Error = Unacceptable;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

plain_schema!(SecurityCode: String, pattern = "^[0-9]{4,8}$");

/// A user's change of their own account.
#[derive(Clone, Default)]
pub struct ProfileChange {
    /// The name, which cannot be cleared.
    pub name: Option<Name>,
    pub phone: Patch<Phone>,
    /// The roll number, which is unique in the mess.
    pub roll_no: Patch<RollNo>,
    pub room_no: Patch<RoomNo>,
    pub bio: Patch<Bio>,
    pub address: Patch<PostalAddress>,
    pub profession: Patch<Profession>,
    pub date_of_birth: Patch<DateOfBirth>,
    /// The hash of a new security code. If it is cleared, the password takes its place again.
    pub security_code_hash: Patch<String>,
}

impl ProfileChange {
    /// Whether nothing changes.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.name.is_none()
            && self.phone.keeps()
            && self.roll_no.keeps()
            && self.room_no.keeps()
            && self.bio.keeps()
            && self.address.keeps()
            && self.profession.keeps()
            && self.date_of_birth.keeps()
            && self.security_code_hash.keeps()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bio_may_contain_line_breaks_but_no_other_control_characters() {
        let bio = Bio::parse(" I cook.\r\nI eat. ").expect("accepted");
        assert_eq!(bio.as_str(), "I cook.\nI eat.");
        assert!(Bio::parse(&"क".repeat(500)).is_ok(), "characters are counted, not bytes");
        for refused in ["", " \n ", "a\tb", "a\u{0}b", "a\rb", &"x".repeat(501)] {
            assert!(Bio::parse(refused).is_err(), "{refused:?}");
        }
    }

    #[test]
    fn an_address_and_a_profession_are_single_bounded_lines() {
        assert!(PostalAddress::parse(&"x".repeat(300)).is_ok());
        assert!(PostalAddress::parse(&"x".repeat(301)).is_err());
        assert!(PostalAddress::parse("12 Lake Road\nPune").is_err());
        assert!(Profession::parse(&"x".repeat(100)).is_ok());
        assert!(Profession::parse(&"x".repeat(101)).is_err());
    }

    #[test]
    fn a_date_of_birth_is_a_plain_date_after_1900() {
        for accepted in ["2004-08-31", "1901-01-01", "2024-02-29"] {
            assert_eq!(DateOfBirth::parse(accepted).expect(accepted).to_string(), accepted);
        }
        for refused in [
            "",
            "1900-12-31",
            "2023-02-29",
            "2004-13-01",
            "31-08-2004",
            "20040831",
            "2004-08-31T00:00:00Z",
            "2004-08-31 ",
        ] {
            assert!(DateOfBirth::parse(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn a_date_of_birth_must_have_begun_somewhere_on_earth() {
        let now: Timestamp = "2026-01-15T09:59:59Z".parse().expect("a time");
        let born = |text| DateOfBirth::parse(text).expect("a date");
        assert!(born("2026-01-15").check_not_after(now).is_ok());
        assert!(born("2026-01-16").check_not_after(now).is_err());
        let now: Timestamp = "2026-01-15T10:00:00Z".parse().expect("a time");
        assert!(born("2026-01-16").check_not_after(now).is_ok(), "it is the 16th on Kiritimati");
    }

    #[test]
    fn a_security_code_has_four_to_eight_digits() {
        for accepted in ["0000", "13572468"] {
            assert_eq!(SecurityCode::parse(accepted).expect(accepted).expose(), accepted);
        }
        for typed in [" 1357", "१३५७", "13-57", "１３５７"] {
            assert_eq!(SecurityCode::parse(typed).expect(typed).expose(), "1357", "{typed}");
        }
        for refused in ["", "135", "135724689", "13a5", "+1357", "१३५"] {
            assert!(SecurityCode::parse(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn a_change_of_any_field_is_not_empty() {
        assert!(ProfileChange::default().is_empty());
        let name = Some(Name::parse("Asha").expect("a name"));
        assert!(!ProfileChange { name, ..ProfileChange::default() }.is_empty());
        for change in [
            ProfileChange { phone: Patch::Clear, ..ProfileChange::default() },
            ProfileChange { roll_no: Patch::Clear, ..ProfileChange::default() },
            ProfileChange { room_no: Patch::Clear, ..ProfileChange::default() },
            ProfileChange { bio: Patch::Clear, ..ProfileChange::default() },
            ProfileChange { address: Patch::Clear, ..ProfileChange::default() },
            ProfileChange { profession: Patch::Clear, ..ProfileChange::default() },
            ProfileChange { date_of_birth: Patch::Clear, ..ProfileChange::default() },
            ProfileChange { security_code_hash: Patch::Clear, ..ProfileChange::default() },
        ] {
            assert!(!change.is_empty());
        }
    }
}
