//! Claims of tries: which passwords of one counter are being compared at this moment. They keep a
//! burst of guesses within the limit: DynamoDB counts a wrong password only after the comparison.

use std::time::Duration;

use jiff::Timestamp;
use redis::Script;

use super::{Cache, Priority, Query};

/// How long a claim is held if nobody releases it: longer than a function may run.
const HELD: Duration = Duration::from_secs(15);

/// Claims a try. The member `failed` says that a try has failed a moment ago. Sending the script
/// twice claims one try.
///
/// KEYS[1]: the claims of the counter; ARGV: now, the claim's end (both in ms), the claim's id, the
/// most claims, how long the key is kept (in ms). Returns the number of claims, 0 if this one is
/// alone and nothing has failed, -1 if there are too many.
const CLAIM: &str = r"
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
local failed = redis.call('ZSCORE', KEYS[1], 'failed') and 1 or 0
local own = redis.call('ZSCORE', KEYS[1], ARGV[3]) and 1 or 0
local others = redis.call('ZCARD', KEYS[1]) - failed - own
if others >= tonumber(ARGV[4]) then return -1 end
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
if others == 0 and failed == 0 then return 0 end
return others + 1
";

/// Releases a claim, and remembers if the try has failed. KEYS and ARGV as above, but ARGV[4] is 1
/// if the try has failed.
const RELEASE: &str = r"
redis.call('ZREM', KEYS[1], ARGV[3])
if ARGV[4] == '1' then
  redis.call('ZADD', KEYS[1], ARGV[2], 'failed')
  redis.call('PEXPIRE', KEYS[1], ARGV[5])
end
return 0
";

/// The outcome of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// There is no Redis, or it did not answer: nothing was claimed.
    Unknown,
    /// No other try is being compared, and none has failed in the last seconds.
    Alone,
    /// So many tries are being compared, this one included. Some may have failed since the caller
    /// read how many did.
    Among(u32),
    /// Too many tries are being compared: nothing was claimed.
    Full,
}

impl Cache {
    /// Claims a try of a counter that allows `claims_max` at once.
    pub async fn try_claim(
        &self,
        counter: &str,
        id: &str,
        claims_max: u32,
        now: Timestamp,
    ) -> Claim {
        match self.claim_script(CLAIM, counter, id, claims_max, now).await {
            None => Claim::Unknown,
            Some(0) => Claim::Alone,
            Some(count) => u32::try_from(count).map_or(Claim::Full, Claim::Among),
        }
    }

    /// Releases a claim, after a failed try was counted.
    pub async fn try_release(&self, counter: &str, id: &str, failed: bool, now: Timestamp) {
        let failed = u32::from(failed);
        self.claim_script(RELEASE, counter, id, failed, now).await;
    }

    async fn claim_script(
        &self,
        script: &str,
        counter: &str,
        id: &str,
        number: u32,
        now: Timestamp,
    ) -> Option<i64> {
        let Self::Redis(redis) = self else { return None };
        let held_ms = i64::try_from(HELD.as_millis()).unwrap_or(i64::MAX);
        let now_ms = now.as_millisecond();
        let script = Script::new(script);
        let mut invocation = script.key(format!("{}tries:{counter}", redis.prefix));
        invocation.arg(now_ms).arg(now_ms + held_ms).arg(format!("id:{id}"));
        invocation.arg(number).arg(held_ms);
        // A burst of guesses must not get through because it slows Redis down.
        redis.ask(Query::Script(&invocation), Priority::Critical).await
    }
}
