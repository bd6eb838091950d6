//! `GET /health`: whether the database and Redis respond. If one of them fails, the status is
//! `degraded`. If only Redis fails, the API is slower but works.

use futures_util::join;
use serde::Serialize;
use thali_platform::app::App;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Problem, Request, Response, schema};
use utoipa::ToSchema;

pub static ENDPOINT: Endpoint =
    Endpoint::get("health", &["/health"], Access::Public, handler!(health))
        .summary("Whether the database and Redis respond")
        .answers(200, schema::<Health>);

#[derive(Serialize, ToSchema)]
struct Health {
    status: HealthStatus,
    checks: Checks,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum HealthStatus {
    Ok,
    Degraded,
}

#[derive(Serialize, ToSchema)]
struct Checks {
    database: Check,
    cache: Check,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Check {
    Ok,
    Failing,
    /// The deployment has no Redis.
    Off,
}

async fn health(app: &App, _caller: &Caller, _request: &Request) -> Result<Response, Problem> {
    let (database, cache) = join!(app.store.answers(), app.cache.answers());
    let check = |answers| if answers { Check::Ok } else { Check::Failing };
    let checks = Checks { database: check(database), cache: cache.map_or(Check::Off, check) };
    let degraded = [checks.database, checks.cache].contains(&Check::Failing);
    let status = if degraded { HealthStatus::Degraded } else { HealthStatus::Ok };
    Ok(Response::ok(&Health { status, checks }))
}
