//! Sessions: the lifetimes of access and refresh tokens, and the decision about a presented
//! refresh token.

use jiff::{SignedDuration, Timestamp};

/// Lifetime of an access token.
pub const ACCESS_LIFETIME: SignedDuration = SignedDuration::from_mins(15);

/// Lifetime of a refresh token, and so of an unused session.
pub const REFRESH_LIFETIME: SignedDuration = SignedDuration::from_hours(7 * 24);

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
    /// When the current token expires.
    pub expires_at: Timestamp,
}

/// What to do with an accepted refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshDecision {
    /// The token is the current one: replace it with its successor.
    Rotate,
    /// The token was replaced, and nobody has used its successor: the response may be lost, so
    /// return the same successor.
    Repeat,
}

/// Why a presented refresh token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RefreshRefusal {
    /// The session has ended, or the token has expired or never existed.
    #[error("the session has ended; log in again")]
    Expired,
    /// The token was used before, and so was its successor: two parties have the session's tokens,
    /// and one of them may be a thief, so the session must end.
    #[error("the refresh token was used before, so the session was ended; log in again")]
    Reused,
}

/// Decides about the refresh token with the hash `presented`. A repeat does not prolong the session.
/// `was_ours` says of a token that is neither the current nor the previous one whether it ever was
/// one of the session's tokens: an invented token must not end the session.
pub fn refresh(
    state: &RefreshState,
    presented: &str,
    was_ours: impl FnOnce() -> bool,
    now: Timestamp,
) -> Result<RefreshDecision, RefreshRefusal> {
    if now >= state.expires_at {
        Err(RefreshRefusal::Expired)
    } else if presented == state.current {
        Ok(RefreshDecision::Rotate)
    } else if state.previous.as_deref() == Some(presented) {
        Ok(RefreshDecision::Repeat)
    } else if was_ours() {
        Err(RefreshRefusal::Reused)
    } else {
        Err(RefreshRefusal::Expired)
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
            expires_at: rotated_at + REFRESH_LIFETIME,
        }
    }

    #[test]
    fn the_current_token_is_rotated() {
        let decision = refresh(&rotated_at(NOW), "new", || false, NOW);
        assert_eq!(decision, Ok(RefreshDecision::Rotate));
    }

    #[test]
    fn the_previous_token_is_repeated_as_long_as_its_successor_lives() {
        let state = rotated_at(NOW);
        let last_moment = state.expires_at - SignedDuration::from_millis(1);
        for now in [NOW, last_moment] {
            assert_eq!(refresh(&state, "old", || true, now), Ok(RefreshDecision::Repeat));
        }
    }

    #[test]
    fn a_token_two_steps_behind_ends_the_session() {
        let decision = refresh(&rotated_at(NOW), "oldest", || true, NOW);
        assert_eq!(decision, Err(RefreshRefusal::Reused));
    }

    #[test]
    fn an_invented_token_ends_nothing() {
        let decision = refresh(&rotated_at(NOW), "invented", || false, NOW);
        assert_eq!(decision, Err(RefreshRefusal::Expired));
    }

    #[test]
    fn an_expired_session_refuses_every_token() {
        let state = rotated_at(NOW);
        for token in ["new", "old", "oldest"] {
            let decision = refresh(&state, token, || true, state.expires_at);
            assert_eq!(decision, Err(RefreshRefusal::Expired));
        }
    }
}
