//! `GET /student/tokens`: how many tokens the student has, and which expire next.

use jiff::Timestamp;
use serde::Serialize;
use thali_domain::tokens::{balance, expiring_next};
use thali_platform::app::App;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Problem, Request, Response, schema};
use thali_platform::store::Consistency;
use utoipa::ToSchema;

/// The endpoint.
pub static ENDPOINT: Endpoint = Endpoint::get(
    "tokens",
    &["/student/tokens", "/student/tokens/"],
    Access::Student,
    handler!(tokens),
)
.summary("How many tokens there are, and which expire next")
.answers(200, schema::<Tokens>);

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
    let purchases = app.store.purchases_of(account, Consistency::Strong).await?;
    let now = app.clock.now();
    let expiring_next =
        expiring_next(&purchases, now).map(|(count, expires_at)| Expiring { count, expires_at });
    Ok(Response::ok(&Tokens { count: balance(&purchases, now), expiring_next }))
}
