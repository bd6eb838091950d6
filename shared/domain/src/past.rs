//! What a fact was before it changed. A scan that was made offline is judged by what held when it
//! was made, so a few facts keep their earlier values for as long as such a scan can arrive.

use std::collections::BTreeMap;
use std::ops::Bound;

use jiff::{SignedDuration, Timestamp};

/// For how long an earlier value is kept after it was replaced. An offline scan is at most seven
/// days old when it is judged; the eighth day is for the clocks.
pub const PAST_KEPT: SignedDuration = SignedDuration::from_hours(8 * 24);

/// The earlier values of a fact: each with the time until which it held, exclusive. `None` stands
/// for values that are no longer known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past<T>(BTreeMap<Timestamp, Option<T>>);

/// The value of a fact at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then<'a, T> {
    /// The same as now.
    Now,
    /// This earlier value.
    Was(&'a T),
    /// Nobody knows it any more.
    Unknown,
}

/// Whether something holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    Yes,
    No,
    /// It may have held at the time in question.
    Unknown,
}

impl From<bool> for Holds {
    fn from(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
}

impl Holds {
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Unknown => Self::Unknown,
        }
    }
}

impl<T> Default for Past<T> {
    /// A fact that has never changed.
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T> From<BTreeMap<Timestamp, Option<T>>> for Past<T> {
    fn from(until: BTreeMap<Timestamp, Option<T>>) -> Self {
        Self(until)
    }
}

impl<T> Past<T> {
    /// A fact of which nothing is known before `until`.
    #[must_use]
    pub fn unknown_until(until: Timestamp) -> Self {
        Self(BTreeMap::from([(until, None)]))
    }

    /// The earlier values by the time until which they held.
    #[must_use]
    pub const fn entries(&self) -> &BTreeMap<Timestamp, Option<T>> {
        &self.0
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value at this time.
    #[must_use]
    pub fn at(&self, at: Timestamp) -> Then<'_, T> {
        match self.after(at).next() {
            None => Then::Now,
            Some(Some(value)) => Then::Was(value),
            Some(None) => Then::Unknown,
        }
    }

    /// The values that were replaced after this time, oldest first.
    pub fn after(&self, at: Timestamp) -> impl Iterator<Item = Option<&T>> {
        let later = self.0.range((Bound::Excluded(at), Bound::Unbounded));
        later.map(|(_, value)| value.as_ref())
    }
}

impl<T: Clone> Past<T> {
    /// The past after the fact's value `old` is replaced at `now`. Values that were replaced more
    /// than [`PAST_KEPT`] ago are dropped. If there are more than `most` then, the oldest are
    /// dropped too, and it is remembered until when they held.
    #[must_use]
    pub fn replaced(&self, old: T, now: Timestamp, most: usize) -> Self {
        let mut until = self.0.clone();
        until.retain(|until, _| now - PAST_KEPT < *until);
        // Two changes in one millisecond, or by two clocks: the value in between held for no time.
        if until.last_key_value().is_none_or(|(last, _)| *last < now) {
            until.insert(now, Some(old));
        }
        let mut was_cut_off = false;
        while until.len() > most.max(1) {
            until.pop_first();
            was_cut_off = true;
        }
        if was_cut_off && let Some(mut oldest) = until.first_entry() {
            oldest.insert(None);
        }
        Self(until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::constant(1_772_262_000, 0);

    fn hour(hour: i64) -> Timestamp {
        START + SignedDuration::from_hours(hour)
    }

    #[test]
    fn each_value_holds_until_it_is_replaced() {
        let past = Past::default().replaced("a", hour(1), 4).replaced("b", hour(2), 4);
        let at = [0, 1, 2].map(|at| past.at(hour(at)));
        assert_eq!(at, [Then::Was(&"a"), Then::Was(&"b"), Then::Now]);
        assert_eq!(past.at(hour(1) - SignedDuration::from_millis(1)), Then::Was(&"a"));
    }

    #[test]
    fn values_of_more_than_eight_days_ago_are_dropped() {
        let past = Past::default().replaced("a", hour(0), 4);
        let later = past.replaced("b", hour(192) - SignedDuration::from_millis(1), 4);
        assert_eq!(later.entries().len(), 2);
        let later = past.replaced("b", hour(192), 4);
        assert_eq!(later.entries().keys().collect::<Vec<_>>(), [&hour(192)]);
        assert_eq!(later.at(hour(100)), Then::Was(&"b"));
    }

    #[test]
    fn what_does_not_fit_is_unknown_and_nothing_else() {
        let mut past = Past::default();
        for (at, value) in ["a", "b", "c", "d", "e"].into_iter().enumerate() {
            past = past.replaced(value, hour(i64::try_from(at).expect("small")), 3);
        }
        assert_eq!(past.entries().len(), 3);
        let at = [-1, 1, 2, 3, 4].map(|at| past.at(hour(at)));
        assert_eq!(at, [Then::Unknown, Then::Unknown, Then::Was(&"d"), Then::Was(&"e"), Then::Now]);
    }

    #[test]
    fn a_value_that_held_for_no_time_is_not_kept() {
        let past = Past::default().replaced("a", hour(2), 4);
        for now in [hour(2), hour(1)] {
            assert_eq!(past.replaced("b", now, 4), past);
        }
    }
}
