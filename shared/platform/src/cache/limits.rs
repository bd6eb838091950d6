//! The counters of the rate limits.

use jiff::Timestamp;
use redis::Script;

use super::{Cache, Priority, Query};

/// The generic cell rate algorithm. Each key holds one value: the time at which the bucket
/// would be empty again. Returns 0 if the request may pass, else the milliseconds to wait.
///
/// KEYS[1]: the bucket; ARGV: now, the interval between requests, the burst (all in ms).
const GCRA: &str = r"
local now, interval, burst = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local empty_at = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now)
local next_empty_at = empty_at + interval
local wait = next_empty_at - now - burst
if wait > 0 then return math.ceil(wait) end
redis.call('SET', KEYS[1], string.format('%.6f', next_empty_at), 'PX', math.ceil(next_empty_at - now) + 1)
return 0
";

/// Charges one request to several counters of one bucket, each by the same algorithm, or to none if
/// one is full. One key holds all counters, so that they are in one place of a cluster.
///
/// KEYS[1]: the bucket; ARGV: now, then for each counter its name, its interval and its burst.
/// Returns 0 if the request may pass, else the milliseconds to wait, negative if others are charged
/// that are not settled yet.
const CHARGE: &str = r"
local now, wait, kept, charged = tonumber(ARGV[1]), 0, 0, {}
for i = 2, #ARGV, 3 do
  local interval, burst = tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])
  local empty_at = math.max(tonumber(redis.call('HGET', KEYS[1], ARGV[i]) or now), now) + interval
  wait = math.max(wait, empty_at - now - burst)
  kept = math.max(kept, empty_at - now)
  charged[#charged + 1] = ARGV[i]
  charged[#charged + 1] = string.format('%.6f', empty_at)
end
if wait > 0 then
  local unsettled = tonumber(redis.call('HGET', KEYS[1], 'unsettled') or 0)
  return math.ceil(wait) * (unsettled > 0 and -1 or 1)
end
redis.call('HSET', KEYS[1], unpack(charged))
redis.call('HINCRBY', KEYS[1], 'unsettled', 1)
redis.call('PEXPIRE', KEYS[1], math.ceil(kept) + 1)
return 0
";

/// Gives charges back. A script that is sent twice, because the connection broke, gives back twice;
/// the caller cannot cause that.
///
/// KEYS[1]: the bucket; ARGV: the counter's name, and what is given back (in ms).
const GIVE_BACK: &str = r"
local empty_at = redis.call('HGET', KEYS[1], ARGV[1])
if empty_at then
  redis.call('HSET', KEYS[1], ARGV[1], string.format('%.6f', tonumber(empty_at) - tonumber(ARGV[2])))
end
return 0
";

/// Settles one request, and gives back what it was charged if ARGV has an amount.
///
/// KEYS[1]: the bucket; ARGV: the counter's name, and what is given back (in ms; 0 for nothing).
const SETTLE: &str = r"
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
local empty_at = redis.call('HGET', KEYS[1], ARGV[1])
if empty_at and tonumber(ARGV[2]) > 0 then
  redis.call('HSET', KEYS[1], ARGV[1], string.format('%.6f', tonumber(empty_at) - tonumber(ARGV[2])))
end
if redis.call('HINCRBY', KEYS[1], 'unsettled', -1) < 0 then
  redis.call('HSET', KEYS[1], 'unsettled', 0)
end
return 0
";

/// The outcome of a charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charged {
    Done,
    /// Redis does not answer, or there is none.
    Unknown,
    /// A counter is full.
    Full {
        /// The seconds until it has room again, if nothing is given back.
        wait_s: u64,
        /// Whether requests are being handled that may give their charges back.
        unsettled: bool,
    },
}

/// How fast a counter fills and drains.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limit {
    interval_ms: f64,
    burst_ms: f64,
}

impl Limit {
    /// So many a minute, all of them at once if need be.
    #[must_use]
    pub fn a_minute(count: u32) -> Self {
        Self { interval_ms: 60_000.0 / f64::from(count.max(1)), burst_ms: 60_000.0 }
    }

    /// So many at once, of which so many are forgotten in an hour.
    #[must_use]
    pub fn draining(at_once: u32, an_hour: u32) -> Self {
        let interval_ms = 3_600_000.0 / f64::from(an_hour.max(1));
        Self { interval_ms, burst_ms: interval_ms * f64::from(at_once) }
    }
}

impl Cache {
    /// Charges one request to the named counters of `bucket`, or to none of them if one is full.
    /// Without Redis every request passes.
    pub async fn charge(&self, bucket: &str, limits: &[(&str, Limit)], now: Timestamp) -> Charged {
        let Self::Redis(redis) = self else { return Charged::Unknown };
        let script = Script::new(CHARGE);
        let mut invocation = script.key(format!("{}charged:{bucket}", redis.prefix));
        invocation.arg(now.as_millisecond());
        for (name, limit) in limits {
            invocation.arg(*name).arg(limit.interval_ms).arg(limit.burst_ms);
        }
        let query = Query::Script(&invocation);
        match redis.ask::<i64>(query, Priority::Optional).await {
            None => Charged::Unknown,
            Some(0) => Charged::Done,
            Some(wait_ms) => Charged::Full {
                wait_s: wait_ms.unsigned_abs().div_ceil(1_000),
                unsettled: wait_ms < 0,
            },
        }
    }

    /// Settles a charged request. `not_owed` is the limit of the counter whose charge it gets back.
    pub async fn settle(&self, bucket: &str, counter: &str, not_owed: Option<Limit>) {
        let Self::Redis(redis) = self else { return };
        let script = Script::new(SETTLE);
        let mut invocation = script.key(format!("{}charged:{bucket}", redis.prefix));
        invocation.arg(counter).arg(not_owed.map_or(0.0, |limit| limit.interval_ms));
        redis.ask::<u64>(Query::Script(&invocation), Priority::Important).await;
    }

    /// Gives back charges of one counter.
    pub async fn give_back(&self, bucket: &str, counter: &str, limit: Limit, count: u32) {
        let Self::Redis(redis) = self else { return };
        let script = Script::new(GIVE_BACK);
        let mut invocation = script.key(format!("{}charged:{bucket}", redis.prefix));
        invocation.arg(counter).arg(limit.interval_ms * f64::from(count));
        redis.ask::<u64>(Query::Script(&invocation), Priority::Important).await;
    }

    /// Counts one request in `bucket`, which drains at `per_minute` and holds the requests of
    /// one minute. Returns the seconds to wait if the bucket is full. Without Redis every
    /// request passes; the counters in DynamoDB still protect passwords and codes.
    pub async fn over_limit(&self, bucket: &str, per_minute: u32, now: Timestamp) -> Option<u64> {
        let Self::Redis(redis) = self else { return None };
        let interval_ms = 60_000.0 / f64::from(per_minute.max(1));
        let script = Script::new(GCRA);
        let mut invocation = script.key(format!("{}limit:{bucket}", redis.prefix));
        invocation.arg(now.as_millisecond()).arg(interval_ms).arg(60_000);
        let query = Query::Script(&invocation);
        let wait_ms = redis.ask::<u64>(query, Priority::Optional).await.unwrap_or(0);
        (wait_ms > 0).then(|| wait_ms.div_ceil(1_000))
    }
}
