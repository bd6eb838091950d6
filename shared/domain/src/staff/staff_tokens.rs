//! What a device at the counter scans with: a token that an owner made for it. Its secret is
//! not here; who presents it is proven by whoever reads requests.

use jiff::{SignedDuration, Timestamp};

use crate::number::bounded_number;

bounded_number!(
    /// For how many days a staff token is good.
    StaffTokenDays: u16, 1, 365
);

impl StaffTokenDays {
    /// When a token ends that is made at `now`.
    #[must_use]
    pub fn end(self, now: Timestamp) -> Timestamp {
        now + SignedDuration::from_hours(24 * i64::from(self.get()))
    }
}
