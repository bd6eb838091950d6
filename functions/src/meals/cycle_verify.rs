//! `POST /api/v1/payments/{payment_id}/verify`: an owner confirms that the money arrived. From
//! the next scan on, the student may eat on the cycle's days.

use thali_domain::meals::cycles::CycleDecision;
use thali_platform::app::App;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Problem, Request, Response, schema};

use super::cycle_decide::{DecidePayment, decide};
use super::cycle_view::CycleView;

pub static ENDPOINT: Endpoint = Endpoint::post(
    "cycle-verify",
    &["/api/v1/payments/{payment_id}/verify"],
    Access::Owner,
    handler!(verify),
)
.summary("Verifies a payment, so that its days are paid")
.takes_optional(schema::<DecidePayment>)
.answers(200, schema::<CycleView>)
.refuses(&["payment_not_found", "already_decided"]);

async fn verify(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    decide(app, caller, request, CycleDecision::Verify).await
}
