//! `POST /api/v1/payments/{payment_id}/reject`: an owner rejects a payment that did not arrive.
//! The student can upload the cycle's days again.

use thali_domain::meals::cycles::CycleDecision;
use thali_platform::app::App;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Problem, Request, Response, schema};

use super::cycle_decide::{DecidePayment, decide};
use super::cycle_view::CycleView;

pub static ENDPOINT: Endpoint = Endpoint::post(
    "cycle-reject",
    &["/api/v1/payments/{payment_id}/reject"],
    Access::Owner,
    handler!(reject),
)
.summary("Rejects a payment, so that its days can be uploaded again")
.takes_optional(schema::<DecidePayment>)
.answers(200, schema::<CycleView>)
.refuses(&["payment_not_found", "already_decided"]);

async fn reject(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    decide(app, caller, request, CycleDecision::Reject).await
}
