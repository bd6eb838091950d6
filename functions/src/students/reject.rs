//! `POST /api/v1/students/{account_id}/reject`: rejects a student who waits for approval.

use thali_domain::students::membership::Decision;
use thali_platform::app::App;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Problem, Request, Response, schema};

use super::decide::{DecideStudent, DecidedStudent, decide};

pub static ENDPOINT: Endpoint = Endpoint::post(
    "student-reject",
    &["/api/v1/students/{account_id}/reject"],
    Access::Owner,
    handler!(reject),
)
.summary("Rejects a student who waits for approval")
.takes_optional(schema::<DecideStudent>)
.answers(200, schema::<DecidedStudent>)
.refuses(&["student_not_found", "wrong_status"]);

async fn reject(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    decide(app, caller, request, Decision::Reject).await
}
