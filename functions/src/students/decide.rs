//! The shared handler of approving, rejecting and blocking a student; only the decision differs.

use serde::Serialize;
use thali_domain::accounts::identity::{AccountStatus, Role};
use thali_domain::ids::AccountId;
use thali_domain::reason::Reason;
use thali_domain::students::membership::{self, Decision, Outcome};
use thali_domain::text::Typed;
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
    /// The reason, which is mailed to the student.
    #[serde(default)]
    #[eserde(compat)]
    #[schema(value_type = Option<Reason>)]
    reason: Option<Typed<Reason>>,
}

/// The student, after the decision.
#[derive(Serialize, ToSchema)]
pub struct DecidedStudent {
    student: AccountView,
}

/// Applies a decision to the student named in the path. A repeated decision does not change the
/// status, but ends the sessions again: it completes a decision whose process died half-way.
pub async fn decide(
    app: &App,
    caller: &Caller,
    request: &Request,
    decision: Decision,
) -> Result<Response, Problem> {
    let owner = caller.session()?;
    let DecideStudent { reason } = request.json_if_any()?.unwrap_or_default();
    let reason = reason.map(|Typed(reason)| reason);
    let stamp = caller.stamp(app, request);
    retry_overtaken(|_| async {
        let account = student(app, owner, request.param("account_id")).await?;
        let id = account.account_id;
        let ended =
            if decision.ends_sessions() { app.store.sessions_of(id).await? } else { Vec::new() };
        if let Outcome::Becomes(status) = membership::decide(account.status, decision)? {
            let reason = reason.as_ref();
            let member = app.store.member_get(&account.mess_id, id).await?;
            let read = (&account, member.as_ref());
            match app.store.student_decide(read, status, reason, &ended, &stamp).await {
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

/// The student with this id, if they belong to the owner's mess.
async fn student(app: &App, owner: &Session, id: Option<AccountId>) -> Result<Account, Problem> {
    let id = id.ok_or_else(problems::student_not_found)?;
    let account = app.store.account_get(id, Consistency::Strong).await?;
    account
        .filter(|account| account.mess_id == owner.mess_id && account.role == Role::Student)
        .filter(|account| account.status != AccountStatus::Deleted)
        .ok_or_else(problems::student_not_found)
}
