//! A forgotten password that waits for its one-time code, which is derived from the id of
//! the reset. Each request has an id of its own, and by that invalidates the code before.

use jiff::SignedDuration;

/// How long a code is good.
pub const LIFETIME: SignedDuration = SignedDuration::from_mins(15);

/// Wrong codes that are borne for one request.
pub const ATTEMPTS_MAX: u32 = 5;

/// How many requests for one address are taken in [`REQUESTS_WINDOW`]. Each brings a new
/// code with its own tries, so together they bound how often anybody can guess in an hour;
/// and the address's owner is spared a flood of mails.
pub const REQUESTS_MAX: u32 = 10;

/// The time in which requests for one address are counted.
pub const REQUESTS_WINDOW: SignedDuration = SignedDuration::from_hours(1);
