//! A password reset that waits for its one-time code. The code is derived from the reset's id.
//! Each request has a new id, which invalidates the code before.

use jiff::SignedDuration;

/// How long a code is valid.
pub const LIFETIME: SignedDuration = SignedDuration::from_mins(15);

/// The number of wrong codes that are allowed for one request.
pub const ATTEMPTS_MAX: u32 = 5;

/// The maximum number of requests for one address in [`REQUESTS_WINDOW`]. Each request has a
/// new code with its own attempts, so this bounds the number of guesses per hour. It also
/// protects the address's owner from a flood of mails.
pub const REQUESTS_MAX: u32 = 10;

/// The period in which requests for one address are counted.
pub const REQUESTS_WINDOW: SignedDuration = SignedDuration::from_hours(1);
