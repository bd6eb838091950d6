//! Lockout: how many wrong passwords, codes and PINs are allowed before all attempts are
//! refused for a while.

use jiff::{SignedDuration, Timestamp};

/// The number of wrong attempts that are allowed; the next attempt is refused without a check.
pub const TRIES_MAX: u32 = 5;

/// How long attempts are refused, counted from the last wrong attempt.
pub const LOCK: SignedDuration = SignedDuration::from_mins(15);

/// The wrong attempts so far, as stored beside the password, code or PIN that they concern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failures {
    pub count: u32,
    /// When the count starts again from zero.
    pub forgotten_at: Timestamp,
}

impl Failures {
    /// No wrong attempts.
    pub const NONE: Self = Self { count: 0, forgotten_at: Timestamp::UNIX_EPOCH };

    /// How many attempts may be compared at `now`.
    #[must_use]
    pub fn left(&self, now: Timestamp) -> u32 {
        if now < self.forgotten_at { attempts_left(self.count) } else { TRIES_MAX }
    }

    /// For how many seconds attempts are still refused at `now`; `None` if they are allowed.
    #[must_use]
    pub fn locked_for_s(&self, now: Timestamp) -> Option<u64> {
        (self.count >= TRIES_MAX && now < self.forgotten_at).then(|| {
            let remaining = self.forgotten_at.duration_since(now);
            u64::try_from(remaining.as_millis().div_euclid(1_000) + 1).unwrap_or(1)
        })
    }
}

/// How many attempts remain after `count` wrong ones.
#[must_use]
pub const fn attempts_left(count: u32) -> u32 {
    TRIES_MAX.saturating_sub(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_700_000_000, 0);

    #[test]
    fn five_wrong_attempts_lock_until_they_are_forgotten() {
        let four = Failures { count: 4, forgotten_at: NOW + LOCK };
        let five = Failures { count: 5, ..four };
        assert_eq!(four.locked_for_s(NOW), None);
        assert_eq!(five.locked_for_s(NOW), Some(901));
        assert_eq!(five.locked_for_s(NOW + LOCK), None);
    }

    #[test]
    fn forgotten_attempts_leave_all_five() {
        let three = Failures { count: 3, forgotten_at: NOW + LOCK };
        assert_eq!((three.left(NOW), three.left(NOW + LOCK)), (2, 5));
        assert_eq!(Failures::NONE.left(NOW), 5);
    }

    #[test]
    fn the_number_of_attempts_left_is_never_negative() {
        assert_eq!(attempts_left(3), 2);
        assert_eq!(attempts_left(9), 0);
    }
}
