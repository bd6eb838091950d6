//! A password reset that waits for its one-time code. The code is derived from the reset's id.
//! Each request has a new id, which invalidates the code that the same source asked for before.

use jiff::SignedDuration;

use super::sources::Limits;

/// How long a code is valid.
pub const LIFETIME: SignedDuration = SignedDuration::from_mins(15);

/// How long the right code is still accepted with the same new password, after it has set it. This
/// is for a client that lost the response.
pub const REPEATABLE: SignedDuration = SignedDuration::from_mins(10);

/// The number of wrong codes that are allowed for one request.
pub const ATTEMPTS_MAX: u32 = 5;

/// The requests for one address in [`Requests::WINDOW`](super::sources::Requests::WINDOW). Each
/// request has a new code with its own attempts, so this bounds the number of guesses per hour. It
/// also protects the address's owner from a flood of mails. The last one is only for a device that
/// has logged in before, so no number of strangers can take all.
pub const LIMITS: Limits = Limits { all: 10, of_source: 3, of_newcomers: 3, of_devices: 1 };
