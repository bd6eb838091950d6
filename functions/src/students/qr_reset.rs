//! `POST /api/v1/students/me/qr/reset`: gives the student a new code. The old code, perhaps on a
//! lost phone, is refused from the next scan on.

use thali_domain::students::qr::Nonce;
use thali_platform::app::App;
use thali_platform::clock::random_bytes;
use thali_platform::config::Part;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Problem, Request, Response, schema};
use thali_platform::problems;
use thali_platform::store::Consistency;
use tokio::try_join;

use super::qr::CodeView;

pub static ENDPOINT: Endpoint = Endpoint::post(
    "qr-reset",
    &["/api/v1/students/me/qr/reset"],
    Access::Student,
    handler!(qr_reset),
)
.needs(&[Part::QrKey])
.summary("Gives the student a new code; the old one is refused at once")
.answers(200, schema::<CodeView>)
.refuses(&["student_not_found", "mess_not_found"]);

async fn qr_reset(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let session = caller.session()?;
    let (mess, account) = (&session.mess_id, session.account_id);
    let (nonce, stamp) = (Nonce::from_random(random_bytes()), caller.stamp(app, request));
    let (mut member, gate) = try_join!(
        app.store.code_reset(mess, account, &nonce, &stamp),
        app.store.gate_get(mess, Consistency::Strong),
    )?;
    if member.is_none() {
        // An account from before codes existed gets its first code, which nobody else can have.
        member = app.store.member_ensured(mess, account, &stamp).await?;
    }
    let member = member.ok_or_else(problems::student_not_found)?;
    let gate = gate.ok_or_else(problems::mess_not_found)?;
    Ok(Response::ok(&CodeView::of(app, &member, &gate.qr_keys)))
}
