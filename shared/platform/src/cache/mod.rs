//! Redis (or Valkey): a cache that may be lost at any time. DynamoDB is the only source of
//! truth; without Redis every lookup goes there.
//!
//! | module | what it keeps |
//! |---|---|
//! | `claims` | which passwords are being compared |
//! | `entries` | orders and token counts, each with its version |
//! | `limits` | the counters of the rate limits |
//! | `sessions` | which sessions are live, and which have ended |
//! | `staff_tokens` | the same for staff tokens, with their records |
//!
//! Keys begin with `thali:<stage>:`. For two seconds after a failure, optional queries are not
//! sent, so that a dead Redis does not slow every request.

mod claims;
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

pub use self::claims::Claim;
pub use self::entries::{Entry, Lookup};
pub use self::limits::{Charged, Limit};
pub use self::sessions::SessionState;
pub use self::staff_tokens::StaffTokenState;

/// How long one query may take, including connecting.
const WAIT_MAX: Duration = Duration::from_millis(80);

/// How long a [`Priority::Critical`] query may take.
const CRITICAL_WAIT_MAX: Duration = Duration::from_millis(400);

/// How long optional queries are not sent after a failure.
const PAUSE_MS: i64 = 2_000;

/// Why a call to Redis returned nothing.
#[derive(Debug, thiserror::Error)]
enum CacheError {
    #[error("Redis is left alone for a moment")]
    Paused,
    #[error("Redis did not answer in time")]
    Late,
    #[error(transparent)]
    Failed(#[from] RedisError),
}

/// Redis, if the deployment has one.
pub enum Cache {
    /// No Redis: every lookup returns "unknown".
    Off,
    Redis(Box<RedisCache>),
}

/// The connection to Redis, made at its first use and again after a failure.
pub struct RedisCache {
    client: Client,
    connection: OnceCell<ConnectionManager>,
    prefix: String,
    paused_until_ms: AtomicI64,
}

impl Cache {
    /// Prepares the connection to `url` without connecting.
    pub fn new(url: Option<&str>, stage: &str) -> Result<Self, RedisError> {
        let Some(url) = url else { return Ok(Self::Off) };
        Ok(Self::Redis(Box::new(RedisCache {
            client: Client::open(url)?,
            connection: OnceCell::new(),
            prefix: format!("thali:{stage}:"),
            paused_until_ms: AtomicI64::new(0),
        })))
    }

    /// Connects to Redis, if there is one, so that the first request does not have to.
    pub async fn connect(&self) {
        self.answers().await;
    }

    /// Whether Redis responds; `None` if there is no Redis.
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

/// How important a query is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Priority {
    /// A short time limit; not sent during the pause after a failure.
    Optional,
    /// A short time limit; sent during the pause too.
    Important,
    /// A longer time limit; sent during the pause too.
    Critical,
}

/// A query to Redis that takes one round trip.
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
    /// Sends a query; `None` if Redis did not respond. A failure is logged.
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
                // The first query on a broken connection fails and triggers a reconnect; the
                // second one uses the new connection. Every query here may be sent twice.
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
