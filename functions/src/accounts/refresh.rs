//! `POST /api/auth/refresh`: exchanges the refresh cookie for a new access token and the
//! cookie's successor. A refresh token that was used before ends the session.

use thali_domain::accounts::sessions::{RefreshDecision, RefreshRefusal, refresh as decide};
use thali_platform::app::App;
use thali_platform::auth::refresh::{COOKIE, RefreshToken};
use thali_platform::config::Part;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Problem, Request, Response, schema};
use thali_platform::store::{Consistency, SessionRecord, Stamp};

use super::login::LoggedIn;

pub static ENDPOINT: Endpoint =
    Endpoint::post("refresh", &["/api/auth/refresh"], Access::Public, handler!(refresh))
        .needs(&[Part::SigningKey, Part::RefreshKey])
        .summary("Exchanges the refresh cookie for an access token and a new cookie")
        .answers(200, schema::<LoggedIn>)
        .takes_cookie()
        .sets_cookie()
        .refuses(&["refresh_expired", "refresh_reused", "account_closed"]);

async fn refresh(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let presented = request.cookie(COOKIE).and_then(RefreshToken::parse);
    let presented = presented.ok_or(RefreshRefusal::Expired)?;
    let (session, account) = futures_util::try_join!(
        app.store.session_get(presented.account_id, presented.session_id),
        app.store.account_get(presented.account_id, Consistency::Strong),
    )?;
    let (Some(session), Some(account)) = (session, account) else {
        return Err(RefreshRefusal::Expired.into());
    };
    let actor = presented.account_id.to_string();
    let stamp = Stamp { actor, ..caller.stamp(app, request) };
    if !account.status.may_log_in() {
        end(app, &presented).await?;
        return Err(Problem::account_closed());
    }
    if session.password_version != account.password_version {
        // The session began with a replaced password, and did not end with the other sessions.
        end(app, &presented).await?;
        return Err(RefreshRefusal::Expired.into());
    }
    let next = presented.successor(app.refresh_key());
    rotate(app, &session, &presented, &next, &stamp).await?;
    Ok(LoggedIn::new(app, account, presented.session_id, &stamp).into_response(&next))
}

/// Replaces `presented` with `next`, or finds that this was done a moment ago.
async fn rotate(
    app: &App,
    session: &SessionRecord,
    presented: &RefreshToken,
    next: &RefreshToken,
    stamp: &Stamp,
) -> Result<(), Problem> {
    let decision = decide(&session.refresh_state(), &presented.hash(), stamp.at);
    match decision {
        Ok(RefreshDecision::Repeat) => Ok(()),
        Ok(RefreshDecision::Rotate) => {
            let (presented_hash, next_hash) = (presented.hash(), next.hash());
            if app.store.session_rotate(session, &presented_hash, &next_hash, stamp).await? {
                return Ok(());
            }
            // Another request with the same cookie was faster; the successor is the same.
            let found = app.store.session_get(presented.account_id, presented.session_id).await?;
            match found {
                Some(found) if found.refresh_hash == next_hash => Ok(()),
                _ => Err(RefreshRefusal::Expired.into()),
            }
        }
        Err(refusal) => {
            if refusal == RefreshRefusal::Reused {
                end(app, presented).await?;
                tracing::warn!("a refresh token was used twice; its session was ended");
            }
            Err(refusal.into())
        }
    }
}

async fn end(app: &App, token: &RefreshToken) -> Result<(), Problem> {
    app.store.session_end(token.account_id, token.session_id).await?;
    app.cache.session_mark_ended(token.session_id).await;
    Ok(())
}
