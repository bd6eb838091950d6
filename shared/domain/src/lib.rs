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
//! | [`pictures`] | which images are accepted, and their storage keys |
//! | [`reason`] | an owner's reason for a decision |
//! | [`patch`] | one field of a partial update |
//! | `text`, `number` | a line of text; how newtypes over text and numbers are parsed and documented |
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
pub mod patch;
pub mod payments;
pub mod pictures;
#[cfg(test)]
mod properties;
pub mod reason;
pub mod staff;
pub mod students;
mod text;
pub mod tokens;

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
