//! The business rules of Thali, and nothing else.
//!
//! Everything here is pure: no I/O, no clock, no environment and no randomness. The
//! dependencies in `Cargo.toml` show this. Outside facts that a rule needs (the time, a key, a
//! fresh identifier) are arguments. A handler loads data, calls a function of this crate to
//! decide, and commits the decision with one conditional write that repeats the rule.
//!
//! # Map
//!
//! Each area is a folder with the same name as its area in `thali-functions`:
//!
//! | area | its subject |
//! |---|---|
//! | [`accounts`] | identity, sign-up, sessions, profile |
//! | [`students`] | approval by the owner, and the student's QR code |
//! | [`tokens`] | meal tokens, and redeeming them |
//! | [`payments`] | paying for tokens, and refunds |
//! | [`orders`] | the menu, its stock, and orders |
//! | [`meals`] | cycles, cuts, closures, and the times of meals |
//! | [`staff`] | scans at the counter |
//! | [`owner`] | settings, notifications, headcounts |
//!
//! These modules hold types that several areas share:
//!
//! | module | its subject |
//! |---|---|
//! | [`ids`] | typed, sortable identifiers |
//! | [`mess`] | a mess and its settings |
//! | [`days`] | dates, periods, and the meals on them |
//! | [`money`] | paise |
//! | [`pictures`] | which images are accepted, their storage keys, and removing their metadata |
//! | [`spreadsheet`] | what makes a CSV file safe to open in a spreadsheet |
//! | [`reason`] | an owner's reason for a decision |
//! | [`past`] | what a fact was before it changed |
//! | [`patch`] | one field of a partial update |
//! | [`phone`] | telephone numbers and regions |
//! | [`text`], `number` | a line of text; how newtypes over text and numbers are parsed and documented |
//! | [`unicode`] | one spelling of texts, digits of any script, what can be seen |
//!
//! A file's unit tests are in the file; property tests are in `properties`.

pub mod accounts;
pub mod days;
pub mod ids;
pub mod meals;
pub mod mess;
pub mod money;
mod number;
pub mod orders;
pub mod owner;
pub mod past;
pub mod patch;
pub mod payments;
pub mod phone;
pub mod pictures;
#[cfg(test)]
mod properties;
pub mod reason;
pub mod spreadsheet;
pub mod staff;
pub mod students;
pub mod text;
pub mod tokens;
pub mod unicode;

/// A value from a person or a client that fails validation.
///
/// The message is meant for the person who typed the value: it says what is accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unacceptable(pub String);

impl Unacceptable {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}
