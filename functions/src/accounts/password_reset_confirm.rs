//! `POST /password-reset/confirm`: sets a new password if the one-time code is right, and ends
//! all sessions of the account.

use futures_util::try_join;
use secrecy::ExposeSecret;
use serde_json::Value;
use thali_domain::accounts::identity::Email;
use thali_domain::accounts::one_time_code::{TypedCode, one_time_code};
use thali_domain::accounts::password_reset::ATTEMPTS_MAX;
use thali_domain::ids::{AccountId, MessId};
use thali_platform::app::App;
use thali_platform::auth::password::{self, NewPassword};
use thali_platform::auth::same_secret;
use thali_platform::config::Part;
use thali_platform::handler;
use thali_platform::http::{
    Access, Caller, Endpoint, FieldError, Members, Problem, RATE_SIGN_UP, Request, Response, schema,
};
use thali_platform::problems;
use thali_platform::store::{
    Attempt, Consistency, PasswordReset, SessionRecord, Stamp, StoreError, retry_overtaken,
};
use utoipa::ToSchema;

use super::sessions;

pub static ENDPOINT: Endpoint = Endpoint::post(
    "password-reset-confirm",
    &["/password-reset/confirm", "/password-reset/confirm/"],
    Access::Public,
    handler!(confirm),
)
.rate(RATE_SIGN_UP)
.needs(&[Part::OtpKey])
.summary("Replaces a forgotten password if the code is right, and ends all sessions")
.takes(schema::<ConfirmReset>)
.answers_nothing(204)
.refuses(&["otp_invalid", "otp_expired"]);

#[derive(eserde::Deserialize, ToSchema)]
struct ConfirmReset {
    #[eserde(compat)]
    email: Email,
    #[serde(default, alias = "messId")]
    #[eserde(compat)]
    mess_id: Option<MessId>,
    #[eserde(compat)]
    #[schema(value_type = String)]
    otp: TypedCode,
    #[serde(alias = "newPassword")]
    #[eserde(compat)]
    new_password: NewPassword,
}

async fn confirm(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let ConfirmReset { email, mess_id, otp, new_password } = request.json_where(between_fields)?;
    let mess_id = request.mess_or_default(app, mess_id)?;
    let stamp = caller.stamp(app, request);
    // The attempt is counted before the code is compared, so that concurrent attempts cannot
    // exceed the limit.
    let attempted = app.store.password_reset_attempt(&mess_id, &email, &stamp).await?;
    let reset = attempted.ok_or_else(problems::otp_expired)?;
    let account_id = prove(app, &reset, otp.expose())?;
    let stamp = Stamp { actor: account_id.to_string(), ..stamp };
    let ended = commit(app, &reset, account_id, &new_password.hash(), &stamp).await?;
    sessions::end_all(app, account_id, &ended).await?;
    Ok(Response::no_content())
}

/// The account, if the code is right. If no account has the address, every code is wrong, and
/// the refusal is the same.
fn prove(app: &App, reset: &PasswordReset, presented: &str) -> Result<AccountId, Problem> {
    let key = app.otp_key().expose_secret().as_bytes();
    let code = one_time_code(key, &reset.reset_id.to_string(), 0);
    let right = same_secret(&code, presented);
    let attempts_left = ATTEMPTS_MAX.saturating_sub(reset.attempts);
    let account_id = reset.account_id.filter(|_| right);
    account_id.ok_or_else(|| problems::otp_invalid(attempts_left))
}

/// Consumes the reset, and returns the sessions that ended with it. Retries if a login or a
/// refresh writes the same items at the same moment.
async fn commit(
    app: &App,
    reset: &PasswordReset,
    account_id: AccountId,
    password_hash: &str,
    stamp: &Stamp,
) -> Result<Vec<SessionRecord>, Problem> {
    retry_overtaken(|_| async {
        let (account, sessions) = try_join!(
            app.store.account_get(account_id, Consistency::Strong),
            app.store.sessions_of(account_id),
        )?;
        let account = account.ok_or_else(problems::otp_expired)?;
        let store = &app.store;
        match store.password_reset_commit(reset, &account, &sessions, password_hash, stamp).await {
            Ok(true) => Ok(Attempt::Done(sessions)),
            Ok(false) => Err(problems::otp_expired()),
            Err(StoreError::Contended) => Ok(Attempt::Overtaken),
            Err(error) => Err(error.into()),
        }
    })
    .await
}

/// The rules between fields. They are checked even if single fields are invalid.
fn between_fields(body: &Members) -> Vec<FieldError> {
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let email = text("email").and_then(|email| Email::parse(email).ok());
    let password = text("new_password").or_else(|| text("newPassword"));
    let (Some(email), Some(password)) = (email, password) else { return Vec::new() };
    let refused = password::check_not_email(password, &email).err();
    refused.map(|why| FieldError::new("new_password", &why.to_string())).into_iter().collect()
}
