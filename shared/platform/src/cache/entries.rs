//! Values that were read in DynamoDB and may be returned for ten minutes. Each entry has a
//! version, and a value of an older version never replaces it. So a reader that read before a
//! write, or that was delayed, cannot store an outdated value.
//!
//! Each entry is one string: its version in decimal, a space, and its value as JSON. A
//! version without a value is a tombstone: it only keeps older values out.
//!
//! There are two kinds of versions, and each key uses only one of them. The version of an
//! order is the number of its changes. The token count of an account is computed from several
//! items, one for each purchase; its version is the time on Redis' clock when a reader looked
//! the entry up, before it read the purchases. Both are far below 2^53, up to which Lua's
//! numbers are exact.

use redis::Script;
use serde::Serialize;
use serde::de::DeserializeOwned;
use thali_domain::ids::{AccountId, OrderId};

use super::{Cache, Priority, Query, RedisCache};

/// How long an entry or a tombstone is kept. No function runs that long, so every reader from
/// before a tombstone has ended when the tombstone expires.
const KEPT_FOR_MS: u64 = 600_000;

/// The largest value that is kept, in bytes of JSON. The largest order is half as large.
const VALUE_BYTES_MAX: usize = 16 * 1024;

/// The subject of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// An order; its version counts its changes, from 1 on.
    Order(OrderId),
    /// The tokens of an account; their version is [`Lookup::version`].
    TokenCount(AccountId),
}

/// The result of a lookup, and its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup<T> {
    /// The value, if there is one and Redis knows of no newer change.
    pub found: Option<T>,
    /// The time of the lookup on Redis' clock, in microseconds since 1970; 0 if Redis did not
    /// respond. A value that is read from DynamoDB after the lookup is not older than this.
    pub version: u64,
}

/// Returns the entry (or nothing) and the time. KEYS[1]: the entry.
const LOOK: &str = r"
local time = redis.call('TIME')
return { redis.call('GET', KEYS[1]), time[1], time[2] }
";

/// Sets an entry, unless the stored one is newer; returns 1 if it did, else 0. KEYS[1]: the
/// entry; ARGV: the version, the value, the lifetime in milliseconds.
const KEEP: &str = r"
local stored = redis.call('GET', KEYS[1])
local known = stored and tonumber(string.match(stored, '^%d+')) or 0
if known > tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. ARGV[2], 'PX', ARGV[3])
return 1
";

/// Replaces an older entry with a tombstone. KEYS[1]: the entry; ARGV: the version, the lifetime
/// in milliseconds.
const DROP_BEFORE: &str = r"
local stored = redis.call('GET', KEYS[1])
local known = stored and tonumber(string.match(stored, '^%d+')) or 0
if known < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) end
return 1
";

/// Replaces an entry with a tombstone of the current time. The script adds one microsecond, so
/// that a value of a lookup in the same microsecond is refused too. The stored value is always
/// from an earlier lookup, even if its version is later because the clock was set back.
/// KEYS[1]: the entry; ARGV: the lifetime in milliseconds.
const DROP_NOW: &str = r"
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2]) + 1
local stored = redis.call('GET', KEYS[1])
local known = stored and tonumber(string.match(stored, '^%d+')) or 0
redis.call('SET', KEYS[1], string.format('%.0f', math.max(now, known)), 'PX', ARGV[1])
return 1
";

/// The result of [`LOOK`]: the entry, and Redis' time in seconds and microseconds.
type Answered = (Option<Vec<u8>>, u64, u64);

impl Cache {
    /// Looks an entry up. An unreadable entry counts as absent.
    pub async fn look<T: DeserializeOwned>(&self, entry: Entry) -> Lookup<T> {
        let Self::Redis(redis) = self else { return Lookup { found: None, version: 0 } };
        let script = Script::new(LOOK);
        let invocation = script.key(redis.entry_key(entry));
        match redis.ask::<Answered>(Query::Script(&invocation), Priority::Optional).await {
            Some((stored, seconds, micros)) => Lookup {
                found: stored.and_then(|stored| value_of(entry, &stored)),
                version: seconds * 1_000_000 + micros,
            },
            None => Lookup { found: None, version: 0 },
        }
    }

    /// Stores `value`, the state of `entry` at `version`, for ten minutes. Redis refuses the
    /// value if it knows of a newer version. Nothing is stored for version 0, which
    /// [`Cache::look`] returns if Redis did not respond.
    pub async fn keep<T: Serialize>(&self, entry: Entry, version: u64, value: &T) {
        let Self::Redis(redis) = self else { return };
        let json = serde_json::to_vec(value).expect("what is cached serialises");
        if version == 0 || json.len() > VALUE_BYTES_MAX {
            return;
        }
        let script = Script::new(KEEP);
        let mut invocation = script.key(redis.entry_key(entry));
        invocation.arg(version).arg(json).arg(KEPT_FOR_MS);
        redis.ask::<u8>(Query::Script(&invocation), Priority::Optional).await;
    }

    /// Drops values older than `version`, and makes Redis refuse them from now on. Tried even if
    /// Redis has just failed, because it matters. Returns false only if there is a Redis and it
    /// did not respond.
    pub async fn drop_before(&self, entry: Entry, version: u64) -> bool {
        let Self::Redis(redis) = self else { return true };
        let script = Script::new(DROP_BEFORE);
        let mut invocation = script.key(redis.entry_key(entry));
        invocation.arg(version).arg(KEPT_FOR_MS);
        redis.ask::<u8>(Query::Script(&invocation), Priority::Important).await.is_some()
    }

    /// Drops values of earlier lookups, and makes Redis refuse them from now on:
    /// [`Cache::drop_before`] with the current time on Redis' clock.
    pub async fn drop_now(&self, entry: Entry) -> bool {
        let Self::Redis(redis) = self else { return true };
        let script = Script::new(DROP_NOW);
        let mut invocation = script.key(redis.entry_key(entry));
        invocation.arg(KEPT_FOR_MS);
        redis.ask::<u8>(Query::Script(&invocation), Priority::Important).await.is_some()
    }
}

impl RedisCache {
    fn entry_key(&self, entry: Entry) -> String {
        match entry {
            Entry::Order(order) => format!("{}order:{order}", self.prefix),
            Entry::TokenCount(account) => format!("{}tokens:{account}", self.prefix),
        }
    }
}

/// The value in a stored entry; `None` for a tombstone or an unreadable entry.
fn value_of<T: DeserializeOwned>(entry: Entry, stored: &[u8]) -> Option<T> {
    let (version, json) = std::str::from_utf8(stored).ok()?.split_once(' ')?;
    version.parse::<u64>().ok()?;
    let value = serde_json::from_str(json);
    value.inspect_err(|error| tracing::warn!(?entry, %error, "an entry is not readable")).ok()
}
