//! Redis (or Valkey): what makes answers quicker and may be lost at any time. Nothing
//! here is the truth of anything; without Redis every question goes to DynamoDB.
//!
//! Keys begin with `thali:<stage>:`. After a failure Redis is left alone for two
//! seconds, so that a dead Redis slows one request and not every one.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, RedisError, Script};
use thali_domain::ids::SessionId;
use thali_domain::sessions::ACCESS_LIFETIME;
use tokio::sync::OnceCell;

/// How long one question to Redis may take, connecting included.
const WAIT_MAX: Duration = Duration::from_millis(80);

/// The same for what matters more than a quick answer.
const STUBBORN_WAIT_MAX: Duration = Duration::from_millis(400);

/// How long Redis is left alone after it failed.
const PAUSE_MS: i64 = 2_000;

/// For how long a session that was seen in DynamoDB is believed to live. It bounds how
/// long a logout can go unnoticed if Redis was cut off at that very moment.
const LIVE_FOR_S: u64 = 60;

/// What the cache knows of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionState {
    /// It was seen in DynamoDB less than a minute ago.
    Live,
    /// Somebody logged out, or was shut out.
    Ended,
    /// Nothing: ask DynamoDB.
    Unknown,
}

/// How a call to the cache ended that did not answer.
#[derive(Debug, thiserror::Error)]
enum CacheError {
    #[error("Redis is left alone for a moment")]
    Paused,
    #[error("Redis did not answer in time")]
    Late,
    #[error(transparent)]
    Failed(#[from] RedisError),
}

/// Redis, or nothing where there is none.
pub enum Cache {
    /// No Redis: every question is answered with "unknown".
    Off,
    /// A Redis.
    Redis(Box<RedisCache>),
}

/// The connection to a Redis, made at its first use and again after a failure.
pub struct RedisCache {
    client: Client,
    connection: OnceCell<ConnectionManager>,
    prefix: String,
    paused_until_ms: AtomicI64,
}

/// The generic cell rate algorithm: one value a key, the time at which the bucket would
/// be empty again. Answers 0 where the request may pass, else the milliseconds to wait.
///
/// KEYS[1] the bucket; ARGV: now, the interval between requests, the burst (all in ms).
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
    /// Prepares the connection to `url`; nothing is connected yet.
    pub fn new(url: Option<&str>, stage: &str) -> Result<Self, RedisError> {
        let Some(url) = url else { return Ok(Self::Off) };
        Ok(Self::Redis(Box::new(RedisCache {
            client: Client::open(url)?,
            connection: OnceCell::new(),
            prefix: format!("thali:{stage}:"),
            paused_until_ms: AtomicI64::new(0),
        })))
    }

    /// Connects, if there is a Redis and it answers, so that the first request need not.
    pub async fn connect(&self) {
        self.answers().await;
    }

    /// What is known of a session.
    pub async fn session_state(&self, session: SessionId) -> SessionState {
        let Self::Redis(redis) = self else { return SessionState::Unknown };
        let mut command = redis::cmd("GET");
        command.arg(redis.session_key(session));
        match redis.ask::<Option<String>>(&command, Patience::Hasty).await.flatten().as_deref() {
            Some("live") => SessionState::Live,
            Some("ended") => SessionState::Ended,
            _ => SessionState::Unknown,
        }
    }

    /// Remembers for a minute that a session lives, unless it is known to have ended:
    /// a logout that came between reading the session and this call wins.
    pub async fn session_seen(&self, session: SessionId) {
        if let Self::Redis(redis) = self {
            let mut command = redis::cmd("SET");
            command.arg(redis.session_key(session)).arg("live").arg("NX").arg("EX").arg(LIVE_FOR_S);
            redis.ask::<Option<String>>(&command, Patience::Hasty).await;
        }
    }

