//! `POST /password-reset/confirm`: sets a new password if the one-time code is right, and ends
//! all sessions of the account. For some minutes the same code with the same password gets the same
//! response again.

use futures_util::try_join;
use secrecy::ExposeSecret;
use serde_json::Value;
use thali_domain::accounts::identity::Email;
use thali_domain::accounts::one_time_code::{TypedCode, one_time_code};
use thali_domain::accounts::sources::Source;
use thali_domain::ids::{AccountId, MessId};
use thali_platform::app::App;
use thali_platform::auth::password::{self, NewPassword};
use thali_platform::auth::same_secret;
use thali_platform::config::Part;
use thali_platform::handler;
use thali_platform::http::{
    Access, Caller, Endpoint, FieldError, Members, Problem, RATE_CODE, Request, Response,
    give_back_finished, schema,
};
use thali_platform::problems;
use thali_platform::store::{
    Account, Attempt, Consistency, PasswordReset, SessionRecord, Stamp, StoreError, TriedReset,
    retry_overtaken,
};
use utoipa::ToSchema;

use super::devices::{self, Remembered};
use super::{password_reset, sessions};

pub static ENDPOINT: Endpoint = Endpoint::post(
    "password-reset-confirm",
    &["/password-reset/confirm", "/password-reset/confirm/"],
    Access::Public,
    handler!(confirm),
)
.rate(RATE_CODE)
.needs(&[Part::OtpKey, Part::RefreshKey])
.summary("Replaces a forgotten password if the code is right, and ends all sessions")
.takes(schema::<ConfirmReset>)
.answers_nothing(204)
.takes_device()
.sets_device()
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
    let (tickets, source) = (devices::tickets(app, request), request.source(app));
    let sources: Vec<Source> = tickets.sources().chain([source.clone()]).collect();
    let tried = app.store.password_reset_attempt(&mess_id, &email, &sources, &stamp).await?;
    let TriedReset { reset, attempts_left } = tried.ok_or_else(problems::otp_expired)?;
    let account_id = prove(app, &reset, otp.expose(), attempts_left)?;
    let stamp = Stamp { actor: account_id.to_string(), ..stamp };
    let account = if reset.password_version.is_some() {
        repeat(app, &reset, account_id, &new_password, &stamp).await?
    } else if let Some((account, ended)) =
        commit(app, &reset, account_id, &new_password.hash(), &stamp).await?
    {
        // A repeat may have been answered meanwhile, and a session begun with the new password.
        sessions::end_older(app, &account, &ended).await?;
        let asked_from = reset.asked_from.as_ref().unwrap_or(&source);
        give_back_finished(app, &password_reset::ENDPOINT, asked_from, 1).await;
        account
    } else {
        // Another request was faster: a confirmation with the same code, or a request for a new one.
        let found = app.store.password_reset_get(&reset.mess_id, &reset.email).await?;
        let found = found.filter(|found| found.reset_id == reset.reset_id);
        let found = found.ok_or_else(problems::otp_expired)?;
        repeat(app, &found, account_id, &new_password, &stamp).await?
    };
    // Whoever reads the mailbox is no stranger, so strangers' wrong passwords do not lock them out.
    let version = account.password_version;
    Ok(Remembered::new(app, &tickets, &account, version, None).set(Response::no_content()))
}

/// Confirms again, if the reset has set this very password and nobody has changed it since. Ends
/// sessions of the old password, in case the first request died before it had ended all of them,
/// and none that began since.
///
/// The try of another password stays counted, so that the code does not help to guess the password.
async fn repeat(
    app: &App,
    reset: &PasswordReset,
    account_id: AccountId,
    new_password: &NewPassword,
    stamp: &Stamp,
) -> Result<Account, Problem> {
    let account = app.store.account_get(account_id, Consistency::Strong).await?;
    let account = account.filter(|account| {
        reset.password_version == Some(account.password_version)
            && new_password.is_of(&account.password_hash)
    });
    let account = account.ok_or_else(problems::otp_expired)?;
    app.store.password_reset_attempt_return(reset, stamp).await?;
    sessions::end_older(app, &account, &[]).await?;
    Ok(account)
}

/// The account, if the code is right. If no account has the address, every code is wrong, and
/// the refusal is the same.
fn prove(
    app: &App,
    reset: &PasswordReset,
    presented: &str,
    attempts_left: u32,
) -> Result<AccountId, Problem> {
    let key = app.otp_key().expose_secret().as_bytes();
    let code = one_time_code(key, &reset.reset_id.to_string(), 0);
    let right = same_secret(&code, presented);
    let account_id = reset.account_id.filter(|_| right);
    account_id.ok_or_else(|| problems::otp_invalid(attempts_left))
}

/// Uses up the reset. Returns the account with its new version, and the sessions that ended with it.
/// `None` if the reset was used or replaced in the meantime. Retries if a login or a refresh writes
/// the same items at the same moment.
async fn commit(
    app: &App,
    reset: &PasswordReset,
    account_id: AccountId,
    password_hash: &str,
    stamp: &Stamp,
) -> Result<Option<(Account, Vec<SessionRecord>)>, Problem> {
    retry_overtaken(|_| async {
        let (account, sessions) = try_join!(
            app.store.account_get(account_id, Consistency::Strong),
            app.store.sessions_of(account_id),
        )?;
        let is_meant = |account: &Account| {
            let begun = reset.reset_id.made_at();
            account.email.as_ref() == Some(&reset.email) && !account.has_new_password_since(begun)
        };
        let account = account.filter(is_meant).ok_or_else(problems::otp_expired)?;
        let store = &app.store;
        match store.password_reset_commit(reset, &account, &sessions, password_hash, stamp).await {
            Ok(used) => {
                let password_version = account.password_version + 1;
                let account = Account { password_version, ..account };
                Ok(Attempt::Done(used.then_some((account, sessions))))
            }
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
