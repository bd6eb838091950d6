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

impl Cache {
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
