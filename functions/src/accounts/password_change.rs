//! `POST /account/password`: replaces the password of the caller's account, and ends every session
//! of the account except the one that asks.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use thali_domain::ids::SessionId;
use thali_platform::app::App;
use thali_platform::auth::password::{self, NewPassword, PresentedPassword};
use thali_platform::config::Part;
use thali_platform::handler;
use thali_platform::http::{
    Access, Caller, Endpoint, FieldError, Members, Problem, Request, Response, schema,
};
use thali_platform::store::{
    Account, Attempt, PasswordChange, SessionRecord, Stamp, retry_overtaken,
};
use utoipa::ToSchema;

use super::devices::{self, Remembered};
use super::{current_password, sessions};

pub static ENDPOINT: Endpoint = Endpoint::post(
    "password-change",
    &["/account/password"],
    Access::Any,
    handler!(password_change),
)
.needs(&[Part::RefreshKey])
.summary("Replaces the password, and ends all other sessions")
.takes(schema::<ChangePassword>)
.answers_nothing(204)
.takes_device()
.sets_device()
.refuses(&["current_password_wrong", "locked"]);

/// For how long a change may be repeated after a lost answer.
const REPEATED_WITHIN: SignedDuration = SignedDuration::from_mins(10);

#[derive(eserde::Deserialize, ToSchema)]
struct ChangePassword {
    #[serde(alias = "currentPassword")]
    #[eserde(compat)]
    current_password: PresentedPassword,
    #[serde(alias = "newPassword")]
    #[eserde(compat)]
    new_password: NewPassword,
}

/// How often a session is read that seems to be older than the account's password.
const READS_MAX: u32 = 3;

impl ChangePassword {
    fn change(&self, now: Timestamp) -> PasswordChange {
        PasswordChange {
            password_hash: self.new_password.hash(),
            repeat_hash: self.new_password.hash_of_change_from(&self.current_password),
            repeats_until: now + REPEATED_WITHIN,
        }
    }
}

/// What the caller has proven.
enum Proof {
    /// The current password.
    Current,
    /// The password before and the current one: this session has made the change already.
    Repeated,
}

async fn password_change(
    app: &App,
    caller: &Caller,
    request: &Request,
) -> Result<Response, Problem> {
    let session = caller.session()?;
    let wanted: &ChangePassword = &request.json_where(between_fields)?;
    let stamp = &caller.stamp(app, request);
    let (account, ended) = retry_overtaken(|number| async move {
        let (account, sessions) = app.store.account_with_sessions(session.account_id).await?;
        let account = account.filter(|account| account.status.may_log_in());
        let account = account.ok_or_else(Problem::unauthenticated)?;
        let (own, others) = divided(sessions, session.session_id);
        let own = own.ok_or_else(Problem::unauthenticated)?;
        if own.password_version != account.password_version {
            // The same change at the same moment may lie between the reads of the two items.
            let is_stale = number >= READS_MAX;
            return if is_stale { Err(Problem::unauthenticated()) } else { Ok(Attempt::Overtaken) };
        }
        if let Proof::Repeated = prove(app, caller, &account, &own, wanted, stamp).await? {
            return Ok(Attempt::Done((account, Vec::new())));
        }
        check_not_email(&wanted.new_password, &account)?;
        let change = wanted.change(stamp.at);
        let store = &app.store;
        let written = store.password_change_commit(&account, &own, &others, &change, stamp).await?;
        let version = account.password_version + 1;
        let account = Account { password_version: version, ..account };
        Ok::<_, Problem>(written.map(|()| (account, others)))
    })
    .await?;
    sessions::end_older(app, &account, &ended).await?;
    // The change makes the device cookies of the account void, this browser's too.
    let tickets = devices::tickets(app, request);
    let device = tickets.of(account.account_id).map(|ticket| ticket.device_id);
    let version = account.password_version;
    Ok(Remembered::new(app, &tickets, &account, version, device).set(Response::no_content()))
}

fn divided(
    sessions: Vec<SessionRecord>,
    own: SessionId,
) -> (Option<SessionRecord>, Vec<SessionRecord>) {
    let (mut own, others): (Vec<_>, Vec<_>) =
        sessions.into_iter().partition(|session| session.session_id == own);
    (own.pop(), others)
}

/// Checks the current password. After a lost answer the client sends the change again, and its
/// current password is wrong by then. Such a repetition needs both passwords, so it tells nobody
/// whether one of them is right, and a wrong one is counted as always.
async fn prove(
    app: &App,
    caller: &Caller,
    account: &Account,
    own: &SessionRecord,
    wanted: &ChangePassword,
    stamp: &Stamp,
) -> Result<Proof, Problem> {
    let ChangePassword { current_password, new_password } = wanted;
    let refusal = match current_password::check(app, caller, account, current_password, stamp).await
    {
        Ok(()) => return Ok(Proof::Current),
        Err(refusal) => refusal,
    };
    let may_repeat = own.repeats_until.is_some_and(|until| stamp.at < until);
    let hash = own.repeat_hash.as_deref().filter(|_| may_repeat);
    let repeats = |hash: &str| new_password.is_change_from(current_password, hash);
    if refusal.code != "current_password_wrong" || !hash.is_some_and(repeats) {
        return Err(refusal);
    }
    // The password may have been replaced once more. This also forgets the wrong try.
    current_password::check(app, caller, account, &new_password.presented(), stamp).await?;
    Ok(Proof::Repeated)
}

fn check_not_email(password: &NewPassword, account: &Account) -> Result<(), Problem> {
    let Some(email) = &account.email else { return Ok(()) };
    password::check_not_email(password.presented().expose(), email)
        .map_err(|refusal| Problem::invalid_field("new_password", refusal))
}

/// The rule between the fields. It is checked even if single fields are invalid.
fn between_fields(body: &Members) -> Vec<FieldError> {
    let text = |name: &str, alias: &str| {
        body.get(name).or_else(|| body.get(alias)).and_then(Value::as_str)
    };
    let current = text("current_password", "currentPassword");
    let new = text("new_password", "newPassword");
    let same = current.zip(new).is_some_and(|(current, new)| password::is_same(current, new));
    let refused = same.then(|| FieldError::new("new_password", "is the current password"));
    refused.into_iter().collect()
}
