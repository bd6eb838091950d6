//! How many wrong passwords, codes and PINs are borne before the door is shut for a while.

use jiff::{SignedDuration, Timestamp};

/// Wrong tries that are borne; the next one is refused unseen.
pub const TRIES_MAX: u32 = 5;

/// How long the door stays shut, counted from the last wrong try.
pub const LOCK: SignedDuration = SignedDuration::from_mins(15);

/// The wrong tries so far, as they are stored beside what they guard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failures {
    /// How many there were.
    pub count: u32,
    /// When they are forgotten.
    pub forgotten_at: Timestamp,
}

impl Failures {
    /// Whether tries are refused at `now`, and if so how many seconds remain.
    #[must_use]
    pub fn locked_for_s(&self, now: Timestamp) -> Option<u64> {
        (self.count >= TRIES_MAX && now < self.forgotten_at).then(|| {
            let remaining = self.forgotten_at.duration_since(now);
            u64::try_from(remaining.as_millis().div_euclid(1_000) + 1).unwrap_or(1)
        })
    }
}

/// How many tries remain after `count` wrong ones.
#[must_use]
pub const fn attempts_left(count: u32) -> u32 {
    TRIES_MAX.saturating_sub(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_700_000_000, 0);

    #[test]
    fn five_wrong_tries_lock_until_they_are_forgotten() {
        let four = Failures { count: 4, forgotten_at: NOW + LOCK };
        let five = Failures { count: 5, ..four };
        assert_eq!(four.locked_for_s(NOW), None);
        assert_eq!(five.locked_for_s(NOW), Some(901));
        assert_eq!(five.locked_for_s(NOW + LOCK), None);
    }

    #[test]
    fn attempts_never_become_negative() {
        assert_eq!(attempts_left(3), 2);
        assert_eq!(attempts_left(9), 0);
    }
}
