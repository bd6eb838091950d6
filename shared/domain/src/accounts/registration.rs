//! A sign-up that waits for its one-time code, which is derived from the registration's
//! id and the number of resends.

use jiff::SignedDuration;

/// How long a registration waits for its code, from the last mail.
pub const LIFETIME: SignedDuration = SignedDuration::from_mins(15);

/// Wrong codes that are borne over the whole registration, resends included.
pub const ATTEMPTS_MAX: u32 = 5;

/// How many sign-ups with one address are taken in [`SIGN_UPS_WINDOW`]. With the wrong
/// codes of each it bounds guessing, and it spares the address's owner a flood of mails.
pub const SIGN_UPS_MAX: u32 = 10;

/// The time in which sign-ups with one address are counted.
pub const SIGN_UPS_WINDOW: SignedDuration = SignedDuration::from_hours(1);

/// How often a code can be asked for again.
pub const RESENDS_MAX: u32 = 5;
