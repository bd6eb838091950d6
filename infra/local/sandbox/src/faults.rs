//! Faults on demand: the next answers of a partner's API come late, wrong or not at all.
//!
//! `PUT /{partner}/sandbox/faults` sets the one fault of that partner, `DELETE` ends it.
//! Faults touch the partner's API alone, never the control calls, so that a fault can
//! always be taken back.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::put;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::connection::Hangup;

/// No answer is held longer than this; every client has given up by then.
const DELAY_MS_MAX: u64 = 120_000;

/// How the next answers fail. The parts combine: first the delay, then the failure.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Fault {
    /// Answer with this HTTP status (400 to 599) in the partner's error shape.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    /// Answer this much later.
    #[serde(skip_serializing_if = "Option::is_none")]
    delay_ms: Option<u64>,
    /// Close the connection without an answer.
    #[serde(default)]
    drop: bool,
    /// Let the request take effect first, so that only its answer is lost: the order
    /// exists, the refund is made, and the client does not know.
    #[serde(default)]
    applied: bool,
    /// How many requests fail; without it all of them, until `DELETE`.
    #[serde(skip_serializing_if = "Option::is_none")]
    for_requests: Option<u32>,
    /// Only requests whose path ends so fail; without it all.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
}

impl Fault {
    /// Names what is wrong with the fault itself.
    fn check(&self) -> Result<(), &'static str> {
        if self.status.is_none() && self.delay_ms.is_none() && !self.drop {
            return Err("a fault needs status, delay_ms or drop");
        }
        if self.status.is_some_and(|status| !(400..600).contains(&status)) {
            return Err("status must be 400 to 599");
        }
        if self.delay_ms.is_some_and(|delay| delay > DELAY_MS_MAX) {
            return Err("delay_ms must be at most 120000");
        }
        if self.for_requests == Some(0) {
            return Err("for_requests must be at least 1");
        }
        Ok(())
    }
}

/// The fault switch of one partner.
#[derive(Clone)]
pub(crate) struct Faults {
    current: Arc<Mutex<Option<Fault>>>,
    /// The partner's own way to say a status.
    refusal: fn(StatusCode) -> Response,
}

impl Faults {
    pub(crate) fn new(refusal: fn(StatusCode) -> Response) -> Self {
        Self { current: Arc::default(), refusal }
    }

    fn set(&self, fault: Option<Fault>) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    /// The fault for one request, which it uses up where the fault is counted.
    fn take(&self, path: &str) -> Option<Fault> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let fault = current.clone()?;
        if fault.path.as_ref().is_some_and(|end| !path.ends_with(end.as_str())) {
            return None;
        }
        match current.as_mut().and_then(|fault| fault.for_requests.as_mut()) {
            Some(left) if *left > 1 => *left -= 1,
            Some(_) => *current = None,
            None => {}
        }
        Some(fault)
    }
}

/// The control calls `PUT` and `DELETE /faults` of one partner.
pub(crate) fn control(faults: Faults) -> Router {
    Router::new().route("/faults", put(fault_set).delete(fault_end)).with_state(faults)
}

async fn fault_set(State(faults): State<Faults>, body: Bytes) -> Response {
    let fault = serde_json::from_slice::<Fault>(&body).map_err(|error| error.to_string());
    let checked = fault.and_then(|fault| match fault.check() {
        Ok(()) => Ok(fault),
        Err(why) => Err(why.to_owned()),
    });
    match checked {
        Ok(fault) => {
            faults.set(Some(fault.clone()));
            Json(fault).into_response()
        }
        Err(why) => {
            (StatusCode::UNPROCESSABLE_ENTITY, Json(json!({ "error": why }))).into_response()
        }
    }
}

async fn fault_end(State(faults): State<Faults>) -> StatusCode {
    faults.set(None);
    StatusCode::NO_CONTENT
}

/// The layer around a partner's API that lets the fault happen.
pub(crate) async fn inject(State(faults): State<Faults>, request: Request, next: Next) -> Response {
    let Some(fault) = faults.take(request.uri().path()) else {
        return next.run(request).await;
    };
    let hangup = request.extensions().get::<ConnectInfo<Hangup>>().cloned();
    let fails = fault.drop || fault.status.is_some();
    let answer = if fault.applied || !fails { Some(next.run(request).await) } else { None };
    if let Some(delay_ms) = fault.delay_ms {
        tokio::time::sleep(Duration::from_millis(delay_ms)).await;
    }
    if fault.drop
        && let Some(ConnectInfo(hangup)) = hangup
    {
        hangup.hang_up();
    }
    match fault.status.map(StatusCode::from_u16) {
        Some(Ok(status)) => (faults.refusal)(status),
        // Reached with a fault that only delays, or with one that hung up, whose
        // answer nobody reads.
        _ => answer.unwrap_or_else(|| StatusCode::INTERNAL_SERVER_ERROR.into_response()),
    }
}
