//! `GET /health`: whether the stack answers. Without Redis it is `degraded`: slower, and
//! nothing else.

use futures_util::join;
use serde::Serialize;
use thali_platform::app::App;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Problem, Request, Response, schema};
use utoipa::ToSchema;

/// The endpoint.
pub static ENDPOINT: Endpoint =
    Endpoint::get("health", &["/health"], Access::Public, handler!(health))
        .summary("Whether the stack answers")
        .answers(200, schema::<Health>);

#[derive(Serialize, ToSchema)]
struct Health {
    status: &'static str,
    checks: Checks,
}

#[derive(Serialize, ToSchema)]
struct Checks {
    database: &'static str,
    cache: &'static str,
}

async fn health(app: &App, _caller: &Caller, _request: &Request) -> Result<Response, Problem> {
    let (database, cache) = join!(app.store.answers(), app.cache.answers());
    let checks = Checks {
        database: if database { "ok" } else { "failing" },
        cache: match cache {
            None => "off",
            Some(true) => "ok",
            Some(false) => "failing",
        },
    };
    let degraded = [checks.database, checks.cache].contains(&"failing");
    let status = if degraded { "degraded" } else { "ok" };
    Ok(Response::ok(&Health { status, checks }))
}
