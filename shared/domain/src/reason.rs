//! An owner's reason for a decision about a student, a payment or a closure.

use serde::Serialize;

use crate::Unacceptable;
use crate::text::{parse_line, plain_schema, stored_text, text_newtype};

/// An owner's reason for a decision, written for the student: 1 to 300 characters on one line.
#[derive(Debug, Clone, Serialize)]
#[serde(into = "String")]
pub struct Reason(String);

impl Reason {
    pub fn parse(text: &str) -> Result<Self, Unacceptable> {
        parse_line(text, 300).map(Self)
    }
}
text_newtype!(Reason);
stored_text!(Reason);
plain_schema!(Reason: String, min_length = 1, max_length = 300);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_line_of_at_most_three_hundred_characters() {
        let longest = "न".repeat(300);
        assert_eq!(Reason::parse(&format!(" {longest} ")).expect("fits").as_str(), longest);
        for refused in ["", "  ", "two\nlines", &"x".repeat(301)] {
            assert!(Reason::parse(refused).is_err(), "{refused:?}");
        }
    }
}
