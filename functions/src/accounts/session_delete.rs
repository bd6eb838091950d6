//! `DELETE /account/sessions/{session_id}`: ends one of the caller's sessions, and its access token
//! at once. To end the current one is to log out.

use thali_domain::ids::SessionId;
use thali_platform::app::App;
use thali_platform::auth::refresh::COOKIE;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Problem, Request, Response};
use thali_platform::problems;

use super::login::COOKIE_PATH;
use super::sessions::end_one;

pub static ENDPOINT: Endpoint = Endpoint::delete(
    "session-delete",
    &["/account/sessions/{session_id}"],
    Access::Any,
    handler!(delete),
)
.summary("Ends one of the caller's sessions, and its access token at once")
.answers_nothing(204)
.sets_cookie()
.refuses(&["session_not_found"]);

async fn delete(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let caller = caller.session()?;
    let id: Option<SessionId> = request.param("session_id");
    let id = id.ok_or_else(problems::session_not_found)?;
    // A session is found only in the caller's own account.
    let found = app.store.session_get(caller.account_id, id).await?;
    let found = found.filter(|session| session.is_alive(app.clock.now()));
    found.ok_or_else(problems::session_not_found)?;
    end_one(app, caller.account_id, id).await?;
    let response = Response::no_content();
    if id == caller.session_id {
        Ok(response.with_cookie(COOKIE, "", COOKIE_PATH, 0))
    } else {
        Ok(response)
    }
}
