//! Sources: from where codes for a mailbox are asked for and tried. Anybody can name somebody
//! else's address. These rules leave its owner a share of the mails and of the tries, whatever
//! strangers do.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::Unacceptable;
use crate::ids::DeviceId;
use crate::text::text_newtype;

/// How many of the tries of a code are for those who neither asked for it from the same source nor
/// know the registration's id.
pub const STRANGERS_ATTEMPTS_MAX: u32 = 2;

/// How often such strangers can have a code sent again, which invalidates the one before.
pub const STRANGERS_RESENDS_MAX: u32 = 1;

/// Where a request comes from: the hash of a network, or a known device. A letter and hexadecimal
/// or base-32 digits, so that it is an attribute's name in an expression.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Source(String);

impl Source {
    /// The number of characters of a hash that are kept: 64 bits.
    const HASH_LENGTH: usize = 16;

    /// A network, by the hexadecimal digits of its keyed hash.
    #[must_use]
    pub fn of_hash(hash: &str) -> Self {
        Self(format!("n{}", &hash[..hash.len().min(Self::HASH_LENGTH)]))
    }

    /// A browser that has logged in to the account before.
    #[must_use]
    pub fn of_device(device: DeviceId) -> Self {
        Self(format!("d{}", device.to_string().trim_start_matches(DeviceId::PREFIX)))
    }

    pub fn parse(text: &str) -> Result<Self, Unacceptable> {
        let has_letter = text.starts_with(['n', 'd']);
        let well_formed = text.bytes().all(|b| b.is_ascii_alphanumeric()) && text.len() <= 32;
        if has_letter && well_formed {
            Ok(Self(text.to_owned()))
        } else {
            Err(Unacceptable::new("must be a source"))
        }
    }
}
text_newtype!(Source);

/// How many requests with one address are allowed in [`Requests::WINDOW`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// All together.
    pub all: u32,
    /// From one source.
    pub of_source: u32,
    /// How many of all, the last ones, are only for sources that have made none yet, and for known
    /// devices.
    pub of_newcomers: u32,
    /// How many of these, the last ones, are only for known devices.
    pub of_devices: u32,
}

impl Limits {
    /// The limits of a deployment with higher rate limits.
    #[must_use]
    pub const fn times(self, factor: u32) -> Self {
        Self {
            all: self.all.saturating_mul(factor),
            of_source: self.of_source.saturating_mul(factor),
            of_newcomers: self.of_newcomers.saturating_mul(factor),
            of_devices: self.of_devices.saturating_mul(factor),
        }
    }
}

/// Who asks for a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asker {
    pub source: Source,
    /// Whether the source is a device that has logged in to the address's account.
    pub is_known: bool,
}

/// The requests with one address that are counted together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requests {
    pub begun: u32,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub counted_until: Timestamp,
    /// The requests of each source. Older items have none.
    #[serde(default)]
    pub sources: BTreeMap<Source, u32>,
}

impl Requests {
    /// The period in which requests are counted.
    pub const WINDOW: SignedDuration = SignedDuration::from_hours(1);

    /// The requests after one more by `asker`; `None` if it is over a limit. `before` are the
    /// requests so far, if there are any.
    #[must_use]
    pub fn with_one_by(
        before: Option<&Self>,
        asker: &Asker,
        limits: Limits,
        now: Timestamp,
    ) -> Option<Self> {
        let current = before.filter(|before| now < before.counted_until).cloned();
        let mut requests = current.unwrap_or_else(|| Self {
            begun: 0,
            counted_until: now + Self::WINDOW,
            sources: BTreeMap::new(),
        });
        let own = requests.sources.entry(asker.source.clone()).or_default();
        let reserved = match (asker.is_known, *own) {
            (true, _) => 0,
            (false, 0) => limits.of_devices,
            (false, _) => limits.of_newcomers,
        };
        if *own >= limits.of_source || requests.begun >= limits.all.saturating_sub(reserved) {
            return None;
        }
        *own += 1;
        requests.begun += 1;
        Some(requests)
    }
}

