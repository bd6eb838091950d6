//! Telephone numbers and the regions whose way of writing them is understood. A number is stored
//! in E.164 (`+919876543210`), so that each has one spelling.
//!
//! What is checked is the structure of a number: its calling code, and whether the region's
//! plan has numbers of that length. Whether somebody answers is for those who call.

use phonelib::{PhoneFormat, PhoneNumber, PhoneNumberType};
use serde::{Deserialize, Serialize};

use crate::Unacceptable;
use crate::text::plain_schema;
use crate::unicode::{ascii_digit, is_dash, is_invisible};

/// A region with a numbering plan, by its ISO 3166-1 alpha-2 code, such as `IN`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Region(&'static str);

impl Region {
    pub const INDIA: Self = Self("IN");

    /// Accepts the code of a region, in any case.
    pub fn parse(text: &str) -> Result<Self, Unacceptable> {
        let code = text.trim().to_ascii_uppercase();
        let letters = code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase());
        let known = phonelib::countries().iter().find(|country| letters && country.code == code);
        let refused = || Unacceptable::new("must be the two letters of a country, such as IN");
        known.map(|country| Self(country.code)).ok_or_else(refused)
    }

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }

    fn calling_code(self) -> String {
        let country = phonelib::country_by_code(self.0).expect("a region is a known country");
        // In North America the area code tells the country, so the table has both together.
        let prefix = country.prefix;
        if prefix >= 1_000 { "1".to_owned() } else { prefix.to_string() }
    }
}

impl Default for Region {
    fn default() -> Self {
        Self::INDIA
    }
}

impl std::str::FromStr for Region {
    type Err = Unacceptable;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

// Not derived: a derived one could only read text that is never freed.
impl<'de> Deserialize<'de> for Region {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

plain_schema!(Region: String, pattern = "^[A-Z]{2}$");

/// A telephone number in E.164. One that was stored before numbers were, is read as it is: up to
/// 15 digits, perhaps without a calling code.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
pub struct Phone(String);

impl Phone {
    /// Parses a number as people in `region` write it, or with a calling code.
    pub fn parse(text: &str, region: Region) -> Result<Self, Unacceptable> {
        let refused = || {
            Unacceptable::new(
                "must be a telephone number, such as +91 98765 43210, or as it is dialled in the \
                 mess's country",
            )
        };
        let written = digits_of(text).ok_or_else(refused)?;
        // People also write their calling code without the `+`, and after a `0`.
        let bare = written.trim_start_matches('0');
        let bare = bare.starts_with(&region.calling_code()).then(|| format!("+{bare}"));
        [Some(written), bare]
            .iter()
            .flatten()
            .filter_map(|written| PhoneNumber::parse_with_country(written, region.0))
            .find(is_plausible)
            .map(|number| Self(number.e164().to_owned()))
            .ok_or_else(refused)
    }

    /// The number as people in its own country write it, for showing.
    #[must_use]
    pub fn national(&self) -> String {
        let known = PhoneNumber::parse(&self.0).filter(|_| self.0.starts_with('+'));
        known.map_or_else(
            || self.0.clone(),
            |number| indian(&number).unwrap_or_else(|| number.format(PhoneFormat::National)),
        )
    }

    /// Whether two stored numbers are the same, also if one was stored without calling code.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let reads_as = |local: &Self, global: &Self| {
            let global_number = PhoneNumber::parse(&global.0).filter(|_| global.0.starts_with('+'));
            let region = global_number.map(|number| Region(number.country().code));
            region.is_some_and(|region| Self::parse(&local.0, region).as_ref() == Ok(global))
        };
        self == other || reads_as(self, other) || reads_as(other, self)
    }
}

/// An Indian number that is not written in two groups of five digits: in one of the large cities,
/// or toll-free.
fn indian(number: &PhoneNumber) -> Option<String> {
    const CITIES: [&str; 8] = ["11", "20", "22", "33", "40", "44", "79", "80"];
    let digits = number.national_number();
    if number.country().code != "IN" {
        return None;
    }
    match (digits.len(), number.phone_type()) {
        (10, PhoneNumberType::FixedLine) if CITIES.contains(&&digits[..2]) => {
            Some(format!("0{} {} {}", &digits[..2], &digits[2..6], &digits[6..]))
        }
        (11, PhoneNumberType::TollFree) => {
            Some(format!("{} {} {}", &digits[..4], &digits[4..7], &digits[7..]))
        }
        _ => None,
    }
}

