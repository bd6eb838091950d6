//! Which sessions are live, and which have ended.

use thali_domain::accounts::sessions::ACCESS_LIFETIME;
use thali_domain::ids::SessionId;

use super::{Cache, Priority, Query, RedisCache};

/// How long a session counts as live after it was read in DynamoDB. This bounds how long a
/// logout can go unnoticed if Redis was unreachable at that moment.
const LIVE_FOR_S: u64 = 60;

/// What the cache knows about a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionState {
    /// The session was read in DynamoDB less than a minute ago.
    Live,
    /// The session has ended, for example by a logout or a block.
    Ended,
    /// Nothing is known: DynamoDB must be read.
    Unknown,
}

impl Cache {
    pub async fn session_state(&self, session: SessionId) -> SessionState {
        let Self::Redis(redis) = self else { return SessionState::Unknown };
        let mut command = redis::cmd("GET");
        command.arg(redis.session_key(session));
        match redis
            .ask::<Option<String>>(Query::Command(&command), Priority::Optional)
            .await
            .flatten()
            .as_deref()
        {
            Some("live") => SessionState::Live,
            Some("ended") => SessionState::Ended,
            _ => SessionState::Unknown,
        }
    }

    /// Stores for a minute that a session is live, unless the cache knows that it has ended:
    /// a logout between reading the session and this call wins.
    pub async fn session_mark_live(&self, session: SessionId) {
        if let Self::Redis(redis) = self {
            let mut command = redis::cmd("SET");
            command.arg(redis.session_key(session)).arg("live").arg("NX").arg("EX").arg(LIVE_FOR_S);
            redis.ask::<Option<String>>(Query::Command(&command), Priority::Optional).await;
        }
    }

    /// Stores that a session has ended, until its last access token has expired. Tried even
    /// if Redis has just failed, because it matters.
    pub async fn session_mark_ended(&self, session: SessionId) {
        if let Self::Redis(redis) = self {
            let mut command = redis::cmd("SET");
            let seconds = ACCESS_LIFETIME.as_secs();
            command.arg(redis.session_key(session)).arg("ended").arg("EX").arg(seconds);
            redis.ask::<String>(Query::Command(&command), Priority::Critical).await;
        }
    }
}

impl RedisCache {
    fn session_key(&self, session: SessionId) -> String {
        format!("{}session:{session}", self.prefix)
    }
}
