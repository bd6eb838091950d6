//! `POST /api/auth/refresh`: exchanges the refresh cookie for a new access token and the
//! cookie's successor. A token whose successor nobody has used gets the same successor again, and an
//! older one ends the session.

use jiff::Timestamp;
use thali_domain::accounts::devices::device_name;
use thali_domain::accounts::identity::AccountStatus;
use thali_domain::accounts::sessions::{
    REFRESH_LIFETIME, RefreshDecision, RefreshRefusal, refresh as decide,
};
use thali_platform::app::App;
use thali_platform::auth::refresh::{COOKIE, RefreshToken};
use thali_platform::config::Part;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Problem, Request, Response, schema};
use thali_platform::store::{Consistency, SessionRecord, Stamp};

use super::login::LoggedIn;
use super::sessions::end_one;

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
        end_one(app, presented.account_id, presented.session_id).await?;
        let is_deleted = account.status == AccountStatus::Deleted;
        return Err(if is_deleted {
            RefreshRefusal::Expired.into()
        } else {
            Problem::account_closed()
        });
    }
    let session = of_password(app, session, account.password_version).await?;
    let next = presented.successor(app.refresh_key());
    let device = request.header("user-agent").and_then(device_name);
    let expires_at = rotate(app, &session, (&presented, &next), device, &stamp).await?;
    let lives = expires_at.duration_since(stamp.at);
    Ok(LoggedIn::new(app, account, presented.session_id, &stamp).into_response(&next, lives))
}

/// The session, if it did not begin with a replaced password. One that did is ended: it was left over
/// when the other sessions ended.
async fn of_password(
    app: &App,
    session: SessionRecord,
    password_version: u32,
) -> Result<SessionRecord, Problem> {
    if session.password_version >= password_version {
        return Ok(session);
    }
    // Perhaps the session was read just before a change of the password that keeps it, and the
    // account just after.
    let again = app.store.session_get(session.account_id, session.session_id).await?;
    let again = again.ok_or(RefreshRefusal::Expired)?;
    if again.password_version < password_version {
        end_one(app, again.account_id, again.session_id).await?;
        return Err(RefreshRefusal::Expired.into());
    }
    Ok(again)
}

/// Replaces `presented` with `next`, or finds that this was done before. Returns when `next` expires.
async fn rotate(
    app: &App,
    session: &SessionRecord,
    (presented, next): (&RefreshToken, &RefreshToken),
    device: Option<String>,
    stamp: &Stamp,
) -> Result<Timestamp, Problem> {
    let (presented_hash, next_hash) = (presented.hash(), next.hash());
    let was_ours = || session.had_refresh(presented, app.refresh_key());
    match decide(&session.refresh_state(), &presented_hash, was_ours, stamp.at) {
        Ok(RefreshDecision::Repeat) if session.refresh_hash == next_hash => Ok(session.expires_at),
        // After a change of the server's key, a repeat derives another successor. It takes the place
        // of the unused one.
        Ok(RefreshDecision::Rotate | RefreshDecision::Repeat) => {
            let (hash, device) = (&presented_hash, device.as_deref());
            if app.store.session_rotate(session, hash, &next_hash, device, stamp).await? {
                return Ok(stamp.at + REFRESH_LIFETIME);
            }
            // Another request with the same cookie was faster; the successor is the same. It may
            // already be used.
            let found = app.store.session_get(presented.account_id, presented.session_id).await?;
            let found = found.filter(|found| found.knows_refresh(&next_hash));
            found.map(|found| found.expires_at).ok_or_else(|| RefreshRefusal::Expired.into())
        }
        Err(refusal) => {
            if refusal == RefreshRefusal::Reused {
                end_one(app, presented.account_id, presented.session_id).await?;
                tracing::warn!("an old refresh token was used again; its session was ended");
            }
            Err(refusal.into())
        }
    }
}
