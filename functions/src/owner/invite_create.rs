//! `POST /api/v1/invites`: creates a code with which one staff member, or one owner, signs up.
//!
//! It takes no `Idempotency-Key`: only the code's hash is stored, so a replay could not return
//! the code. After a lost response the owner creates another invite; the lost one expires.

use jiff::Timestamp;
use serde::Serialize;
use thali_domain::accounts::identity::{InvitedRole, Role};
use thali_platform::app::App;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Problem, Request, Response, schema};
use thali_platform::store::Invite;
use utoipa::ToSchema;

pub static ENDPOINT: Endpoint =
    Endpoint::post("invite-create", &["/api/v1/invites"], Access::Owner, handler!(invite))
        .summary("Creates an invite, whose code is shown once")
        .takes(schema::<CreateInvite>)
        .answers(201, schema::<Invited>);

#[derive(eserde::Deserialize, ToSchema)]
struct CreateInvite {
    #[eserde(compat)]
    role: InvitedRole,
}

#[derive(Serialize, ToSchema)]
struct Invited {
    code: String,
    role: Role,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

async fn invite(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let CreateInvite { role } = request.json()?;
    let stamp = caller.stamp(app, request);
    let invite = Invite::new(caller.session()?.mess_id.clone(), role.role(), stamp.at);
    let code = Invite::draw_code();
    app.store.invite_create(&code, &invite, &stamp).await?;
    let Invite { role, expires_at, .. } = invite;
    Ok(Response::created(&Invited { code, role, expires_at }))
}
