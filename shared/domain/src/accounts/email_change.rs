//! A change of an account's e-mail address that waits for its one-time code. The code is derived
//! from the change's id. Each request has a new id, which invalidates the code before.
//!
//! Mails to one address are counted together with those of sign-ups, see
//! [`registration::LIMITS`](super::registration::LIMITS).

use jiff::SignedDuration;

/// How long a code is valid.
pub const LIFETIME: SignedDuration = SignedDuration::from_mins(15);

/// The number of wrong codes that are allowed for one request.
pub const ATTEMPTS_MAX: u32 = 5;

/// The maximum number of requests of one account in [`REQUESTS_WINDOW`]. Each request has a new
/// code with its own attempts, so this bounds guessing. It also bounds the mails that one account
/// causes at other people's addresses.
pub const REQUESTS_MAX: u32 = 10;

/// The period in which the requests of one account are counted.
pub const REQUESTS_WINDOW: SignedDuration = SignedDuration::from_hours(1);

/// For how long a confirmation may be repeated after a lost answer.
pub const REPEATED_WITHIN: SignedDuration = SignedDuration::from_mins(10);
