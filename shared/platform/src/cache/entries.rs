//! What was read in DynamoDB and may be answered again for ten minutes. An entry has a
//! version, and nothing takes its place that is of an older one: neither does a reader who
//! read before somebody wrote, nor one whose answer was held up.
//!
//! Each entry is one string: its version in decimal, a space, and its value as JSON. A
//! version without a value is a tombstone: it holds the place against what is older.
//!
//! There are two kinds of versions, never in one key. An order counts its changes. For the
//! tokens of an account, of which each purchase is an item of its own, the version is the
//! time on Redis' clock at which somebody asked for them, before reading the purchases.
//! Both are far below 2^53, up to which Lua's numbers are exact.

use redis::Script;
use serde::Serialize;
use serde::de::DeserializeOwned;
use thali_domain::ids::{AccountId, OrderId};

use super::{Cache, Priority, Query, RedisCache};

/// How long an entry, or its tombstone, is kept. No function runs for so long, so whoever
/// read before a tombstone was set is done before it goes.
const KEPT_FOR_MS: u64 = 600_000;

/// The largest value that is kept, in bytes of JSON. The largest order is half of it.
const VALUE_BYTES_MAX: usize = 16 * 1024;

/// What an entry is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// An order; its version counts its changes, from 1 on.
    Order(OrderId),
    /// The tokens of an account; their version is [`Looked::version`].
    TokenCount(AccountId),
}

/// What the cache had, and when it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked<T> {
    /// The value, if there is one that is not older than a change that Redis knows of.
    pub found: Option<T>,
    /// The time at which Redis was asked, on its own clock, in microseconds since 1970; 0
    /// where it did not answer. What is read from DynamoDB after that is not older.
    pub version: u64,
}

/// Answers the entry (or nothing) and the time. KEYS[1] the entry.
const LOOK: &str = r"
local time = redis.call('TIME')
return { redis.call('GET', KEYS[1]), time[1], time[2] }
";

/// Sets an entry, unless what is there is newer; answers whether it did. KEYS[1] the entry;
/// ARGV: the version, the value, for how many milliseconds.
const KEEP: &str = r"
local stored = redis.call('GET', KEYS[1])
local known = stored and tonumber(string.match(stored, '^%d+')) or 0
if known > tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. ARGV[2], 'PX', ARGV[3])
return 1
";

/// Puts a tombstone in the place of an older entry. KEYS[1] the entry; ARGV: the version,
/// for how many milliseconds.
const DROP_BEFORE: &str = r"
local stored = redis.call('GET', KEYS[1])
local known = stored and tonumber(string.match(stored, '^%d+')) or 0
if known < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) end
return 1
";

/// Puts a tombstone of this moment in the place of an entry. One microsecond is added, so
/// that who asked in the same one is refused. Whatever is there was asked for earlier, even
/// if its version is a later time, because the clock was set back meanwhile. KEYS[1] the
/// entry; ARGV: for how many milliseconds.
const DROP_NOW: &str = r"
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2]) + 1
local stored = redis.call('GET', KEYS[1])
local known = stored and tonumber(string.match(stored, '^%d+')) or 0
redis.call('SET', KEYS[1], string.format('%.0f', math.max(now, known)), 'PX', ARGV[1])
return 1
";

/// What [`LOOK`] answers: the entry, and Redis' time in seconds and microseconds.
type Answered = (Option<Vec<u8>>, u64, u64);

impl Cache {
    /// Looks for an entry. One that cannot be read is as good as none.
    pub async fn look<T: DeserializeOwned>(&self, entry: Entry) -> Looked<T> {
        let Self::Redis(redis) = self else { return Looked { found: None, version: 0 } };
        let script = Script::new(LOOK);
        let invocation = script.key(redis.entry_key(entry));
        match redis.ask::<Answered>(Query::Script(&invocation), Priority::Optional).await {
            Some((stored, seconds, micros)) => Looked {
                found: stored.and_then(|stored| value_of(entry, &stored)),
                version: seconds * 1_000_000 + micros,
            },
            None => Looked { found: None, version: 0 },
        }
    }

    /// Keeps `value`, which is what `entry` was at `version`, for ten minutes. Redis refuses
    /// it where it has, or knows of, a newer version. Without a version nothing is kept:
    /// that is what [`Cache::look`] gives where Redis did not answer.
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

    /// Forgets what is older than `version`, and has Redis refuse it from now on. Tried even
    /// when Redis has just failed, because it matters. Answers whether it is so: not where
    /// there is a Redis and it did not answer.
    pub async fn drop_before(&self, entry: Entry, version: u64) -> bool {
        let Self::Redis(redis) = self else { return true };
        let script = Script::new(DROP_BEFORE);
        let mut invocation = script.key(redis.entry_key(entry));
        invocation.arg(version).arg(KEPT_FOR_MS);
        redis.ask::<u8>(Query::Script(&invocation), Priority::Important).await.is_some()
    }

    /// Forgets what was asked for before this moment, and has Redis refuse it from now on:
    /// [`Cache::drop_before`] with the time on Redis' clock.
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

/// The value in a stored entry; `None` where it is a tombstone, or of another form.
fn value_of<T: DeserializeOwned>(entry: Entry, stored: &[u8]) -> Option<T> {
    let (version, json) = std::str::from_utf8(stored).ok()?.split_once(' ')?;
    version.parse::<u64>().ok()?;
    let value = serde_json::from_str(json);
    value.inspect_err(|error| tracing::warn!(?entry, %error, "an entry is not readable")).ok()
}
