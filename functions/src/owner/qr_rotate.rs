//! `POST /api/v1/qr/rotate`: replaces the key that signs all students' codes. Codes of the
//! previous key stay valid for the grace period that the owner chooses; codes of older keys
//! become invalid at once.
//!
//! A retry without an `Idempotency-Key` is another rotation: it ends the grace period of the
//! codes that students have.

use jiff::Timestamp;
use serde::Serialize;
use thali_domain::staff::gate::{GraceHours, QrKeys};
use thali_domain::students::qr::Kid;
use thali_platform::app::App;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Problem, Request, Response, schema};
use thali_platform::problems;
use thali_platform::store::{Attempt, Consistency, Operation};
use utoipa::ToSchema;

use crate::repeats::{commit_once, first_outcome};

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
    let (key, stamp) = (key.as_ref(), &stamp);
    let (rotated, replayed) = commit_once(
        || async {
            let first = first_outcome(app, owner, Operation::RotateCodes, key).await?;
            Ok(first.and_then(|outcome: String| Rotated::recall(&outcome)))
        },
        |_| app.store.gate_get(mess, Consistency::Strong),
        |_, gate| async move {
            let read = gate.ok_or_else(problems::mess_not_found)?.qr_keys;
            let keys = read.rotate(grace_hours, stamp.at);
            let rotated = Rotated::of(&keys);
            let remembered = key.map(|key| (owner, key, rotated.remembered()));
            let written = app.store.codes_rotate(mess, &read, &keys, remembered, stamp).await?;
            Ok(Attempt::of(written.then_some(rotated)))
        },
    )
    .await?;
    Ok(Response::ok(&rotated).replayed_if(replayed))
}

impl Rotated {
    fn of(keys: &QrKeys) -> Self {
        let until = keys.previous.as_ref().map(|previous| previous.valid_until);
        Self { kid: keys.current, previous_valid_until: until.unwrap_or_default() }
    }

    /// The outcome as it is stored with an idempotency key.
    fn remembered(&self) -> String {
        format!("{}@{}", self.kid, self.previous_valid_until.as_millisecond())
    }

    fn recall(outcome: &str) -> Option<Self> {
        let (kid, until) = outcome.split_once('@')?;
        let previous_valid_until = Timestamp::from_millisecond(until.parse().ok()?).ok()?;
        Some(Self { kid: Kid::parse(kid).ok()?, previous_valid_until })
    }
}
