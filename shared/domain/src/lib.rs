//! The rules of Thali, and nothing else.
//!
//! Everything here is pure: no I/O, no clock, no environment and no randomness, which
//! `Cargo.toml` proves by what it does not list. What a rule needs to know of the
//! world (the time, a key, a fresh identifier) is an argument. A handler loads, asks a
//! function of this crate to decide, and commits the decision with one conditional
//! write that repeats the rule.
//!
//! | module | its subject |
//! |---|---|
//! | [`ids`] | typed, sortable identifiers |
//! | [`identity`] | who somebody is: e-mail, username, roll number, role, status |
//! | [`registration`] | a sign-up that waits for its one-time code |
//! | [`one_time_code`] | the code that proves that somebody reads a mailbox |
//! | [`password_reset`] | a forgotten password that waits for its one-time code |
//! | [`profile`], [`patch`] | what a student tells of themselves, and how it is changed |
//! | [`pictures`] | which pictures are taken, and by what they are known |
//! | [`sessions`] | access and refresh tokens: lifetimes, rotation, reuse |
//! | [`lockout`] | how many wrong passwords or codes are borne |
//! | [`membership`] | what an owner decides about a student |
//! | [`mess`] | the settings of a mess |
//! | [`settings`] | how an owner changes them |
//! | [`days`], [`meal_times`] | dates, periods and meals; which day a meal belongs to, and its deadlines |
//! | [`entitlement`] | what the mess knows of a student at the counter |
//! | [`gate`] | what a scan must know of the mess |
//! | [`cuts`], [`closures`] | until when meals are cut, and for which days the mess is closed |
//! | [`qr`] | the code that a student shows |
//! | [`plates`] | a student's meal, and every scan that was about it |
//! | [`scanning`] | who may eat: what is asked of a code, and in which order |
//! | [`staff_tokens`] | what a device at the counter scans with |
//! | [`headcount`] | how many are expected at a meal, and how many came |
//! | [`notifications`] | what owners are told |
//! | [`cycles`] | the days that a student pays for |
//! | [`statement`] | what became of the meals of a cycle |
//! | [`money`] | paise |
//! | [`tokens`] | purchases, the tokens in them, redeeming |
//! | [`token_history`] | what became of every token |
//! | [`tokens_left`] | how many tokens are left, while time passes |
//! | [`payments`] | when a payment pays for a purchase, and when to ask for payments |
//! | [`refunds`] | giving tokens back for money |
//! | [`expiry`] | whom to warn before tokens expire |
//! | [`menu`] | items, their prices, and the stock in its shards |
//! | [`stock`] | what owners do with items and their stock |
//! | [`orders`] | ordering items, and what becomes of an order |

pub mod closures;
pub mod cuts;
pub mod cycles;
pub mod days;
pub mod entitlement;
pub mod expiry;
pub mod gate;
pub mod headcount;
pub mod identity;
pub mod ids;
pub mod lockout;
pub mod meal_times;
pub mod membership;
pub mod menu;
pub mod mess;
pub mod money;
pub mod notifications;
mod number;
pub mod one_time_code;
pub mod orders;
pub mod password_reset;
pub mod patch;
pub mod payments;
pub mod pictures;
pub mod plates;
pub mod profile;
#[cfg(test)]
mod properties;
pub mod qr;
#[cfg(test)]
mod qr_properties;
pub mod refunds;
pub mod registration;
pub mod scanning;
pub mod sessions;
pub mod settings;
pub mod staff_tokens;
pub mod statement;
pub mod stock;
#[cfg(test)]
mod stock_properties;
mod text;
pub mod token_history;
pub mod tokens;
pub mod tokens_left;

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
