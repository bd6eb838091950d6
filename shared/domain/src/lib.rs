//! The rules of Thali, and nothing else.
//!
//! Everything here is pure: no I/O, no clock, no environment and no randomness, which
//! `Cargo.toml` proves by what it does not list. What a rule needs to know of the
//! world (the time, a key, a fresh identifier) is an argument. A handler loads, asks a
//! function of this crate to decide, and commits the decision with one conditional
//! write that repeats the rule.
//!
//! # Map
//!
//! Each area is a folder with the same name as its area in `thali-functions`:
//!
//! | area | its subject |
//! |---|---|
//! | [`accounts`] | who somebody is; sign-up, sessions, profile |
//! | [`students`] | approval by the owner, and the student's QR code |
//! | [`tokens`] | meal tokens, and redeeming them |
//! | [`payments`] | paying for tokens, and refunds |
//! | [`orders`] | the menu, its stock, and orders |
//! | [`meals`] | cycles, cuts, closures, and the times of meals |
//! | [`staff`] | scans at the counter |
//! | [`owner`] | settings, notifications, headcounts |
//!
//! Beside them are the words that several areas share:
//!
//! | module | its subject |
//! |---|---|
//! | [`ids`] | typed, sortable identifiers |
//! | [`mess`] | a mess and its settings |
//! | [`days`] | dates, periods, and the meals on them |
//! | [`money`] | paise |
//! | [`pictures`] | which pictures are accepted, and the keys that they are stored by |
//! | [`reason`] | the reason that an owner gives for a decision |
//! | [`patch`] | what a partial change says about one field |
//! | `text`, `number` | a line of text; how newtypes over text and numbers are read and documented |
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

/// A value that a person or a client sent and that is not acceptable.
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
