//! How sessions end that their owner did not end: by a block, a rejection or a new
//! password. The change itself ends the sessions that it sees, in its own transaction;
//! here is what follows it, and what keeps a login at the same moment from surviving it.

use std::cmp::Reverse;

use futures_util::future::{join_all, try_join_all};
use thali_domain::accounts::sessions::SESSIONS_MAX;
use thali_domain::ids::AccountId;
use thali_platform::app::App;
use thali_platform::http::Problem;
use thali_platform::problems;
use thali_platform::store::SessionRecord;

/// Ends every session of an account, once the change that calls for it is written: tells
/// Redis of the sessions that the change has `ended`, and sweeps those that it did not see.
/// It can be repeated.
pub async fn end_all(
    app: &App,
    account: AccountId,
    ended: &[SessionRecord],
) -> Result<(), Problem> {
    tell_redis(app, ended).await;
    end(app, &app.store.sessions_of(account).await?).await
}

/// Makes sure that `session`, which was just put, may live: that its account was not shut
/// out, and its password not replaced, since the account was read. Whoever changes them
/// writes first and then ends the sessions that there are. So a session was either put
/// before that and is ended by it, or after it and this read sees the change; without the
/// login's answer nobody has its tokens. One more read, where a transaction would cost
/// each login three more write units.
///
/// The same read tells of too many sessions: those that were used least recently end.
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

/// Ends sessions, side by side.
async fn end(app: &App, sessions: &[SessionRecord]) -> Result<(), Problem> {
    let ends = sessions.iter().map(|it| app.store.session_end(it.account_id, it.session_id));
    try_join_all(ends).await?;
    tell_redis(app, sessions).await;
    Ok(())
}

async fn tell_redis(app: &App, ended: &[SessionRecord]) {
    join_all(ended.iter().map(|session| app.cache.session_ended(session.session_id))).await;
}
