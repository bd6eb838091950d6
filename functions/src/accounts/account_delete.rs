//! `DELETE /account`: deletes the student's account. One transaction removes what leads to the
//! person from the account and from the counter; the worker `announcer` removes the rest.

use std::collections::BTreeMap;

use futures_util::try_join;
use serde::Serialize;
use thali_domain::accounts::deletion;
use thali_domain::accounts::identity::AccountStatus;
use thali_domain::ids::AccountId;
use thali_platform::app::App;
use thali_platform::auth::password::PresentedPassword;
use thali_platform::auth::refresh::COOKIE;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Problem, Request, Response, schema};
use thali_platform::store::{Account, Attempt, Consistency, SessionRecord, Stamp, retry_overtaken};
use utoipa::ToSchema;

use super::login::COOKIE_PATH;
use super::{current_password, sessions};

pub static ENDPOINT: Endpoint =
    Endpoint::delete("account-delete", &["/account"], Access::Applicant, handler!(account_delete))
        .summary("Deletes the student's account; unspent tokens lapse")
        .takes(schema::<DeleteAccount>)
        .answers(202, schema::<Accepted>)
        .sets_cookie()
        .refuses(&[
            "current_password_wrong",
            "locked",
            "order_open",
            "refund_in_progress",
            "payment_undecided",
        ]);

#[derive(eserde::Deserialize, ToSchema)]
struct DeleteAccount {
    #[serde(alias = "currentPassword")]
    #[eserde(compat)]
    current_password: PresentedPassword,
}

/// Empty: nothing is left to show.
#[derive(Serialize, ToSchema)]
#[schema(as = AccountDeletionAccepted)]
struct Accepted {}

async fn account_delete(
    app: &App,
    caller: &Caller,
    request: &Request,
) -> Result<Response, Problem> {
    let DeleteAccount { current_password } = request.json()?;
    let id = caller.session()?.account_id;
    let stamp = caller.stamp(app, request);
    let ended = retry_overtaken(|_| async {
        let (account, ended) = app.store.account_with_sessions(id).await?;
        let account = account.ok_or_else(Problem::unauthenticated)?;
        if account.status == AccountStatus::Deleted {
            // An earlier request died before it had ended all sessions.
            return Ok(Attempt::Done(ended));
        }
        if !account.status.may_log_in() {
            return Err(Problem::unauthenticated());
        }
        current_password::check(app, caller, &account, &current_password, &stamp).await?;
        Ok(commit(app, &account, &ended, &stamp).await?.map(|()| ended))
    })
    .await?;
    sessions::end_all(app, id, &ended).await?;
    Ok(Response::accepted(&Accepted {}).with_cookie(COOKIE, "", COOKIE_PATH, 0))
}

/// Deletes the account as it was read, if nothing must be settled before. A payment that is
/// uploaded at the same moment changes the member, so this decides again. An order that is placed
/// or a refund that is requested at the same moment ends as it does for a blocked student.
async fn commit(
    app: &App,
    account: &Account,
    sessions: &[SessionRecord],
    stamp: &Stamp,
) -> Result<Attempt<()>, Problem> {
    let (store, id): (_, AccountId) = (&app.store, account.account_id);
    let (member, purchases, orders) = try_join!(
        store.member_get(&account.mess_id, id),
        store.purchases_of(id, Consistency::Strong),
        store.orders_of(&account.mess_id, id),
    )?;
    let no_cycles = BTreeMap::default();
    let cycles = member.as_ref().map_or(&no_cycles, |member| &member.cycles);
    deletion::check(&orders, &purchases, cycles)?;
    Ok(store.account_delete(account, member.as_ref(), sessions, stamp).await?)
}
