//! Ends sessions: one or all others at the person's wish, and all of them after a block, a rejection
//! or a new password. Such a change itself ends the sessions that it sees, in its own transaction.
//! This file does the steps after that, and prevents a login at the same moment from surviving the
//! change.

use std::cmp::Reverse;

use futures_util::future::join_all;
use thali_domain::accounts::sessions::SESSIONS_MAX;
use thali_domain::ids::{AccountId, SessionId};
use thali_platform::app::App;
use thali_platform::http::Problem;
use thali_platform::problems;
use thali_platform::store::{Account, SessionRecord};

/// Ends every session of an account, after the change that requires it was written: tells Redis
/// about the sessions that the change has `ended`, and ends those that the change did not see.
/// It is safe to repeat.
pub async fn end_all(
    app: &App,
    account: AccountId,
    ended: &[SessionRecord],
) -> Result<(), Problem> {
    tell_redis(app, ended).await;
    end(app, &app.store.sessions_of(account).await?).await
}

/// Ends the sessions that began with an older password than the account's, after the change of the
/// password was written: tells Redis about the sessions that the change has `ended`, and ends those
/// that the change did not see. It is safe to repeat.
pub async fn end_older(
    app: &App,
    account: &Account,
    ended: &[SessionRecord],
) -> Result<(), Problem> {
    tell_redis(app, ended).await;
    let mut older = app.store.sessions_of(account.account_id).await?;
    older.retain(|session| session.password_version < account.password_version);
    end(app, &older).await
}

/// Checks that the session that was just stored may stay: since the account was read for the
/// login, nobody has blocked or rejected the account or replaced its password. Such a change is
/// written first, and then ends the sessions that exist. So either the session was stored before
/// that and the change ends it, or it was stored later and this read sees the change. Nobody has
/// the session's tokens before the login responds. The check costs one more read; a transaction
/// would cost each login three more write units.
///
/// The same read shows whether there are too many sessions; the least recently used ones end.
pub async fn confirm(app: &App, session: &SessionRecord) -> Result<(), Problem> {
    let (account, mut others) = app.store.account_with_sessions(session.account_id).await?;
    others.retain(|other| other.session_id != session.session_id);
    let refusal = match account {
        Some(account) if !account.status.may_log_in() => Some(Problem::account_closed()),
        Some(account) if account.password_version == session.password_version => None,
        _ => Some(problems::invalid_credentials()),
    };
    if let Some(refusal) = refusal {
        end(app, std::slice::from_ref(session)).await?;
        return Err(refusal);
    }
    others.sort_by_key(|other| Reverse(other.rotated_at));
    let too_many = others.split_off(others.len().min(SESSIONS_MAX - 1));
    end(app, &too_many).await
}

/// Ends all sessions of an account but this one.
pub async fn end_others(app: &App, account: AccountId, kept: SessionId) -> Result<(), Problem> {
    let mut sessions = app.store.sessions_of(account).await?;
    sessions.retain(|session| session.session_id != kept);
    end(app, &sessions).await
}

/// Ends one session. First in the database, then in the cache: in the other order a crash in between
/// would leave a session that only seems to have ended.
pub async fn end_one(app: &App, account: AccountId, session: SessionId) -> Result<(), Problem> {
    app.store.session_end(account, session).await?;
    app.cache.session_mark_ended(session).await;
    Ok(())
}

/// Ends sessions concurrently. If one of them fails, the others have ended completely.
async fn end(app: &App, sessions: &[SessionRecord]) -> Result<(), Problem> {
    let ends = sessions.iter().map(|it| end_one(app, it.account_id, it.session_id));
    join_all(ends).await.into_iter().collect()
}

async fn tell_redis(app: &App, ended: &[SessionRecord]) {
    join_all(ended.iter().map(|session| app.cache.session_mark_ended(session.session_id))).await;
}
