//! `POST /account/email`: mails a one-time code to the new e-mail address of the caller's account.
//! The response and the writes are the same whether or not another account has the address; only
//! the mail differs.

use futures_util::try_join;
use serde::Serialize;
use thali_domain::accounts::email_change::{LIFETIME, REQUESTS_MAX};
use thali_domain::accounts::identity::Email;
use thali_domain::accounts::registration::LIMITS;
use thali_domain::accounts::sources::{Asker, Requests};
use thali_domain::ids::EmailChangeId;
use thali_platform::app::App;
use thali_platform::auth::password::PresentedPassword;
use thali_platform::config::Part;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Problem, Request, Response, schema};
use thali_platform::store::{Attempt, EmailChange, Mailbox, Stamp, StoreError, retry_overtaken};
use utoipa::ToSchema;

use super::{current_password, own_account};

pub static ENDPOINT: Endpoint =
    Endpoint::post("email-change", &["/account/email"], Access::Any, handler!(email_change))
        .needs(&[Part::RefreshKey])
        .summary("Mails a code to the account's new e-mail address")
        .takes(schema::<ChangeEmail>)
        .answers(202, schema::<Accepted>)
        .refuses(&["current_password_wrong", "locked"]);

#[derive(eserde::Deserialize, ToSchema)]
struct ChangeEmail {
    #[eserde(compat)]
    email: Email,
    #[serde(alias = "currentPassword")]
    #[eserde(compat)]
    current_password: PresentedPassword,
}

/// Empty, so that it does not reveal whether an account has the address.
#[derive(Serialize, ToSchema)]
#[schema(as = EmailChangeAccepted)]
struct Accepted {}

async fn email_change(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let ChangeEmail { email, current_password } = request.json()?;
    let session = caller.session()?;
    let stamp = caller.stamp(app, request);
    let (account, mailbox) = try_join!(own_account::load(app, session.account_id), async {
        Ok(app.store.mailbox_get(&session.mess_id, &email).await?)
    })?;
    current_password::check(app, caller, &account, &current_password, &stamp).await?;
    if account.email.as_ref() == Some(&email) {
        return Err(Problem::invalid_field("email", "is the account's address already"));
    }
    let change = EmailChange {
        change_id: EmailChangeId::from_ulid(app.clock.ulid()),
        account_id: account.account_id,
        mess_id: account.mess_id,
        email,
        known: false,
        attempts: 0,
        expires_at: stamp.at + LIFETIME,
        confirmed_at: None,
    };
    let asker = Asker { source: request.source(app), is_known: false };
    if !begin(app, &change, &asker, &mailbox, &stamp).await? {
        // The response stays the same, so that it does not reveal who has an account.
        tracing::warn!("too many changes of one account or mails to one address; none is mailed");
    }
    Ok(Response::accepted(&Accepted {}))
}

/// Stores the change, unless there were too many of the account or too many mails to the address.
/// `mailbox` is what was just read of the address; it is read again if another request came in
/// between.
async fn begin(
    app: &App,
    change: &EmailChange,
    asker: &Asker,
    mailbox: &Mailbox,
    stamp: &Stamp,
) -> Result<bool, StoreError> {
    let of_account_max = REQUESTS_MAX.saturating_mul(app.rate_limit_factor);
    let limits = LIMITS.times(app.rate_limit_factor);
    retry_overtaken(|attempt| async move {
        let now;
        let mailbox = if attempt == 1 {
            mailbox
        } else {
            now = app.store.mailbox_get(&change.mess_id, &change.email).await?;
            &now
        };
        // Only the mail may reveal whether an account has the address.
        let change = EmailChange { known: mailbox.account_id.is_some(), ..change.clone() };
        let seen = mailbox.sign_ups.as_ref();
        let before = seen.and_then(|seen| seen.requests.as_ref());
        let Some(of_address) = Requests::with_one_by(before, asker, limits, stamp.at) else {
            return Ok(Attempt::Done(false));
        };
        app.store.email_change_begin(&change, of_account_max, &of_address, seen, stamp).await
    })
    .await
}
