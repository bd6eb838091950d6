//! A sign-up that waits for its one-time code. The code is derived from the registration's id
//! and the number of resends.

use jiff::SignedDuration;

/// How long a registration waits for its code after the last mail.
pub const LIFETIME: SignedDuration = SignedDuration::from_mins(15);

/// The number of wrong codes that are allowed for one registration, resends included.
pub const ATTEMPTS_MAX: u32 = 5;

/// The maximum number of sign-ups with one address in [`SIGN_UPS_WINDOW`]. Together with the
/// wrong codes allowed for each sign-up, this bounds guessing. It also protects the address's
/// owner from a flood of mails.
pub const SIGN_UPS_MAX: u32 = 10;

/// The period in which sign-ups with one address are counted.
pub const SIGN_UPS_WINDOW: SignedDuration = SignedDuration::from_hours(1);

/// How often a code can be requested again.
pub const RESENDS_MAX: u32 = 5;
