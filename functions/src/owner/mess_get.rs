//! `GET /api/v1/mess`: the settings of the caller's mess.

use thali_domain::mess::Mess;
use thali_platform::app::App;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Problem, Request, Response, schema};
use thali_platform::problems;

pub static ENDPOINT: Endpoint =
    Endpoint::get("mess-get", &["/api/v1/mess"], Access::Counter, handler!(mess_get))
        .summary("The mess's settings")
        .answers(200, schema::<Mess>)
        .refuses(&["mess_not_found"]);

async fn mess_get(app: &App, caller: &Caller, _request: &Request) -> Result<Response, Problem> {
    let mess = app.store.mess_get(caller.mess_id()?).await?;
    Ok(Response::ok(&mess.ok_or_else(problems::mess_not_found)?))
}