/// The digits of a number as ASCII, with the `+` if it has one. Spaces, dashes, dots and brackets
/// are left out, and so are `tel:` and an extension, which is no part of E.164. `None` if there
/// is anything else.
fn digits_of(text: &str) -> Option<String> {
    let seen: String = text.chars().filter(|c| !is_invisible(*c)).collect();
    let text = seen.trim().trim_end_matches([',', ';', '.']).trim_end();
    let is_uri = text.get(..4).is_some_and(|scheme| scheme.eq_ignore_ascii_case("tel:"));
    let text = if is_uri { &text[4..] } else { text };
    let end = text.find(|c: char| c.is_alphabetic() || ";#,".contains(c)).unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    if !rest.is_empty() && !is_extension(rest) {
        return None;
    }
    let separates = |c: &char| c.is_whitespace() || is_dash(*c) || "()[]./".contains(*c);
    let mut digits = String::new();
    for c in number.chars().filter(|c| !separates(c)) {
        match c {
            '+' | '\u{ff0b}' if digits.is_empty() => digits.push('+'),
            c => digits.push(ascii_digit(c)?),
        }
    }
    // Two numbers in one field would be one long number without the slash.
    (!number.contains('/')).then_some(digits)
}

/// Whether a text is an extension, such as `ext. 12`, `x12` or `;ext=12`.
fn is_extension(text: &str) -> bool {
    let at = text.find(|c| ascii_digit(c).is_some()).unwrap_or(text.len());
    let (mark, number) = text.split_at(at);
    let mark: String =
        mark.chars().filter(|c| !c.is_whitespace() && !".:=;".contains(*c)).collect();
    let length = number.trim().chars().count();
    ["ext", "extn", "extension", "x", "#", ","].contains(&mark.to_lowercase().as_str())
        && (1..=7).contains(&length)
        && number.trim().chars().all(|c| ascii_digit(c).is_some())
}

/// Whether a subscriber can have the number. A region's plan is only known by the lengths of all
/// its numbers, and India's has toll-free ones of many lengths. A subscriber's has ten digits.
fn is_plausible(number: &PhoneNumber) -> bool {
    use PhoneNumberType::{PremiumRate, SharedCost, TollFree, Uan};
    let service = matches!(number.phone_type(), TollFree | PremiumRate | SharedCost | Uan);
    number.country().code != "IN" || service || number.national_number().len() == 10
}

/// A telephone number in a request. What it stands for depends on the mess's region.
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct TypedPhone(String);

impl TypedPhone {
    /// The number that was typed, as people in `region` write it.
    pub fn in_region(&self, region: Region) -> Result<Phone, Unacceptable> {
        Phone::parse(&self.0, region)
    }
}

impl TryFrom<String> for TypedPhone {
    type Error = Unacceptable;

    /// Refuses what is a number in no region.
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let digits = digits_of(&text).map(|digits| digits.trim_start_matches('+').len());
        if digits.is_some_and(|digits| (6..=20).contains(&digits)) {
            Ok(Self(text))
        } else {
            Err(Unacceptable::new("must be a telephone number, such as +91 98765 43210"))
        }
    }
}

plain_schema!(TypedPhone: String, min_length = 6, max_length = 100);

impl<'de> Deserialize<'de> for Phone {
    /// Reads any stored number as it is, because conditions of writes compare the stored text.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}

impl Phone {
    /// The number as it is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Phone> for String {
    fn from(phone: Phone) -> Self {
        phone.0
    }
}

impl std::fmt::Display for Phone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

plain_schema!(Phone: String, pattern = r"^[+]?[0-9]{7,15}$");

impl std::fmt::Debug for Phone {
    /// Hides the number, so that no log line can hold one by accident.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Phone(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, region: &str) -> Option<String> {
        let region = Region::parse(region).expect("a region");
        Phone::parse(text, region).ok().map(String::from)
    }

