//! How sessions end that their owner did not end: by a block, a rejection or a new
//! password. The change itself ends the sessions that it sees, in its own transaction;
//! here is what follows it, and what keeps a login at the same moment from surviving it.

use thali_domain::ids::{AccountId, SessionId};
use thali_platform::app::App;
use thali_platform::http::Problem;
use thali_platform::problems;
use thali_platform::store::{Account, Consistency, SessionRecord};

/// Ends every session of an account, once the change that calls for it is written: sweeps
/// what the change did not see, and tells Redis also of the sessions that it ended. It can
/// be repeated.
pub async fn end_all(
    app: &App,
    account: AccountId,
    ended: &[SessionRecord],
) -> Result<(), Problem> {
    let left = app.store.sessions_of(account).await?;
    for session in &left {
        app.store.session_end(account, session.session_id).await?;
    }
    for session in ended.iter().chain(&left) {
        app.cache.session_ended(session.session_id).await;
    }
    Ok(())
}

/// Makes sure that a session which was just put may live: that the account has not been
/// shut out, and its password not changed, since `account` was read. Whoever changes them
/// writes first and then ends the sessions that there are. So a session was either put
/// before that and is ended by it, or after it and this read sees the change; without the
/// session's answer nobody has its tokens. One more read, where a transaction would cost
/// each login three more write units.
pub async fn confirm(app: &App, account: &Account, session: SessionId) -> Result<(), Problem> {
    let found = app.store.account_get(account.account_id, Consistency::Strong).await?;
    let unchanged = found.as_ref().is_some_and(|found| {
        found.status.may_log_in() && found.password_hash == account.password_hash
    });
    if unchanged {
        return Ok(());
    }
    app.store.session_end(account.account_id, session).await?;
    match found {
        Some(found) if !found.status.may_log_in() => Err(problems::account_closed()),
        _ => Err(problems::invalid_credentials()),
    }
}
