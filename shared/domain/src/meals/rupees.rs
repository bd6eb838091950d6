//! The amount paid for a cycle: in paise, and in rupees as people write them.

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};

use crate::Unacceptable;
use crate::number::bounded_number;
use crate::text::plain_schema;

bounded_number! {
    /// The amount paid for a cycle in paise: at most a hundred thousand rupees.
    CyclePaise: u64, 1, 10_000_000
}

/// The amount paid for a cycle as people write it: in rupees, with at most two decimal places.
///
/// A JSON number arrives as the nearest binary fraction. Within the bounds, the shortest
/// decimal of this fraction is the number that the client sent. So the digits of that decimal
/// are parsed, and nothing is calculated with the fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CycleRupees(CyclePaise);

impl CycleRupees {
    const EXPECTED: &'static str =
        "an amount in rupees from 0.01 to 100000 with at most two decimal places";

    /// Parses a decimal such as `1500`, `1500.5` or `1500.50`.
    pub fn parse(text: &str) -> Result<Self, Unacceptable> {
        let refused = || Unacceptable::new(format!("must be {}", Self::EXPECTED));
        let (rupees, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        // Eight digits of rupees exceed the maximum, and their paise do not overflow.
        let accepted = (1..=8).contains(&rupees.len()) && digits(rupees) && digits(fraction);
        if !accepted || fraction.len() > 2 || text.ends_with('.') {
            return Err(refused());
        }
        let paise: i64 = format!("{rupees}{fraction:0<2}").parse().map_err(|_| refused())?;
        CyclePaise::try_from(paise).map(Self).map_err(|_| refused())
    }

    #[must_use]
    pub const fn paise(self) -> CyclePaise {
        self.0
    }
}

impl<'de> Deserialize<'de> for CycleRupees {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Rupees;

        impl Visitor<'_> for Rupees {
            type Value = CycleRupees;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(CycleRupees::EXPECTED)
            }

            fn visit_u64<E: Error>(self, rupees: u64) -> Result<CycleRupees, E> {
                CycleRupees::parse(&rupees.to_string()).map_err(E::custom)
            }

            fn visit_i64<E: Error>(self, rupees: i64) -> Result<CycleRupees, E> {
                CycleRupees::parse(&rupees.to_string()).map_err(E::custom)
            }

            fn visit_f64<E: Error>(self, rupees: f64) -> Result<CycleRupees, E> {
                CycleRupees::parse(&rupees.to_string()).map_err(E::custom)
            }
        }

        deserializer.deserialize_any(Rupees)
    }
}

plain_schema!(CycleRupees: Number, minimum = 0.01, maximum = 100_000.0);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rupees_convert_to_paise_exactly_or_are_refused() {
        let paise = |json: &str| {
            serde_json::from_str::<CycleRupees>(json).ok().map(|rupees| rupees.paise().get())
        };
        for (json, expected) in [
            ("1500", 150_000),
            ("1500.5", 150_050),
            ("1500.50", 150_050),
            ("1500.05", 150_005),
            ("0.01", 1),
            ("0.1", 10),
            ("0.29", 29),
            ("1.10", 110),
            ("99999.99", 9_999_999),
            ("100000", 10_000_000),
            ("100000.00", 10_000_000),
            // JSON has several spellings of one number.
            ("1e3", 100_000),
            ("1.5e3", 150_000),
        ] {
            assert_eq!(paise(json), Some(expected), "{json}");
        }
        for refused in [
            "0",
            "0.0",
            "0.001",
            "0.005",
            "1.005",
            "1500.505",
            "-1",
            "-0.01",
            "-0",
            "100000.01",
            "100001",
            "1e9",
            "1e300",
            "1e-3",
            "\"1500\"",
            "null",
            "true",
            "[1]",
            "18446744073709551615",
        ] {
            assert_eq!(paise(refused), None, "{refused}");
        }
    }

    #[test]
    fn every_amount_with_two_decimal_places_is_read_exactly() {
        for paise in (1..=10_000_000_u64).step_by(37) {
            let json = format!("{}.{:02}", paise / 100, paise % 100);
            let read: CycleRupees = serde_json::from_str(&json).expect("two decimal places");
            assert_eq!(read.paise().get(), paise, "{json}");
        }
    }

    #[test]
    fn a_decimal_has_digits_on_both_sides_of_its_point() {
        for refused in ["", ".", "1.", ".5", "1.5.0", "+1", " 1", "1 ", "1,5", "१", "123456789"] {
            assert!(CycleRupees::parse(refused).is_err(), "{refused:?}");
        }
    }
}
