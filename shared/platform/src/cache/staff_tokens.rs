//! Which staff tokens are live, and which have ended, like [`super::sessions`] for sessions.

use thali_domain::ids::StaffTokenId;

use super::{Cache, Priority, Query, RedisCache};
use crate::store::StaffTokenRecord;

/// How long a token counts as live after it was read in DynamoDB. This bounds how long a
/// revocation can go unnoticed if Redis was unreachable at that moment, and how exact the
/// recorded time of the last use is.
const LIVE_FOR_S: u64 = 60;

/// How long the cache stores that a token has ended: far longer than any request that has read
/// the token as live can take.
const ENDED_FOR_S: u64 = 900;

/// What the cache knows about a staff token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StaffTokenState {
    /// The token was read in DynamoDB less than a minute ago. The caller must still compare
    /// the presented text and check the expiry.
    Live(Box<StaffTokenRecord>),
    /// An owner has revoked the token.
    Ended,
    /// Nothing is known: DynamoDB must be read.
    Unknown,
}

impl Cache {
    pub async fn staff_token_state(&self, token: StaffTokenId) -> StaffTokenState {
        let Self::Redis(redis) = self else { return StaffTokenState::Unknown };
        let mut command = redis::cmd("GET");
        command.arg(redis.staff_token_key(token));
        let found = redis.ask::<Option<String>>(Query::Command(&command), Priority::Optional).await;
        match found.flatten().as_deref() {
            None => StaffTokenState::Unknown,
            Some("ended") => StaffTokenState::Ended,
            // An entry of another version of the code may not parse; it counts as absent.
            Some(json) => serde_json::from_str(json)
                .map_or(StaffTokenState::Unknown, |record| StaffTokenState::Live(Box::new(record))),
        }
    }

    /// Stores for a minute that a token is live, unless the cache knows that it has ended: a
    /// revocation between reading the token and this call wins.
    pub async fn staff_token_mark_live(&self, token: &StaffTokenRecord) {
        if let Self::Redis(redis) = self {
            let json = serde_json::to_string(token).expect("records are plain data and serialise");
            let key = redis.staff_token_key(token.staff_token_id);
            let mut command = redis::cmd("SET");
            command.arg(key).arg(json).arg("NX").arg("EX").arg(LIVE_FOR_S);
            redis.ask::<Option<String>>(Query::Command(&command), Priority::Optional).await;
        }
    }

    /// Stores that a token has ended. Tried even if Redis has just failed, because it
    /// matters.
    pub async fn staff_token_mark_ended(&self, token: StaffTokenId) {
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
