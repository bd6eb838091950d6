//! `POST /api/auth/logout`: ends the session and its access token at once. An access token or the
//! refresh cookie is enough, so that a person can log out however old the page is. Browsers send the
//! cookie only to this path and not to its older aliases.

use thali_domain::ids::{AccountId, SessionId};
use thali_platform::app::App;
use thali_platform::auth::refresh::{COOKIE, RefreshToken};
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Problem, Request, Response};

use super::login::COOKIE_PATH;
use super::sessions::end_one;

pub static ENDPOINT: Endpoint = Endpoint::post(
    "logout",
    &["/student/logout", "/student/logout/", "/owner/logout", "/owner/logout/", "/api/auth/logout"],
    Access::AnyOrCookie,
    handler!(logout),
)
.summary("Ends the session, and its access token at once")
.answers_nothing(204)
.takes_cookie()
.sets_cookie();

/// The response to a cookie is the same whether or not there was a session to end: the browser is
/// logged out, and a guessed cookie learns nothing.
async fn logout(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let cookie = request.cookie(COOKIE).filter(|cookie| !cookie.is_empty());
    let by_token = caller.session().map(|session| (session.account_id, session.session_id));
    if by_token.is_err() && cookie.is_none() {
        // The cookie stays as it is: a page of another site can send this request, and the browser
        // sends it without the cookie.
        return Err(Problem::unauthenticated());
    }
    let mut ended = Vec::from_iter(by_token);
    if let Some(presented) = cookie.and_then(RefreshToken::parse) {
        ended.extend(session_of(app, &presented).await?);
    }
    ended.dedup();
    for (account, session) in ended {
        end_one(app, account, session).await?;
    }
    Ok(Response::no_content().with_cookie(COOKIE, "", COOKIE_PATH, 0))
}

/// The session of a refresh token, if the token is genuine: whoever only knows the session's id must
/// not be able to end it.
async fn session_of(
    app: &App,
    presented: &RefreshToken,
) -> Result<Option<(AccountId, SessionId)>, Problem> {
    let found = app.store.session_get(presented.account_id, presented.session_id).await?;
    let genuine = found.is_some_and(|session| session.knows_refresh(&presented.hash()));
    Ok(genuine.then_some((presented.account_id, presented.session_id)))
}