    /// Remembers that a session ended until its last access token has expired. Tried even
    /// when Redis has just failed, because it matters.
    pub async fn session_ended(&self, session: SessionId) {
        if let Self::Redis(redis) = self {
            let mut command = redis::cmd("SET");
            let seconds = ACCESS_LIFETIME.as_secs();
            command.arg(redis.session_key(session)).arg("ended").arg("EX").arg(seconds);
            redis.ask::<String>(&command, Patience::Stubborn).await;
        }
    }

    /// Counts one request against `bucket`, which fills at `per_minute` and holds a
    /// minute's worth. Answers the seconds to wait where it is full; without Redis
    /// everything passes, and the counters in DynamoDB guard what must be guarded.
    pub async fn over_limit(&self, bucket: &str, per_minute: u32, now: Timestamp) -> Option<u64> {
        let Self::Redis(redis) = self else { return None };
        let interval_ms = 60_000.0 / f64::from(per_minute.max(1));
        let script = Script::new(GCRA);
        let mut invocation = script.key(format!("{}limit:{bucket}", redis.prefix));
        invocation.arg(now.as_millisecond()).arg(interval_ms).arg(60_000);
        let call = async |mut connection| invocation.invoke_async::<u64>(&mut connection).await;
        let wait_ms = redis.run(call, Patience::Hasty).await.unwrap_or(0);
        (wait_ms > 0).then(|| wait_ms.div_ceil(1_000))
    }

    /// Whether Redis answers; `None` where there is none.
    pub async fn answers(&self) -> Option<bool> {
        let Self::Redis(redis) = self else { return None };
        Some(redis.ask::<String>(&redis::cmd("PING"), Patience::Stubborn).await.is_some())
    }
}

/// How much a call insists on an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Patience {
    /// A little, and not at all while Redis is left alone.
    Hasty,
    /// More, and also while Redis is left alone.
    Stubborn,
}

impl RedisCache {
    fn session_key(&self, session: SessionId) -> String {
        format!("{}session:{session}", self.prefix)
    }

    /// Sends one command; `None` where Redis did not answer, which is logged.
    async fn ask<T: redis::FromRedisValue>(
        &self,
        command: &redis::Cmd,
        patience: Patience,
    ) -> Option<T> {
        let call = async |mut connection| command.query_async::<T>(&mut connection).await;
        self.run(call, patience).await
    }

    async fn run<T>(
        &self,
        call: impl AsyncFnOnce(ConnectionManager) -> Result<T, RedisError>,
        patience: Patience,
    ) -> Option<T> {
        match self.try_run(call, patience).await {
            Ok(answer) => Some(answer),
            Err(CacheError::Paused) => None,
            Err(error) => {
                let until = Timestamp::now().as_millisecond() + PAUSE_MS;
                self.paused_until_ms.store(until, Ordering::Relaxed);
                tracing::warn!(error = %error, "Redis failed; going on without it");
                None
            }
        }
    }

    async fn try_run<T>(
        &self,
        call: impl AsyncFnOnce(ConnectionManager) -> Result<T, RedisError>,
        patience: Patience,
    ) -> Result<T, CacheError> {
        let paused =
            Timestamp::now().as_millisecond() < self.paused_until_ms.load(Ordering::Relaxed);
        if paused && patience == Patience::Hasty {
            return Err(CacheError::Paused);
        }
        let connected_call = async {
            let connection = self.connection.get_or_try_init(|| self.connect()).await?;
            call(connection.clone()).await
        };
        let wait_max = match patience {
            Patience::Hasty => WAIT_MAX,
            Patience::Stubborn => STUBBORN_WAIT_MAX,
        };
        match tokio::time::timeout(wait_max, connected_call).await {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(CacheError::Late),
        }
    }

    async fn connect(&self) -> Result<ConnectionManager, RedisError> {
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(STUBBORN_WAIT_MAX))
            .set_response_timeout(Some(STUBBORN_WAIT_MAX))
            .set_number_of_retries(0);
        ConnectionManager::new_with_config(self.client.clone(), config).await
    }
}
