//! The fallback for unknown paths and methods: a 404 in the format of all refusals. The
//! gateway's own 404 would have no code and no request id.

use thali_platform::app::App;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, DEFAULT_ROUTE, Endpoint, Problem, Request, Response};
use thali_platform::problems;

/// Not part of [`crate::endpoints`], because it has no path of its own.
pub static ENDPOINT: Endpoint =
    Endpoint::get("not-found", &[DEFAULT_ROUTE], Access::Public, handler!(not_found))
        .refuses(&["not_found"]);

async fn not_found(_app: &App, _caller: &Caller, _request: &Request) -> Result<Response, Problem> {
    Err(problems::route_not_found())
}
