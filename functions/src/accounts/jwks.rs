//! `GET /.well-known/jwks.json`: the public keys with which access tokens can be checked
//! (RFC 7517).

use thali_platform::app::App;
use thali_platform::config::Part;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Problem, Request, Response, schema};
use utoipa::ToSchema;

pub static ENDPOINT: Endpoint =
    Endpoint::get("jwks", &["/.well-known/jwks.json"], Access::Public, handler!(jwks))
        .needs(&[Part::PublicKeys])
        .summary("The public keys of access tokens")
        .answers(200, schema::<KeySet>);

/// A JSON Web Key Set (RFC 7517).
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only documents the library's type")]
struct KeySet {
    keys: Vec<Key>,
}

/// A public key. It has more members, depending on its type.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only documents the library's type")]
struct Key {
    kty: String,
    kid: String,
}

async fn jwks(app: &App, _caller: &Caller, _request: &Request) -> Result<Response, Problem> {
    Ok(Response::ok(app.jwks()).cached_for(300))
}