    #[test]
    fn every_way_of_writing_a_number_is_one_value() {
        for typed in [
            "9876543210",
            "098765 43210",
            "+91 98765 43210",
            "98765-43210",
            "98765 43210,",
            "98765 43210 ;",
            "919876543210",
            "0919876543210",
            "00919876543210",
            "0091 98765 43210",
            "+91 (0) 98765 43210",
            "(0)98765.43210",
            "tel:+91-98765-43210",
            "TEL:9876543210",
            "+91-98765\u{2011}43210 ext. 5",
            "9876543210x12",
            "+919876543210;ext=7",
            "९८७६५ ४३२१०",
            "９８７６５４３２１０",
            "98765\u{a0}43210",
            "\u{202a}+91 98765 43210\u{202c}",
            "+९१ ९८७६५-४३२१०",
            " 98765 43210 #3",
        ] {
            assert_eq!(read(typed, "IN").as_deref(), Some("+919876543210"), "{typed:?}");
        }
    }

    #[test]
    fn the_region_says_what_a_national_number_means() {
        for (typed, region, stored) in [
            ("9841234567", "NP", "+9779841234567"),
            ("020 7946 0958", "GB", "+442079460958"),
            ("020 7946 0958", "IN", "+912079460958"),
            ("+44 20 7946 0958", "IN", "+442079460958"),
            ("011 44 20 7946 0958", "US", "+442079460958"),
            ("(202) 555-0173", "US", "+12025550173"),
            ("06 1234 5678", "IT", "+390612345678"),
            ("1800 123 4567", "IN", "+9118001234567"),
            ("022 2345 6789", "IN", "+912223456789"),
        ] {
            assert_eq!(read(typed, region).as_deref(), Some(stored), "{typed} in {region}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for typed in [
            "",
            "12345",
            "112",
            "987654321",
            "98765432101",
            "abc",
            "12ab567",
            "98765abc43210",
            "+999123456789",
            "0000000000",
            "9876543210 / 9876543211",
            "+91 98765 43210 or so",
            "+",
            "++919876543210",
            "98765+43210",
            "asha@example.com",
            "9876543210,9876543211",
        ] {
            assert_eq!(read(typed, "IN"), None, "{typed:?}");
        }
        for typed in ["abc", "12345", "12ab567", "9876543210 / 9876543211"] {
            assert!(TypedPhone::try_from(typed.to_owned()).is_err(), "{typed}");
        }
    }

    #[test]
    fn a_number_is_shown_as_its_country_writes_it() {
        let phone = Phone::parse("9876543210", Region::INDIA).expect("a number");
        assert_eq!(phone.national(), "098765 43210");
        for (stored, shown) in [
            ("+912223456789", "022 2345 6789"),
            ("+9118001234567", "1800 123 4567"),
            ("+442079460958", "020 7946 0958"),
            ("+12025550173", "(202) 555-0173"),
        ] {
            let phone: Phone = serde_json::from_value(stored.into()).expect("reads");
            assert_eq!(phone.national(), shown);
        }
        let old: Phone = serde_json::from_str("\"9876543210\"").expect("stored before");
        assert_eq!(old.national(), "9876543210");
        assert_eq!(old.as_str(), "9876543210", "conditions compare the stored text");
    }

    #[test]
    fn a_number_stored_without_calling_code_is_the_same_number() {
        let stored = |text: &str| -> Phone {
            serde_json::from_value(serde_json::Value::from(text)).expect("reads")
        };
        let phone = stored("+919876543210");
        assert!(phone.is_same(&stored("9876543210")) && stored("09876543210").is_same(&phone));
        assert!(!phone.is_same(&stored("9876543211")) && !phone.is_same(&stored("+9779876543210")));
        assert!(stored("9876543210").is_same(&stored("9876543210")));
    }

    #[test]
    fn a_region_is_the_code_of_a_country_with_numbers() {
        assert_eq!(Region::parse(" in ").map(Region::as_str), Ok("IN"));
        for refused in ["", "I", "IND", "ZZ", "001", "91", "भा"] {
            assert!(Region::parse(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn debug_output_contains_no_number() {
        let shown = format!("{:?}", Phone::parse("9876543210", Region::INDIA));
        assert!(!shown.contains("98765"), "{shown}");
    }
}
