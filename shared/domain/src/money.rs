//! Money in integer paise. One rupee is 100 paise; money is never a float.

use serde::{Deserialize, Serialize};

use crate::text::plain_schema;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Paise(u64);

plain_schema!(Paise: Integer, minimum = 0);

impl Paise {
    #[must_use]
    pub const fn new(paise: u64) -> Self {
        Self(paise)
    }

    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The price of `count` pieces at this price each, or `None` on overflow.
    #[must_use]
    pub const fn checked_times(self, count: u16) -> Option<Self> {
        // A widening cast: every u16 is a u64, and `u64::from` is not const.
        match self.0.checked_mul(count as u64) {
            Some(paise) => Some(Self(paise)),
            None => None,
        }
    }
}

impl std::fmt::Display for Paise {
    /// Prints rupees: `₹500.00`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "₹{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_multiply_exactly_or_report_overflow() {
        assert_eq!(Paise::new(5_000).checked_times(500), Some(Paise::new(2_500_000)));
        assert_eq!(Paise::new(u64::MAX).checked_times(2), None);
    }

    #[test]
    fn amounts_print_as_rupees() {
        assert_eq!(Paise::new(50_005).to_string(), "₹500.05");
    }
}
