//! A sign-up that waits for its one-time code. The code is derived from the registration's id
//! and the number of resends.

use jiff::SignedDuration;

use super::sources::Limits;

/// How long a registration waits for its code after the last mail.
pub const LIFETIME: SignedDuration = SignedDuration::from_mins(15);

/// How long the right code still gets the account, after it has made it. This is for a client that
/// lost the response.
pub const REPEATABLE: SignedDuration = SignedDuration::from_mins(10);

/// The number of wrong codes that are allowed for one registration, resends included.
pub const ATTEMPTS_MAX: u32 = 5;

/// The sign-ups with one address in [`Requests::WINDOW`](super::sources::Requests::WINDOW).
/// Together with the wrong codes allowed for each sign-up, this bounds guessing. It also protects
/// the address's owner from a flood of mails.
pub const LIMITS: Limits = Limits { all: 10, of_source: 3, of_newcomers: 3, of_devices: 0 };

/// How often a code can be requested again.
pub const RESENDS_MAX: u32 = 5;
