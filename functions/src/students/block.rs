//! `POST /api/v1/students/{account_id}/block`: blocks a student, with effect at once.

use thali_domain::students::membership::Decision;
use thali_platform::app::App;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Problem, Request, Response, schema};

use super::decide::{DecideStudent, DecidedStudent, decide};

pub static ENDPOINT: Endpoint = Endpoint::post(
    "student-block",
    &["/api/v1/students/{account_id}/block"],
    Access::Owner,
    handler!(block),
)
.summary("Blocks a student at once")
.takes_optional(schema::<DecideStudent>)
.answers(200, schema::<DecidedStudent>)
.refuses(&["student_not_found"]);

async fn block(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    decide(app, caller, request, Decision::Block).await
}
