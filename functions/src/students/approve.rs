//! `POST /api/v1/students/{account_id}/approve`: approves a student, even one who was rejected or
//! blocked before.

use thali_domain::students::membership::Decision;
use thali_platform::app::App;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Problem, Request, Response, schema};

use super::decide::{DecideStudent, DecidedStudent, decide};

pub static ENDPOINT: Endpoint = Endpoint::post(
    "student-approve",
    &["/api/v1/students/{account_id}/approve"],
    Access::Owner,
    handler!(approve),
)
.summary("Approves a student")
.takes_optional(schema::<DecideStudent>)
.answers(200, schema::<DecidedStudent>)
.refuses(&["student_not_found", "email_taken", "roll_no_taken"]);

async fn approve(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    decide(app, caller, request, Decision::Approve).await
}
