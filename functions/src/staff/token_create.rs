//! `POST /api/v1/staff-tokens`: creates a token with which a device at the counter scans.
//!
//! It takes no `Idempotency-Key`: only the token's hash is stored, so a replay could not return
//! the token. After a lost response the owner creates another token and revokes the lost one.

use jiff::Timestamp;
use serde::Serialize;
use thali_domain::accounts::identity::Name;
use thali_domain::ids::StaffTokenId;
use thali_domain::staff::staff_tokens::StaffTokenDays;
use thali_domain::text::Typed;
use thali_platform::app::App;
use thali_platform::auth::staff_token::StaffTokenText;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Problem, Request, Response, schema};
use thali_platform::store::StaffTokenRecord;
use utoipa::ToSchema;

pub static ENDPOINT: Endpoint = Endpoint::post(
    "staff-token-create",
    &["/api/v1/staff-tokens"],
    Access::Owner,
    handler!(create),
)
.summary("Creates a staff token, which is shown once")
.takes(schema::<CreateStaffToken>)
.answers(201, schema::<NewStaffToken>);

#[derive(eserde::Deserialize, ToSchema)]
struct CreateStaffToken {
    /// The name of the device that gets the token.
    #[eserde(compat)]
    #[schema(value_type = Name)]
    name: Typed<Name>,
    #[serde(alias = "expiresInDays")]
    #[eserde(compat)]
    expires_in_days: StaffTokenDays,
}

#[derive(Serialize, ToSchema)]
struct NewStaffToken {
    staff_token_id: StaffTokenId,
    name: Name,
    /// What the device sends as its bearer token.
    #[schema(pattern = "^stf_")]
    token: String,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

async fn create(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let CreateStaffToken { name: Typed(name), expires_in_days } = request.json()?;
    let stamp = caller.stamp(app, request);
    let staff_token_id = StaffTokenId::from_ulid(app.clock.ulid());
    let token = StaffTokenText::draw(caller.mess_id()?.clone(), staff_token_id);
    let record = StaffTokenRecord {
        staff_token_id,
        mess_id: token.mess_id.clone(),
        name: name.clone(),
        token_hash: token.hash(),
        created_at: stamp.at,
        expires_at: expires_in_days.end(stamp.at),
        last_used_at: None,
        revoked_at: None,
    };
    app.store.staff_token_create(&record, &stamp).await?;
    let (token, expires_at) = (token.expose(), record.expires_at);
    Ok(Response::created(&NewStaffToken { staff_token_id, name, token, expires_at }))
}
