//! Sessions: the lifetimes of access and refresh tokens, and the decision about a presented
//! refresh token.

use jiff::{SignedDuration, Timestamp};

/// Lifetime of an access token.
pub const ACCESS_LIFETIME: SignedDuration = SignedDuration::from_mins(15);

/// Lifetime of a refresh token, and so of an unused session.
pub const REFRESH_LIFETIME: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How long after a rotation the previous token is still accepted, for a client that lost the
/// response.
pub const REUSE_GRACE: SignedDuration = SignedDuration::from_secs(30);

/// The maximum number of sessions of an account: another login ends the least recently used
/// one. So one transaction can change an account and end all of its sessions.
pub const SESSIONS_MAX: usize = 20;

/// The refresh tokens of a session: only their SHA-256 hashes, never the tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshState {
    /// Hash of the valid token.
    pub current: String,
    /// Hash of the token that the current one replaced.
    pub previous: Option<String>,
    /// When the current token replaced the previous one.
    pub rotated_at: Timestamp,
    /// When the current token expires.
    pub expires_at: Timestamp,
}

/// What to do with an accepted refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshDecision {
    /// The token is the current one: replace it with its successor.
    Rotate,
    /// The token was replaced a moment ago and the response seems lost: return the same
    /// successor.
    Repeat,
}

/// Why a presented refresh token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RefreshRefusal {
    /// The session has ended, or the token has expired.
    #[error("the session has ended; log in again")]
    Expired,
    /// The token was used before: an attacker may have a copy, so the session must end.
    #[error("the refresh token was used before, so the session was ended; log in again")]
    Reused,
}

/// Decides about the refresh token with the hash `presented`.
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
    fn the_previous_token_is_accepted_for_only_thirty_seconds() {
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
    fn an_expired_session_refuses_every_token() {
        let state = rotated_at(NOW);
        assert_eq!(refresh(&state, "new", state.expires_at), Err(RefreshRefusal::Expired));
    }
}
