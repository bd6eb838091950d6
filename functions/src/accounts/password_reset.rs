//! `POST /password-reset`: mails a one-time code to the owner of an account who forgot the
//! password. The response and the writes are the same whether or not an account has the
//! address; but without an account there is no mail.

use futures_util::try_join;
use serde::Serialize;
use thali_domain::accounts::identity::Email;
use thali_domain::accounts::password_reset::{LIFETIME, REQUESTS_MAX};
use thali_domain::ids::{MessId, PasswordResetId};
use thali_platform::app::App;
use thali_platform::handler;
use thali_platform::http::{
    Access, Caller, Endpoint, Problem, RATE_SIGN_UP, Request, Response, schema,
};
use thali_platform::problems;
use thali_platform::store::PasswordReset;
use utoipa::ToSchema;

pub static ENDPOINT: Endpoint = Endpoint::post(
    "password-reset",
    &["/password-reset", "/password-reset/"],
    Access::Public,
    handler!(password_reset),
)
.rate(RATE_SIGN_UP)
.summary("Mails a code with which a forgotten password is replaced")
.takes(schema::<ForgottenPassword>)
.answers(202, schema::<Accepted>)
.refuses(&["mess_not_found"]);

#[derive(eserde::Deserialize, ToSchema)]
struct ForgottenPassword {
    #[eserde(compat)]
    email: Email,
    #[serde(default, alias = "messId")]
    #[eserde(compat)]
    mess_id: Option<MessId>,
}

/// Empty, so that it does not reveal whether an account has the address.
#[derive(Serialize, ToSchema)]
#[schema(as = PasswordResetAccepted)]
struct Accepted {}

async fn password_reset(
    app: &App,
    caller: &Caller,
    request: &Request,
) -> Result<Response, Problem> {
    let ForgottenPassword { email, mess_id } = request.json()?;
    let mess_id = request.mess_or_default(app, mess_id)?;
    let (mess, account_id) =
        try_join!(app.store.mess_get(&mess_id), app.store.account_of_email(&mess_id, &email),)?;
    mess.ok_or_else(problems::mess_not_found)?;
    let stamp = caller.stamp(app, request);
    let reset = PasswordReset {
        reset_id: PasswordResetId::from_ulid(app.clock.ulid()),
        mess_id,
        email,
        account_id,
        attempts: 0,
        expires_at: stamp.at + LIFETIME,
    };
    let requests_max = REQUESTS_MAX.saturating_mul(app.rate_limit_factor);
    if !app.store.password_reset_begin(&reset, requests_max, &stamp).await? {
        // The response stays the same, so that it does not reveal who has an account.
        tracing::warn!("too many password resets of one address; nothing is stored or mailed");
    }
    Ok(Response::accepted(&Accepted {}))
}
