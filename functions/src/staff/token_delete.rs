//! `DELETE /api/v1/staff-tokens/{staff_token_id}`: revokes a staff token at once. The token stays
//! in the list, with the time of its revocation.

use thali_domain::ids::StaffTokenId;
use thali_platform::app::App;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Problem, Request, Response};
use thali_platform::problems;

pub static ENDPOINT: Endpoint = Endpoint::delete(
    "staff-token-delete",
    &["/api/v1/staff-tokens/{staff_token_id}"],
    Access::Owner,
    handler!(revoke),
)
.summary("Revokes a staff token at once")
.answers_nothing(204)
.refuses(&["staff_token_not_found"]);

async fn revoke(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let id: Option<StaffTokenId> = request.param("staff_token_id");
    let id = id.ok_or_else(problems::staff_token_not_found)?;
    let stamp = caller.stamp(app, request);
    // First DynamoDB, then the cache: in the other order a crash in between would leave a token
    // that only seems revoked. A repeated request completes what a crash left undone.
    if !app.store.staff_token_revoke(caller.mess_id()?, id, &stamp).await? {
        return Err(problems::staff_token_not_found());
    }
    app.cache.staff_token_mark_ended(id).await;
    Ok(Response::no_content())
}
