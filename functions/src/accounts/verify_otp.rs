//! `POST /sign-up/otp-verify`: turns a registration into an account, if its one-time code is
//! right. For some minutes the same code gets the same account again.

use serde::Serialize;
use thali_domain::accounts::identity::Email;
use thali_domain::accounts::one_time_code::{TypedCode, one_time_code};
use thali_domain::ids::{AccountId, MessId, RegistrationId};
use thali_platform::app::App;
use thali_platform::auth::same_secret;
use thali_platform::config::Part;
use thali_platform::handler;
use thali_platform::http::{
    Access, Caller, Endpoint, Problem, RATE_CODE, Request, Response, give_back_finished, schema,
};
use thali_platform::problems;
use thali_platform::store::{
    Account, AccountCreateError, Consistency, FinishedRegistration, Registration, Stamp,
    StoredRegistration, TriedRegistration,
};
use utoipa::ToSchema;

use secrecy::ExposeSecret;

use super::pending::{self, Meant};
use super::view::AccountView;
use super::{register, resend_otp};

pub static ENDPOINT: Endpoint = Endpoint::post(
    "verify-otp",
    &["/sign-up/otp-verify", "/sign-up/otp-verify/"],
    Access::Public,
    handler!(verify_otp),
)
.rate(RATE_CODE)
.needs(&[Part::OtpKey, Part::RefreshKey])
.summary("Creates the account if the code is right")
.takes(schema::<VerifyOtp>)
.answers(201, schema::<Verified>)
.refuses(&[
    "otp_invalid",
    "otp_expired",
    "mess_not_found",
    "email_taken",
    "username_taken",
    "roll_no_taken",
    "invite_invalid",
]);

#[derive(eserde::Deserialize, ToSchema)]
struct VerifyOtp {
    #[serde(default, alias = "registrationId")]
    #[eserde(compat)]
    registration_id: Option<RegistrationId>,
    #[serde(default)]
    #[eserde(compat)]
    email: Option<Email>,
    #[serde(default, alias = "messId")]
    #[eserde(compat)]
    mess_id: Option<MessId>,
    #[eserde(compat)]
    #[schema(value_type = String)]
    otp: TypedCode,
}

#[derive(Serialize, ToSchema)]
#[schema(as = NewAccount)]
struct Verified {
    account: AccountView,
}

async fn verify_otp(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let VerifyOtp { registration_id, email, mess_id, otp } = request.json_where(pending::named)?;
    let meant = pending::find(app, request, registration_id, email, mess_id).await?;
    let stamp = caller.stamp(app, request);
    let tried = attempt(app, &meant, &stamp).await?.ok_or_else(problems::otp_expired)?;
    let TriedRegistration { registration, attempts_left } = tried;
    let tried = Tried { code: otp.expose(), attempts_left };
    let account = match registration {
        StoredRegistration::Pending(registration) => {
            create(app, &registration, &tried, &stamp).await?
        }
        StoredRegistration::Finished(registration) => {
            repeat(app, &registration, &tried, &stamp).await?
        }
    };
    Ok(Response::created(&Verified { account: account.into() }))
}

/// A code that somebody tries.
struct Tried<'a> {
    code: &'a str,
    /// How many tries are left after this one.
    attempts_left: u32,
}

/// Counts the try before the code is compared, so that concurrent tries cannot exceed the limit.
/// `None` if there is nothing left to try.
async fn attempt(
    app: &App,
    meant: &Meant,
    stamp: &Stamp,
) -> Result<Option<TriedRegistration>, Problem> {
    for id in &meant.ids {
        let tried = app.store.registration_attempt(*id, meant.source.as_ref(), stamp).await?;
        if tried.is_some() {
            return Ok(tried);
        }
    }
    Ok(None)
}

/// The new account, if the code is right. It never is if an account already had the e-mail address.
async fn create(
    app: &App,
    registration: &Registration,
    tried: &Tried<'_>,
    stamp: &Stamp,
) -> Result<Account, Problem> {
    let Registration { registration_id, resends, known, .. } = *registration;
    if !code_is_right(app, registration_id, resends, tried.code) || known {
        return Err(problems::otp_invalid(tried.attempts_left));
    }
    let mess = app.store.mess_get(&registration.mess_id).await?;
    let mess = mess.ok_or_else(problems::mess_not_found)?;
    let status = mess.status_after_verification(registration.role);
    let account_id = AccountId::from_ulid(app.clock.ulid());
    let account = Account::of_registration(registration, account_id, status, stamp.at);
    match app.store.account_create_from(registration, &account, stamp).await {
        Ok(()) => {
            if let Some(source) = &registration.asked_from {
                give_back_finished(app, &register::ENDPOINT, source, 1).await;
                give_back_finished(app, &resend_otp::ENDPOINT, source, resends).await;
            }
            Ok(account)
        }
        Err(AccountCreateError::RegistrationEnded) => {
            match app.store.registration_get(registration_id).await? {
                // Another request with the same code was faster.
                Some(StoredRegistration::Finished(finished)) => {
                    repeat(app, &finished, tried, stamp).await
                }
                _ => Err(problems::otp_expired()),
            }
        }
        Err(refusal) => Err(refusal.into()),
    }
}

/// The account that the registration has become, if the code is right and the account was not
/// closed since.
async fn repeat(
    app: &App,
    registration: &FinishedRegistration,
    tried: &Tried<'_>,
    stamp: &Stamp,
) -> Result<Account, Problem> {
    let FinishedRegistration { registration_id, resends, account_id, .. } = *registration;
    if !code_is_right(app, registration_id, resends, tried.code) {
        return Err(problems::otp_invalid(tried.attempts_left));
    }
    app.store.registration_attempt_return(registration_id, stamp).await?;
    let account = app.store.account_get(account_id, Consistency::Strong).await?;
    let account = account.filter(|account| account.status.may_log_in());
    account.ok_or_else(problems::otp_expired)
}

fn code_is_right(app: &App, id: RegistrationId, resends: u32, presented: &str) -> bool {
    let key = app.otp_key().expose_secret().as_bytes();
    same_secret(&one_time_code(key, &id.to_string(), resends), presented)
}
