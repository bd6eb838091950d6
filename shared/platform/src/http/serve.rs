//! The request pipeline: rate limit, session, handler, response, one log line.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use futures_util::FutureExt;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY, RETRY_AFTER,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderValue, Method, StatusCode};
use lambda_http::Body;
use thali_domain::accounts::identity::AccountStatus;
use tracing::Instrument;

use super::access::Access;
use super::caller::{Caller, Session};
use super::endpoint::Endpoint;
use super::problem::Problem;
use super::rate::{RATE_ACCOUNT, Rate};
use super::rate_limit::{charge, check_rate, settle};
use super::request::Request;
use super::response::Response;
use super::staff_token;
use crate::app::App;
use crate::cache::SessionState;
use crate::problems;
use crate::store::Consistency;
use crate::telemetry;

/// Handles one request: enforces what the endpoint declares, then calls its handler.
pub async fn dispatch(app: &App, endpoint: &Endpoint, request: Request) -> http::Response<Body> {
    let span =
        tracing::info_span!("request", function = endpoint.name, request_id = %request.request_id);
    async {
        let started = Instant::now();
        let handled = AssertUnwindSafe(handle(app, endpoint, &request)).catch_unwind().await;
        let outcome = handled.unwrap_or_else(|_| Err(Problem::internal("the handler panicked")));
        log(&outcome, started);
        let response = match outcome {
            Ok(response) => response,
            Err(problem) => problem_response(&problem, &request.request_id),
        };
        let answer = finish(response, &request.request_id);
        // The handler runs as for a GET, so that the status says what it would say there.
        if request.method == Method::HEAD { answer.map(|_| Body::Empty) } else { answer }
    }
    .instrument(span)
    .await
}

async fn handle(app: &App, endpoint: &Endpoint, request: &Request) -> Result<Response, Problem> {
    if endpoint.is_routed() && !endpoint.takes_method(request.method.as_str()) {
        return Err(problems::route_not_found());
    }
    let rate = match endpoint.access {
        // A caller with an account is counted by account, not with everybody at the same address.
        Access::PublicOrOwner if request.has_credentials() => RATE_ACCOUNT,
        _ => endpoint.rate,
    };
    let charge = charge(app, endpoint, rate, request).await?;
    // The box bounds how deeply futures are nested.
    let outcome = Box::pin(proceed(app, endpoint, rate, request)).await;
    settle(app, charge, &outcome).await;
    outcome
}

/// What follows after the limits by IP address.
async fn proceed(
    app: &App,
    endpoint: &Endpoint,
    rate: Rate,
    request: &Request,
) -> Result<Response, Problem> {
    request.check_size(endpoint.body_bytes_max)?;
    let mut caller = match authenticate(app, endpoint.access, request).await {
        // The handler then checks the refresh cookie, and refuses who has neither.
        Err(problem) if endpoint.access == Access::AnyOrCookie && problem.status == 401 => {
            Caller::Anonymous
        }
        caller => caller?,
    };
    match (rate, &caller) {
        (Rate::PerAccount(per_minute), Caller::Session(session)) => {
            // An account has one bucket for its ordinary requests, and one for each stricter rate.
            let bucket = format!("{per_minute}:{}", session.account_id);
            check_rate(app, &bucket, per_minute).await?;
        }
        (rate, Caller::StaffToken(token)) => staff_token::check_rate_of(app, token, rate).await?,
        _ => {}
    }
    // Only after the rate limit, because `admit` may read the account.
    if let Caller::Session(session) = &mut caller {
        admit(app, endpoint.access, session).await?;
    }
    (endpoint.handler)(app, &caller, request).await
}

