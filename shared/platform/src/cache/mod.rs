//! Redis (or Valkey): what makes answers quicker and may be lost at any time. Nothing
//! here is the truth of anything; without Redis every question goes to DynamoDB.
//!
//! | module | what it keeps |
//! |---|---|
//! | `entries` | orders and token counts, each with the version that it is of |
//! | `limits` | how often somebody called |
//! | `sessions` | which sessions live, and which have ended |
//! | `staff_tokens` | the same of staff tokens, and whose they are |
//!
//! Keys begin with `thali:<stage>:`. After a failure Redis is left alone for two
//! seconds, so that a dead Redis slows one request and not every one.

mod entries;
mod limits;
mod sessions;
mod staff_tokens;

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, Cmd, FromRedisValue, RedisError, ScriptInvocation};
use tokio::sync::OnceCell;

pub use self::entries::{Entry, Looked};
pub use self::sessions::SessionState;
pub use self::staff_tokens::StaffTokenState;

/// How long one query may take, connecting included.
const WAIT_MAX: Duration = Duration::from_millis(80);

/// How long a [`Priority::Critical`] query may take.
const CRITICAL_WAIT_MAX: Duration = Duration::from_millis(400);

/// How long Redis is left alone after it failed.
const PAUSE_MS: i64 = 2_000;

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

    /// Whether Redis answers; `None` where there is none.
    pub async fn answers(&self) -> Option<bool> {
        let Self::Redis(redis) = self else { return None };
        Some(
            redis
                .ask::<String>(Query::Command(&redis::cmd("PING")), Priority::Critical)
                .await
                .is_some(),
        )
    }
}

/// How much an answer matters.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Priority {
    /// Redis is asked for a short time, and not at all during its pause after a failure.
    Optional,
    /// Redis is asked for a short time, also during its pause.
    Important,
    /// Redis is asked for a longer time, also during its pause.
    Critical,
}

/// What Redis is asked, in one round trip.
#[derive(Clone, Copy)]
enum Query<'a> {
    Command(&'a Cmd),
    Script(&'a ScriptInvocation<'a>),
}

impl Query<'_> {
    async fn run<T: FromRedisValue>(
        self,
        mut connection: ConnectionManager,
    ) -> Result<T, RedisError> {
        match self {
            Self::Command(command) => command.query_async(&mut connection).await,
            Self::Script(script) => script.invoke_async(&mut connection).await,
        }
    }
}

impl RedisCache {
    /// Asks Redis; `None` where it did not answer, which is logged.
    async fn ask<T: FromRedisValue>(&self, query: Query<'_>, priority: Priority) -> Option<T> {
        match self.try_ask(query, priority).await {
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

    async fn try_ask<T: FromRedisValue>(
        &self,
        query: Query<'_>,
        priority: Priority,
    ) -> Result<T, CacheError> {
        let paused =
            Timestamp::now().as_millisecond() < self.paused_until_ms.load(Ordering::Relaxed);
        if paused && priority == Priority::Optional {
            return Err(CacheError::Paused);
        }
        let connected_call = async {
            let connection = self.connection.get_or_try_init(|| self.connect()).await?;
            match query.run(connection.clone()).await {
                // A connection that broke is noticed by whoever uses it next, and made anew
                // for the one after. Whatever is asked here may be asked twice.
                Err(error) if error.is_unrecoverable_error() || error.is_io_error() => {
                    query.run(connection.clone()).await
                }
                answered => answered,
            }
        };
        let wait_max = match priority {
            Priority::Optional | Priority::Important => WAIT_MAX,
            Priority::Critical => CRITICAL_WAIT_MAX,
        };
        match tokio::time::timeout(wait_max, connected_call).await {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(CacheError::Late),
        }
    }

    async fn connect(&self) -> Result<ConnectionManager, RedisError> {
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(CRITICAL_WAIT_MAX))
            .set_response_timeout(Some(CRITICAL_WAIT_MAX))
            .set_number_of_retries(0);
        ConnectionManager::new_with_config(self.client.clone(), config).await
    }
}
