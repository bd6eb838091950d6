//! Staff tokens: an owner creates one for each scanning device at the counter. Here is only how
//! long a token is valid; its secret is verified where requests are authenticated.

use jiff::{SignedDuration, Timestamp};

use crate::number::bounded_number;

bounded_number!(
    /// For how many days a staff token is valid.
    StaffTokenDays: u16, 1, 365
);

impl StaffTokenDays {
    /// When a token that is created at `now` expires.
    #[must_use]
    pub fn end(self, now: Timestamp) -> Timestamp {
        now + SignedDuration::from_hours(24 * i64::from(self.get()))
    }
}
