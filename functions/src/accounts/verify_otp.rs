//! `POST /sign-up/otp-verify`: turns a registration into an account, if its one-time code is
//! right.

use serde::Serialize;
use thali_domain::accounts::identity::Email;
use thali_domain::accounts::one_time_code::{TypedCode, one_time_code};
use thali_domain::accounts::registration::ATTEMPTS_MAX;
use thali_domain::ids::{AccountId, MessId, RegistrationId};
use thali_platform::app::App;
use thali_platform::auth::same_secret;
use thali_platform::config::Part;
use thali_platform::handler;
use thali_platform::http::{
    Access, Caller, Endpoint, Problem, RATE_SIGN_UP, Request, Response, schema,
};
use thali_platform::problems;
use thali_platform::store::{Account, Registration};
use utoipa::ToSchema;

use secrecy::ExposeSecret;

use super::pending;
use super::view::AccountView;

pub static ENDPOINT: Endpoint = Endpoint::post(
    "verify-otp",
    &["/sign-up/otp-verify", "/sign-up/otp-verify/"],
    Access::Public,
    handler!(verify_otp),
)
.rate(RATE_SIGN_UP)
.needs(&[Part::OtpKey])
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
    let found = pending::find(app, request, registration_id, email, mess_id).await?;
    let id = found.ok_or_else(problems::otp_expired)?;
    let stamp = caller.stamp(app, request);
    // The attempt is counted before the code is compared, so that concurrent attempts cannot
    // exceed the limit.
    let attempted = app.store.registration_attempt(id, &stamp).await?;
    let registration = attempted.ok_or_else(problems::otp_expired)?;
    if !code_is_right(app, &registration, otp.expose()) {
        let left = ATTEMPTS_MAX.saturating_sub(registration.attempts);
        return Err(problems::otp_invalid(left));
    }
    let mess = app.store.mess_get(&registration.mess_id).await?;
    let mess = mess.ok_or_else(problems::mess_not_found)?;
    let status = mess.status_after_verification(registration.role);
    let account_id = AccountId::from_ulid(app.clock.ulid());
    let account = Account::of_registration(&registration, account_id, status, stamp.at);
    app.store.account_create_from(&registration, &account, &stamp).await?;
    Ok(Response::created(&Verified { account: account.into() }))
}

/// Whether the code is right. It never is if an account already had the e-mail address.
fn code_is_right(app: &App, registration: &Registration, presented: &str) -> bool {
    let key = app.otp_key().expose_secret().as_bytes();
    let id = registration.registration_id.to_string();
    let code = one_time_code(key, &id, registration.resends);
    same_secret(&code, presented) && !registration.known
}
