//! `POST /student/logout`: ends the session and its access token at once.

use thali_platform::app::App;
use thali_platform::auth::refresh::COOKIE;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Problem, Request, Response};

use super::login::COOKIE_PATH;

pub static ENDPOINT: Endpoint = Endpoint::post(
    "logout",
    &["/student/logout", "/student/logout/", "/owner/logout", "/owner/logout/", "/api/auth/logout"],
    Access::Any,
    handler!(logout),
)
.summary("Ends the session, and its access token at once")
.answers_nothing(204)
.sets_cookie();

async fn logout(app: &App, caller: &Caller, _request: &Request) -> Result<Response, Problem> {
    let session = caller.session()?;
    // First the database, then the cache: in the other order a crash in between would leave
    // a session that only seems to have ended.
    app.store.session_end(session.account_id, session.session_id).await?;
    app.cache.session_mark_ended(session.session_id).await;
    Ok(Response::no_content().with_cookie(COOKIE, "", COOKIE_PATH, 0))
}
