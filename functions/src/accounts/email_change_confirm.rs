//! `POST /account/email/confirm`: gives the caller's account its new e-mail address, if the
//! one-time code is right.

use secrecy::ExposeSecret;
use serde::Serialize;
use thali_domain::accounts::email_change::ATTEMPTS_MAX;
use thali_domain::accounts::one_time_code::{TypedCode, one_time_code};
use thali_platform::app::App;
use thali_platform::auth::same_secret;
use thali_platform::config::Part;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Problem, Request, Response, Session, schema};
use thali_platform::problems;
use thali_platform::store::{
    Account, Attempt, EmailChange, EmailChangeError, Stamp, retry_overtaken,
};
use utoipa::ToSchema;

use super::own_account;
use super::view::AccountView;

pub static ENDPOINT: Endpoint = Endpoint::post(
    "email-change-confirm",
    &["/account/email/confirm"],
    Access::Any,
    handler!(confirm),
)
.needs(&[Part::OtpKey])
.summary("Gives the account its new e-mail address if the code is right")
.takes(schema::<ConfirmEmail>)
.answers(200, schema::<Changed>)
.refuses(&["otp_invalid", "otp_expired", "email_taken"]);

#[derive(eserde::Deserialize, ToSchema)]
struct ConfirmEmail {
    #[eserde(compat)]
    #[schema(value_type = String)]
    otp: TypedCode,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ChangedAccount)]
struct Changed {
    account: AccountView,
}

async fn confirm(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let ConfirmEmail { otp } = request.json()?;
    let session = caller.session()?;
    let stamp = caller.stamp(app, request);
    // The attempt is counted before the code is compared, so that concurrent attempts cannot
    // exceed the limit.
    let attempted = app.store.email_change_attempt(session.account_id, &stamp).await?;
    let change = attempted.ok_or_else(problems::otp_expired)?;
    if !code_is_right(app, &change, otp.expose()) {
        let left = ATTEMPTS_MAX.saturating_sub(change.attempts);
        return Err(problems::otp_invalid(left));
    }
    let account = match change.confirmed_at {
        Some(_) => own_account::load(app, session.account_id).await?,
        None => commit(app, session, &change, &stamp).await?,
    };
    Ok(Response::ok(&Changed { account: account.into() }))
}

/// Whether the code is right. It never is if an account already had the e-mail address.
fn code_is_right(app: &App, change: &EmailChange, presented: &str) -> bool {
    let key = app.otp_key().expose_secret().as_bytes();
    let code = one_time_code(key, &change.change_id.to_string(), 0);
    same_secret(&code, presented) && !change.known
}

async fn commit(
    app: &App,
    session: &Session,
    change: &EmailChange,
    stamp: &Stamp,
) -> Result<Account, Problem> {
    retry_overtaken(|_| async {
        let account = own_account::load(app, session.account_id).await?;
        if account.has_new_password_since(change.change_id.made_at()) {
            return Err(problems::otp_expired());
        }
        match app.store.email_change_commit(&account, change, stamp).await {
            Ok(()) => Ok(Attempt::Done(Account { email: Some(change.email.clone()), ..account })),
            Err(EmailChangeError::Overtaken) => Ok(Attempt::Overtaken),
            Err(EmailChangeError::EmailTaken) => Err(problems::email_taken()),
            Err(EmailChangeError::Ended) => repeated(app, session, change).await.map(Attempt::Done),
            Err(EmailChangeError::Store(error)) => Err(error.into()),
        }
    })
    .await
}

/// The account, if a concurrent request with the same code has made the change.
async fn repeated(app: &App, session: &Session, change: &EmailChange) -> Result<Account, Problem> {
    let found = app.store.email_change_get(session.account_id).await?;
    let made = found.filter(|it| it.change_id == change.change_id && it.confirmed_at.is_some());
    made.ok_or_else(problems::otp_expired)?;
    own_account::load(app, session.account_id).await
}
