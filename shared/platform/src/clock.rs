//! The current time and random values. The domain's rules never read either themselves; they
//! take them as arguments.

use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use ulid::Ulid;

/// Where the time comes from.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// A clock that stands still until it is moved, for tests.
    Fixed(Arc<Mutex<Timestamp>>),
}

impl Clock {
    /// A clock that stands still at `now`.
    #[must_use]
    pub fn fixed(now: Timestamp) -> Self {
        Self::Fixed(Arc::new(Mutex::new(now)))
    }

    /// The current time in whole milliseconds, the precision that is stored.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let now = match self {
            Self::System => Timestamp::now(),
            Self::Fixed(now) => *now.lock().expect("no holder of the clock panics"),
        };
        Timestamp::from_millisecond(now.as_millisecond()).expect("it was a timestamp before")
    }

    /// Moves a fixed clock.
    ///
    /// # Panics
    ///
    /// If this is the machine's clock.
    pub fn advance(&self, by: SignedDuration) {
        let Self::Fixed(now) = self else { panic!("the machine's clock cannot be moved") };
        *now.lock().expect("no holder of the clock panics") += by;
    }

    /// Makes a ULID of the current time.
    #[must_use]
    pub fn ulid(&self) -> Ulid {
        let millis = u64::try_from(self.now().as_millisecond()).unwrap_or(0);
        Ulid::from_parts(millis, u128::from_be_bytes(random_bytes()))
    }
}

/// Draws `N` bytes from the kernel's random source.
#[must_use]
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the kernel's random source answers");
    bytes
}

/// Draws `N` bytes from the kernel's random source, as lower-case hex.
#[must_use]
pub fn random_hex<const N: usize>() -> String {
    hex::encode(random_bytes::<N>())
}