/// How many tries are left of a code that allows `attempts_max`. `strangers` is how many strangers
/// have made, if the one who tries is a stranger.
#[must_use]
pub fn attempts_left(attempts_max: u32, attempts: u32, strangers: Option<u32>) -> u32 {
    let left = attempts_max.saturating_sub(attempts);
    let of_strangers = strangers.map(|made| STRANGERS_ATTEMPTS_MAX.saturating_sub(made));
    of_strangers.map_or(left, |of_strangers| left.min(of_strangers))
}

#[cfg(test)]
mod tests {
    use ulid::Ulid;

    use super::*;
    use crate::accounts::password_reset;

    const NOW: Timestamp = Timestamp::constant(1_700_000_000, 0);

    fn network(name: &str) -> Asker {
        Asker { source: Source::of_hash(name), is_known: false }
    }

    fn device(number: u128) -> Asker {
        let device = DeviceId::from_ulid(Ulid(number));
        Asker { source: Source::of_device(device), is_known: true }
    }

    /// Which of these requests are admitted.
    fn admitted(askers: &[Asker]) -> Vec<bool> {
        let mut requests = None;
        let limits = password_reset::LIMITS;
        let admits = askers.iter().map(|asker| {
            let next = Requests::with_one_by(requests.as_ref(), asker, limits, NOW);
            let admitted = next.is_some();
            requests = next.or_else(|| requests.take());
            admitted
        });
        admits.collect()
    }

    #[test]
    fn one_source_is_admitted_three_times_an_hour() {
        let askers = vec![network("a"); 4];
        assert_eq!(admitted(&askers), [true, true, true, false]);
        let full = Requests {
            begun: 3,
            counted_until: NOW + Requests::WINDOW,
            sources: [(askers[0].source.clone(), 3)].into(),
        };
        let later = |at| Requests::with_one_by(Some(&full), &askers[0], password_reset::LIMITS, at);
        assert_eq!(later(NOW + Requests::WINDOW - SignedDuration::from_millis(1)), None);
        let anew = later(NOW + Requests::WINDOW).expect("a new hour");
        assert_eq!((anew.begun, anew.sources.len()), (1, 1));
    }

    #[test]
    fn the_last_three_of_ten_are_for_newcomers_and_devices() {
        let mut askers =
            [vec![network("a"); 3], vec![network("b"); 3], vec![network("c"); 2]].concat();
        // The seventh is `c`'s first; its second is refused, but newcomers are admitted.
        assert_eq!(admitted(&askers), [true, true, true, true, true, true, true, false]);
        askers.extend([network("d"), network("e"), network("f"), device(1), device(1)]);
        assert_eq!(admitted(&askers)[8..], [true, true, false, true, false]);
    }

    #[test]
    fn a_known_device_is_counted_apart_from_its_network() {
        let askers = [vec![network("a"); 4], vec![device(1); 4]].concat();
        assert_eq!(admitted(&askers), [true, true, true, false, true, true, true, false]);
    }

    #[test]
    fn a_strangers_tries_left_are_the_fewer_ones() {
        assert_eq!(attempts_left(5, 1, None), 4);
        assert_eq!(attempts_left(5, 1, Some(1)), 1);
        assert_eq!(attempts_left(5, 5, Some(0)), 0);
        assert_eq!(attempts_left(5, 2, Some(2)), 0);
    }

    #[test]
    fn a_source_is_an_attribute_name() {
        let sources =
            [Source::of_hash(&"0f".repeat(32)), Source::of_device(DeviceId::from_ulid(Ulid(9)))];
        for source in sources {
            let text = source.to_string();
            assert!(
                text.starts_with(['n', 'd']) && text.bytes().all(|b| b.is_ascii_alphanumeric())
            );
            assert_eq!(Source::parse(&text).expect("it was printed"), source);
        }
        for refused in ["", "x1", "n#", "n 1", &"n".repeat(33)] {
            assert!(Source::parse(refused).is_err(), "{refused}");
        }
    }
}
