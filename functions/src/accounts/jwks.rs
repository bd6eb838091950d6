//! `GET /.well-known/jwks.json`: the public keys with which access tokens can be checked
//! (RFC 7517).

use thali_platform::app::App;
use thali_platform::config::Part;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Problem, Request, Response};

/// The endpoint.
pub static ENDPOINT: Endpoint =
    Endpoint::get("jwks", &["/.well-known/jwks.json"], Access::Public, handler!(jwks))
        .needs(&[Part::PublicKeys]);

async fn jwks(app: &App, _caller: &Caller, _request: &Request) -> Result<Response, Problem> {
    Ok(Response::ok(app.jwks()).cached_for(300))
}
