//! Which staff tokens live, and which have ended, as [`super::sessions`] does for sessions.

use thali_domain::ids::StaffTokenId;

use super::{Cache, Priority, Query, RedisCache};
use crate::store::StaffTokenRecord;

/// For how long a token that was seen in DynamoDB is believed to live. It bounds how long
/// a revocation can go unnoticed if Redis was cut off at that very moment, and how exactly
/// the last use is known.
const LIVE_FOR_S: u64 = 60;

/// For how long it is remembered that a token has ended: far longer than any request takes
/// that has seen it live.
const ENDED_FOR_S: u64 = 900;

/// What the cache knows of a staff token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StaffTokenState {
    /// It was seen in DynamoDB less than a minute ago. Whether the text that was presented is
    /// its own, and whether it has expired since, is not yet said.
    Live(Box<StaffTokenRecord>),
    /// An owner has revoked it.
    Ended,
    /// Nothing: ask DynamoDB.
    Unknown,
}

impl Cache {
    /// What is known of a staff token.
    pub async fn staff_token_state(&self, token: StaffTokenId) -> StaffTokenState {
        let Self::Redis(redis) = self else { return StaffTokenState::Unknown };
        let mut command = redis::cmd("GET");
        command.arg(redis.staff_token_key(token));
        let found = redis.ask::<Option<String>>(Query::Command(&command), Priority::Optional).await;
        match found.flatten().as_deref() {
            None => StaffTokenState::Unknown,
            Some("ended") => StaffTokenState::Ended,
            // What another version of the code has put there is as good as nothing.
            Some(json) => serde_json::from_str(json)
                .map_or(StaffTokenState::Unknown, |record| StaffTokenState::Live(Box::new(record))),
        }
    }

    /// Remembers for a minute that a token lives, unless it is known to have ended: a
    /// revocation that came between reading the token and this call wins.
    pub async fn staff_token_seen(&self, token: &StaffTokenRecord) {
        if let Self::Redis(redis) = self {
            let json = serde_json::to_string(token).expect("records are plain data and serialise");
            let key = redis.staff_token_key(token.staff_token_id);
            let mut command = redis::cmd("SET");
            command.arg(key).arg(json).arg("NX").arg("EX").arg(LIVE_FOR_S);
            redis.ask::<Option<String>>(Query::Command(&command), Priority::Optional).await;
        }
    }

    /// Remembers that a token has ended. Tried even when Redis has just failed, because it
    /// matters.
    pub async fn staff_token_ended(&self, token: StaffTokenId) {
        if let Self::Redis(redis) = self {
            let mut command = redis::cmd("SET");
            command.arg(redis.staff_token_key(token)).arg("ended").arg("EX").arg(ENDED_FOR_S);
            redis.ask::<String>(Query::Command(&command), Priority::Critical).await;
        }
    }
}

impl RedisCache {
    fn staff_token_key(&self, token: StaffTokenId) -> String {
        format!("{}staff-token:{token}", self.prefix)
    }
}
