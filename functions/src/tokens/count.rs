//! `GET /student/tokens`: how many tokens the student has, and which expire next.

use jiff::Timestamp;
use serde::Serialize;
use thali_platform::app::App;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Problem, Request, Response, schema};
use utoipa::ToSchema;

use super::counted;

pub static ENDPOINT: Endpoint = Endpoint::get(
    "tokens",
    &["/student/tokens", "/student/tokens/"],
    Access::Student,
    handler!(tokens),
)
.summary("How many tokens there are, and which expire next")
.answers(200, schema::<Tokens>)
.tells_cache();

#[derive(Serialize, ToSchema)]
struct Tokens {
    count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiring_next: Option<Expiring>,
}

#[derive(Serialize, ToSchema)]
struct Expiring {
    count: usize,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

async fn tokens(app: &App, caller: &Caller, _request: &Request) -> Result<Response, Problem> {
    let account = caller.session()?.account_id;
    let (left, hit) = counted::read(app, account).await?;
    let now = app.clock.now();
    let expiring = |(count, expires_at)| Expiring { count, expires_at };
    let expiring_next = left.expiring_next(now).map(expiring);
    Ok(Response::ok(&Tokens { count: left.count(now), expiring_next }).from_cache(hit))
}
