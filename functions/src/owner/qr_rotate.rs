//! `POST /api/v1/qr/rotate`: replaces the key of all students' codes. Codes of the key before
//! stay good for as long as the owner says, those of older keys for no moment longer.
//!
//! A retry without an `Idempotency-Key` is another rotation, and ends the grace of the codes
//! that people have.

use jiff::Timestamp;
use serde::Serialize;
use thali_domain::staff::gate::{GraceHours, QrKeys};
use thali_domain::students::qr::Kid;
use thali_platform::app::App;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Problem, Request, Response, schema};
use thali_platform::problems;
use thali_platform::store::{
    CONTENTION_TRIES_MAX, Consistency, IdempotencyKey, Operation, StoreError, contention_pause,
};
use utoipa::ToSchema;

use crate::repeats::first_outcome;

/// The endpoint.
pub static ENDPOINT: Endpoint =
    Endpoint::post("qr-rotate", &["/api/v1/qr/rotate"], Access::Owner, handler!(rotate))
        .summary("Replaces the key of all students' codes")
        .takes(schema::<RotateCodes>)
        .replays()
        .answers(200, schema::<Rotated>)
        .refuses(&["mess_not_found"]);

#[derive(eserde::Deserialize, ToSchema)]
struct RotateCodes {
    #[serde(alias = "graceHours")]
    #[eserde(compat)]
    grace_hours: GraceHours,
}

#[derive(Serialize, ToSchema)]
struct Rotated {
    kid: Kid,
    #[schema(value_type = String, format = DateTime)]
    previous_valid_until: Timestamp,
}

async fn rotate(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let RotateCodes { grace_hours } = request.json()?;
    let session = caller.session()?;
    let (owner, mess) = (session.account_id, &session.mess_id);
    let key = request.idempotency_key(&format!("rotate with {grace_hours} hours"))?;
    let stamp = caller.stamp(app, request);
    for attempt in 1..=CONTENTION_TRIES_MAX {
        if let Some(first) = replay(app, caller, key.as_ref()).await? {
            return Ok(Response::ok(&first).replayed_if(true));
        }
        let gate = app.store.gate_get(mess, Consistency::Strong).await?;
        let read = gate.ok_or_else(problems::mess_not_found)?.qr_keys;
        let keys = read.rotate(grace_hours, stamp.at);
        let rotated = Rotated::of(&keys);
        let remembered = key.as_ref().map(|key| (owner, key, rotated.remembered()));
        if app.store.codes_rotate(mess, &read, &keys, remembered, &stamp).await? {
            return Ok(Response::ok(&rotated));
        }
        contention_pause(attempt).await;
    }
    Err(StoreError::Contended.into())
}

/// What the idempotency key brought about before.
async fn replay(
    app: &App,
    caller: &Caller,
    key: Option<&IdempotencyKey>,
) -> Result<Option<Rotated>, Problem> {
    let owner = caller.session()?.account_id;
    let first = first_outcome(app, owner, Operation::RotateCodes, key).await?;
    Ok(first.as_deref().and_then(Rotated::recall))
}

impl Rotated {
    fn of(keys: &QrKeys) -> Self {
        let until = keys.previous.as_ref().map(|previous| previous.valid_until);
        Self { kid: keys.current, previous_valid_until: until.unwrap_or_default() }
    }

    /// The outcome as it is stored beside an idempotency key.
    fn remembered(&self) -> String {
        format!("{}@{}", self.kid, self.previous_valid_until.as_millisecond())
    }

    fn recall(outcome: &str) -> Option<Self> {
        let (kid, until) = outcome.split_once('@')?;
        let previous_valid_until = Timestamp::from_millisecond(until.parse().ok()?).ok()?;
        Some(Self { kid: Kid::parse(kid).ok()?, previous_valid_until })
    }
}
