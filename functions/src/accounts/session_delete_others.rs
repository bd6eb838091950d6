//! `DELETE /account/sessions`: ends all sessions of the caller but the current one, and their access
//! tokens at once.

use thali_platform::app::App;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Problem, Request, Response};

use super::sessions::end_others;

pub static ENDPOINT: Endpoint = Endpoint::delete(
    "session-delete-others",
    &["/account/sessions"],
    Access::Any,
    handler!(delete_others),
)
.summary("Ends all other sessions of the caller, and their access tokens at once")
.answers_nothing(204);

async fn delete_others(
    app: &App,
    caller: &Caller,
    _request: &Request,
) -> Result<Response, Problem> {
    let caller = caller.session()?;
    end_others(app, caller.account_id, caller.session_id).await?;
    Ok(Response::no_content())
}
