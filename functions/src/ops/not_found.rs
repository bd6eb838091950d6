//! Every other path, and every other method: a 404 in the form of all refusals. The
//! gateway's own would have no code and no request id.

use thali_platform::app::App;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Problem, Request, Response};
use thali_platform::problems;

/// The endpoint. Its path is the gateway's name for whatever has no route; it is not
/// among [`crate::ENDPOINTS`], which are what a client can ask for.
pub static ENDPOINT: Endpoint =
    Endpoint::get("not-found", &["$default"], Access::Public, handler!(not_found))
        .refuses(&["not_found"]);

async fn not_found(_app: &App, _caller: &Caller, _request: &Request) -> Result<Response, Problem> {
    Err(problems::nothing_here())
}
