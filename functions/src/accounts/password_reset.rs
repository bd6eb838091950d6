//! `POST /password-reset`: mails a one-time code to the owner of an account who forgot the
//! password. The response and the writes are the same whether or not an account has the
//! address; but without an account there is no mail.

use std::collections::BTreeMap;

use futures_util::try_join;
use serde::Serialize;
use thali_domain::accounts::identity::Email;
use thali_domain::accounts::password_reset::{LIFETIME, LIMITS};
use thali_domain::accounts::sources::{Asker, Requests, Source};
use thali_domain::ids::{AccountId, MessId, PasswordResetId};
use thali_platform::app::App;
use thali_platform::config::Part;
use thali_platform::handler;
use thali_platform::http::{
    Access, Caller, Endpoint, Problem, RATE_SIGN_UP, Request, Response, schema,
};
use thali_platform::problems;
use thali_platform::store::{Attempt, Consistency, Mailbox, PasswordReset, Stamp, retry_overtaken};
use utoipa::ToSchema;

use super::devices;

pub static ENDPOINT: Endpoint = Endpoint::post(
    "password-reset",
    &["/password-reset", "/password-reset/"],
    Access::Public,
    handler!(password_reset),
)
.rate(RATE_SIGN_UP)
.needs(&[Part::RefreshKey])
.summary("Mails a code with which a forgotten password is replaced")
.takes(schema::<ForgottenPassword>)
.answers(202, schema::<Accepted>)
.takes_device()
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
    let (mess, mailbox) =
        try_join!(app.store.mess_get(&mess_id), app.store.mailbox_get(&mess_id, &email))?;
    mess.ok_or_else(problems::mess_not_found)?;
    let stamp = caller.stamp(app, request);
    let asker = asker(app, request, mailbox.account_id).await?;
    let reset = PasswordReset {
        reset_id: PasswordResetId::from_ulid(app.clock.ulid()),
        mess_id,
        email,
        account_id: mailbox.account_id,
        attempts: 0,
        password_version: None,
        expires_at: stamp.at + LIFETIME,
        asked_from: Some(asker.source.clone()),
        stranger_attempts: 0,
        other_resets: BTreeMap::new(),
    };
    if !begin(app, &reset, &mailbox, &asker, &stamp).await? {
        // The response stays the same, so that it does not reveal who has an account.
        tracing::warn!("too many password resets of one address; nothing is stored or mailed");
    }
    Ok(Response::accepted(&Accepted {}))
}

/// Who asks: a browser that has logged in to the account before, or a network. Only for such a
/// browser the account is read.
async fn asker(
    app: &App,
    request: &Request,
    account_id: Option<AccountId>,
) -> Result<Asker, Problem> {
    let ticket = account_id.and_then(|id| devices::tickets(app, request).of(id));
    if let Some(ticket) = ticket {
        let account = app.store.account_get(ticket.account_id, Consistency::Strong).await?;
        if let Some(device) = devices::known(Some(ticket), account.as_ref()) {
            return Ok(Asker { source: Source::of_device(device), is_known: true });
        }
    }
    Ok(Asker { source: request.source(app), is_known: false })
}

/// Stores the reset, unless there were too many of the address. `mailbox` is what was just read;
/// it is read again if another write of the resets came in between.
async fn begin(
    app: &App,
    reset: &PasswordReset,
    mailbox: &Mailbox,
    asker: &Asker,
    stamp: &Stamp,
) -> Result<bool, Problem> {
    let limits = LIMITS.times(app.rate_limit_factor);
    retry_overtaken(|attempt| async move {
        let now;
        let mailbox = if attempt == 1 {
            mailbox
        } else {
            now = app.store.mailbox_get(&reset.mess_id, &reset.email).await?;
            &now
        };
        let seen = mailbox.resets.as_ref();
        let before = seen.and_then(|seen| seen.requests.as_ref());
        let Some(requests) = Requests::with_one_by(before, asker, limits, stamp.at) else {
            return Ok(Attempt::Done(false));
        };
        let reset = reset.clone().after(seen.map(|seen| &seen.item), stamp.at);
        let stored = app.store.password_reset_begin(&reset, &requests, seen, stamp).await?;
        Ok::<_, Problem>(stored.map(|()| true))
    })
    .await
}
