//! `GET /api/v1/staff-tokens`: the staff tokens of the owner's mess, newest first, including
//! expired and revoked ones.

use jiff::Timestamp;
use serde::Serialize;
use thali_domain::accounts::identity::Name;
use thali_domain::ids::StaffTokenId;
use thali_platform::app::App;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Problem, Request, Response, schema};
use thali_platform::store::StaffTokenRecord;
use utoipa::ToSchema;

pub static ENDPOINT: Endpoint =
    Endpoint::get("staff-token-list", &["/api/v1/staff-tokens"], Access::Owner, handler!(list))
        .summary("Lists the mess's staff tokens, newest first, without their secrets")
        .answers_page(schema::<StaffTokenView>);

/// A staff token without its secret.
#[derive(Serialize, ToSchema)]
#[schema(as = StaffToken)]
struct StaffTokenView {
    staff_token_id: StaffTokenId,
    name: Name,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// When it was used last; a use within a minute of another may not be seen here.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    last_used_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    revoked_at: Option<Timestamp>,
}

impl From<StaffTokenRecord> for StaffTokenView {
    fn from(token: StaffTokenRecord) -> Self {
        let StaffTokenRecord { staff_token_id, name, created_at, expires_at, .. } = token;
        let StaffTokenRecord { last_used_at, revoked_at, .. } = token;
        Self { staff_token_id, name, created_at, expires_at, last_used_at, revoked_at }
    }
}

async fn list(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let page = request.page()?;
    let before = page.after_id()?;
    let tokens = app.store.staff_tokens_page(caller.mess_id()?, before, page.reach()).await?;
    let (tokens, next) = page.cut_in_order(tokens, |token| token.staff_token_id.to_string());
    let views: Vec<StaffTokenView> = tokens.into_iter().map(Into::into).collect();
    Ok(Response::page(&views, next))
}
