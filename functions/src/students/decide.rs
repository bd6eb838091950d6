//! What approving, rejecting and blocking have in common: everything but the decision.

use serde::Serialize;
use thali_domain::accounts::identity::Role;
use thali_domain::ids::AccountId;
use thali_domain::reason::Reason;
use thali_domain::students::membership::{self, Decision, Outcome};
use thali_platform::app::App;
use thali_platform::http::{Caller, Problem, Request, Response, Session};
use thali_platform::problems;
use thali_platform::store::{Account, Attempt, Consistency, StudentDecideError, retry_overtaken};
use utoipa::ToSchema;

use crate::accounts::sessions;
use crate::accounts::view::AccountView;

/// The body of a decision, which may be left out.
#[derive(Default, eserde::Deserialize, ToSchema)]
pub struct DecideStudent {
    /// What the student is told.
    #[serde(default)]
    #[eserde(compat)]
    reason: Option<Reason>,
}

/// The student about whom it was decided.
#[derive(Serialize, ToSchema)]
pub struct DecidedStudent {
    student: AccountView,
}

/// Decides about the student whom the path names. One who stands there already stays; but
/// the sessions end again, so that a decision whose process died half-way is completed by
/// repeating it.
pub async fn decide(
    app: &App,
    caller: &Caller,
    request: &Request,
    decision: Decision,
) -> Result<Response, Problem> {
    let owner = caller.session()?;
    let DecideStudent { reason } = request.json_if_any()?.unwrap_or_default();
    let stamp = caller.stamp(app, request);
    retry_overtaken(|_| async {
        let account = student(app, owner, request.param("account_id")).await?;
        let id = account.account_id;
        let ended =
            if decision.ends_sessions() { app.store.sessions_of(id).await? } else { Vec::new() };
        if let Outcome::Becomes(status) = membership::decide(account.status, decision)? {
            let reason = reason.as_ref();
            match app.store.student_decide(&account, status, reason, &ended, &stamp).await {
                Ok(()) => {}
                Err(StudentDecideError::Overtaken) => return Ok(Attempt::Overtaken),
                Err(refusal) => return Err(refusal.into()),
            }
        }
        if decision.ends_sessions() {
            sessions::end_all(app, id, &ended).await?;
        }
        let student = Account { status: decision.status(), ..account }.into();
        Ok(Attempt::Done(Response::ok(&DecidedStudent { student })))
    })
    .await
}

/// The student with this id, if it is one of the owner's mess.
async fn student(app: &App, owner: &Session, id: Option<AccountId>) -> Result<Account, Problem> {
    let id = id.ok_or_else(problems::student_not_found)?;
    let account = app.store.account_get(id, Consistency::Strong).await?;
    account
        .filter(|account| account.mess_id == owner.mess_id && account.role == Role::Student)
        .ok_or_else(problems::student_not_found)
}
