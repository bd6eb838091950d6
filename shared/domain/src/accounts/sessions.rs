//! Sessions: how long access and refresh tokens live, and what a presented refresh token
//! means.

use jiff::{SignedDuration, Timestamp};

/// Life of an access token.
pub const ACCESS_LIFETIME: SignedDuration = SignedDuration::from_mins(15);

/// Life of a refresh token, and so of a session that nobody uses.
pub const REFRESH_LIFETIME: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How long after a rotation the token before it is still answered, for a client that
/// never saw the answer.
pub const REUSE_GRACE: SignedDuration = SignedDuration::from_secs(30);

/// The most sessions that an account has: another login ends the one that was used least
/// recently. So all of them fit into the transaction of a change that ends them.
pub const SESSIONS_MAX: usize = 20;

/// What a session remembers of its refresh tokens: their SHA-256, never themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshState {
    /// Hash of the token that is good now.
    pub current: String,
    /// Hash of the one that it replaced.
    pub previous: Option<String>,
    /// When the replacement happened.
    pub rotated_at: Timestamp,
    /// When the current one ends.
    pub expires_at: Timestamp,
}

/// What to do with a presented refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshDecision {
    /// It is the current one: put its successor in its place.
    Rotate,
    /// It was replaced a moment ago and the answer seems lost: give the same successor.
    Repeat,
}

/// Why a presented refresh token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RefreshRefusal {
    /// The session ended, or the token is too old.
    #[error("the session has ended; log in again")]
    Expired,
    /// The token was used before: somebody has a copy, so the session must end.
    #[error("the refresh token was used before, so the session was ended; log in again")]
    Reused,
}

/// Judges the refresh token whose hash is `presented`.
pub fn refresh(
    state: &RefreshState,
    presented: &str,
    now: Timestamp,
) -> Result<RefreshDecision, RefreshRefusal> {
    if now >= state.expires_at {
        Err(RefreshRefusal::Expired)
    } else if presented == state.current {
        Ok(RefreshDecision::Rotate)
    } else if state.previous.as_deref() == Some(presented) && now < state.rotated_at + REUSE_GRACE {
        Ok(RefreshDecision::Repeat)
    } else {
        Err(RefreshRefusal::Reused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_700_000_000, 0);

    fn rotated_at(rotated_at: Timestamp) -> RefreshState {
        RefreshState {
            current: "new".into(),
            previous: Some("old".into()),
            rotated_at,
            expires_at: NOW + REFRESH_LIFETIME,
        }
    }

    #[test]
    fn the_current_token_is_rotated() {
        assert_eq!(refresh(&rotated_at(NOW), "new", NOW), Ok(RefreshDecision::Rotate));
    }

    #[test]
    fn the_token_before_is_answered_for_thirty_seconds_only() {
        let state = rotated_at(NOW);
        let last_moment = NOW + SignedDuration::from_millis(29_999);
        assert_eq!(refresh(&state, "old", last_moment), Ok(RefreshDecision::Repeat));
        assert_eq!(refresh(&state, "old", NOW + REUSE_GRACE), Err(RefreshRefusal::Reused));
    }

    #[test]
    fn an_older_token_ends_the_session() {
        assert_eq!(refresh(&rotated_at(NOW), "oldest", NOW), Err(RefreshRefusal::Reused));
    }

    #[test]
    fn an_expired_session_is_expired_whatever_is_presented() {
        let state = rotated_at(NOW);
        assert_eq!(refresh(&state, "new", state.expires_at), Err(RefreshRefusal::Expired));
    }
}