/// Verifies the access token or staff token, if `access` needs one, or takes one and the request
/// has credentials.
async fn authenticate(app: &App, access: Access, request: &Request) -> Result<Caller, Problem> {
    let given = access.takes_session() && request.has_credentials();
    if !access.needs_session() && !given {
        return Ok(Caller::Anonymous);
    }
    let token = request.bearer_token().ok_or_else(Problem::unauthenticated)?;
    if access.takes_staff_token() && staff_token::has_staff_token_prefix(token) {
        return staff_token::prove(app, token).await.map(Caller::StaffToken);
    }
    let claims =
        app.verifier().verify(token, app.clock.now()).ok_or_else(Problem::unauthenticated)?;
    let session = Session {
        account_id: claims.sub,
        mess_id: claims.mess,
        role: claims.role,
        status: claims.status,
        session_id: claims.sid,
    };
    check_session_lives(app, &session).await?;
    Ok(Caller::Session(session))
}

/// Looks the session up in Redis, and in DynamoDB if Redis does not know it.
async fn check_session_lives(app: &App, session: &Session) -> Result<(), Problem> {
    match app.cache.session_state(session.session_id).await {
        SessionState::Live => Ok(()),
        SessionState::Ended => Err(Problem::unauthenticated()),
        SessionState::Unknown => {
            let found = app.store.session_get(session.account_id, session.session_id).await?;
            if !found.is_some_and(|found| found.is_alive(app.clock.now())) {
                return Err(Problem::unauthenticated());
            }
            app.cache.session_mark_live(session.session_id).await;
            Ok(())
        }
    }
}

/// Admits a session that `access` allows. The access token holds the account's status from when
/// the token was made. If the account was not active then, its status is read again, so that an
/// approval takes effect at once and not only with the next refresh.
async fn admit(app: &App, access: Access, session: &mut Session) -> Result<(), Problem> {
    if !access.admits(session.role) {
        return Err(Problem::wrong_role());
    }
    if !access.needs_approval() || session.status == AccountStatus::Active {
        return Ok(());
    }
    let account = app.store.account_get(session.account_id, Consistency::Strong).await?;
    session.status = account.ok_or_else(Problem::unauthenticated)?.status;
    match session.status {
        AccountStatus::Active => Ok(()),
        AccountStatus::PendingApproval => Err(Problem::not_approved()),
        AccountStatus::Rejected | AccountStatus::Blocked => Err(Problem::account_closed()),
        AccountStatus::Deleted => Err(Problem::unauthenticated()),
    }
}

fn log(outcome: &Result<Response, Problem>, started: Instant) {
    let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    match outcome {
        Ok(response) => {
            tracing::info!(status = response.status.as_u16(), duration_ms, "answered");
        }
        Err(problem) => {
            let status = problem.status.as_u16();
            let cause = problem.cause.as_deref().map(|cause| telemetry::chain(cause));
            if problem.status.is_server_error() {
                tracing::error!(status, code = problem.code, cause, duration_ms, "failed");
            } else {
                tracing::info!(status, code = problem.code, cause, duration_ms, "refused");
            }
        }
    }
}

fn problem_response(problem: &Problem, request_id: &str) -> Response {
    let mut response = Response::ok(&problem.to_json(request_id));
    response.status = problem.status;
    response.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if let Some(seconds) = problem.retry_after_s {
        response.headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if problem.status == StatusCode::UNAUTHORIZED {
        response.headers.insert(http::header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// The default headers, which a handler can override: no cache keeps the response, and a browser
/// that is tricked into showing it as a page loads nothing, runs nothing and shows it in no frame.
const DEFAULT_HEADERS: [(HeaderName, &str); 2] = [
    (CACHE_CONTROL, "no-store"),
    (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
];

/// The headers of every response, which no handler can override.
const FIXED_HEADERS: [(HeaderName, &str); 3] = [
    (REFERRER_POLICY, "no-referrer"),
    (STRICT_TRANSPORT_SECURITY, "max-age=31536000; includeSubDomains"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

/// Adds the default headers, those of every response, and the request's id.
fn finish(response: Response, request_id: &str) -> http::Response<Body> {
    let Response { status, mut headers, body } = response;
    for (name, value) in DEFAULT_HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    for (name, value) in FIXED_HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(request_id) = HeaderValue::try_from(request_id) {
        headers.insert(HeaderName::from_static("x-request-id"), request_id);
    }
    let mut answer = http::Response::new(body);
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    answer
}
