//! `POST /sign-up/otp-resend`: mails another one-time code, which invalidates the previous
//! one. The response does not reveal whether there was anything to resend.

use serde::Serialize;
use thali_domain::accounts::identity::Email;
use thali_domain::ids::{MessId, RegistrationId};
use thali_platform::app::App;
use thali_platform::config::Part;
use thali_platform::handler;
use thali_platform::http::{
    Access, Caller, Endpoint, Problem, RATE_SIGN_UP, Request, Response, schema,
};
use utoipa::ToSchema;

use super::pending;

pub static ENDPOINT: Endpoint = Endpoint::post(
    "resend-otp",
    &["/sign-up/otp-resend", "/sign-up/otp-resend/"],
    Access::Public,
    handler!(resend_otp),
)
.rate(RATE_SIGN_UP)
.needs(&[Part::RefreshKey])
.summary("Mails another code and invalidates the one before")
.takes(schema::<ResendOtp>)
.answers(202, schema::<Accepted>);

#[derive(eserde::Deserialize, ToSchema)]
struct ResendOtp {
    #[serde(default, alias = "registrationId")]
    #[eserde(compat)]
    registration_id: Option<RegistrationId>,
    #[serde(default)]
    #[eserde(compat)]
    email: Option<Email>,
    #[serde(default, alias = "messId")]
    #[eserde(compat)]
    mess_id: Option<MessId>,
}

/// Empty, so that it does not reveal whether there was anything to resend.
#[derive(Serialize, ToSchema)]
#[schema(as = Resent)]
struct Accepted {}

async fn resend_otp(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let ResendOtp { registration_id, email, mess_id } = request.json_where(pending::named)?;
    let stamp = caller.stamp(app, request);
    let meant = pending::find(app, request, registration_id, email, mess_id).await?;
    for id in meant.ids {
        if app.store.registration_resend(id, meant.source.as_ref(), &stamp).await?.is_some() {
            break;
        }
    }
    Ok(Response::accepted(&Accepted {}))
}
