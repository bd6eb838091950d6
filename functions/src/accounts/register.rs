//! `POST /sign-up`: stores a registration that waits for its one-time code, and nothing
//! else. The response is the same whether or not an account has the e-mail address; only the
//! mail differs.

use futures_util::try_join;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use thali_domain::accounts::identity::{Email, Name, Role, RollNo, RoomNo, Username};
use thali_domain::accounts::registration::{LIFETIME, LIMITS};
use thali_domain::accounts::sources::{Asker, Requests, Source};
use thali_domain::ids::{MessId, RegistrationId};
use thali_domain::mess::Mess;
use thali_domain::phone::{Phone, TypedPhone};
use thali_domain::text::Typed;
use thali_platform::app::App;
use thali_platform::auth::password::{self, NewPassword, PresentedPassword};
use thali_platform::auth::sha256_hex;
use thali_platform::config::Part;
use thali_platform::handler;
use thali_platform::http::{
    Access, Caller, Endpoint, FieldError, Members, Problem, RATE_SIGN_UP, Request, Response, schema,
};
use thali_platform::problems;
use thali_platform::store::{Attempt, Invite, Mailbox, Registration, Stamp, retry_overtaken};
use utoipa::ToSchema;

use super::phones;

pub static ENDPOINT: Endpoint = Endpoint::post(
    "register",
    &["/sign-up", "/sign-up/", "/api/auth/register"],
    Access::Public,
    handler!(register),
)
.rate(RATE_SIGN_UP)
.needs(&[Part::RefreshKey])
.summary("Starts a registration and mails a code")
.takes(schema::<SignUp>)
.answers(202, schema::<Accepted>)
.refuses(&["mess_not_found", "username_taken", "invite_required", "invite_invalid"]);

#[derive(eserde::Deserialize, ToSchema)]
struct SignUp {
    #[serde(default, alias = "messId")]
    #[eserde(compat)]
    mess_id: Option<MessId>,
    #[serde(default)]
    #[eserde(compat)]
    username: Option<Username>,
    #[serde(default)]
    #[eserde(compat)]
    #[schema(value_type = Option<Name>)]
    name: Option<Typed<Name>>,
    #[eserde(compat)]
    email: Email,
    #[eserde(compat)]
    password: NewPassword,
    #[serde(default, alias = "confirmPassword")]
    #[eserde(compat)]
    #[expect(dead_code, reason = "compared in `between_fields`, also where others are wrong")]
    confirm_password: Option<PresentedPassword>,
    #[serde(default)]
    #[eserde(compat)]
    role: Option<Role>,
    #[serde(default, alias = "inviteCode")]
    invite_code: Option<String>,
    #[serde(default)]
    #[eserde(compat)]
    #[schema(value_type = Option<String>)]
    phone: Option<TypedPhone>,
    #[serde(default, alias = "rollNo")]
    #[eserde(compat)]
    roll_no: Option<RollNo>,
    #[serde(default, alias = "roomNo")]
    #[eserde(compat)]
    #[schema(value_type = Option<RoomNo>)]
    room_no: Option<Typed<RoomNo>>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Registration)]
struct Accepted {
    registration_id: RegistrationId,
    email: Email,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

async fn register(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let wanted: SignUp = request.json_where(between_fields)?;
    let mess = request.mess_or_default(app, wanted.mess_id.clone())?;
    let role = wanted.role.unwrap_or(Role::Student);
    let invite_hash =
        wanted.invite_code.as_deref().map(Invite::spelling).map(|code| sha256_hex(&code));
    let ((found, mailbox), ()) = try_join!(
        check_mess_and_username(app, &mess, &wanted),
        check_invite(app, &mess, role, invite_hash.as_deref()),
    )?;
    let phone = wanted.phone.as_ref().map(|typed| phones::read(typed, found.region)).transpose()?;
    let source = request.source(app);
    let registration = wanted.into_registration(app, found, phone, role, invite_hash, source);
    if !store(app, &registration, &mailbox, &caller.stamp(app, request)).await? {
        // The response stays the same, so that it does not reveal who has an account.
        tracing::warn!("too many sign-ups with one address; nothing is stored or mailed");
    }
    let Registration { registration_id, email, expires_at, .. } = registration;
    Ok(Response::accepted(&Accepted { registration_id, email, expires_at }))
}

/// Stores the registration, unless there were too many with the address. `mailbox` is what was
/// just read; it is read again if another sign-up with the address came in between.
async fn store(
    app: &App,
    registration: &Registration,
    mailbox: &Mailbox,
    stamp: &Stamp,
) -> Result<bool, Problem> {
    let limits = LIMITS.times(app.rate_limit_factor);
    let source = registration.asked_from.clone().expect("a new sign-up has a source");
    let asker = &Asker { source, is_known: false };
    retry_overtaken(|attempt| async move {
        let now;
        let mailbox = if attempt == 1 {
            mailbox
        } else {
            now = app.store.mailbox_get(&registration.mess_id, &registration.email).await?;
            &now
        };
        // Only the mail may reveal whether an account has the address.
        let known = mailbox.account_id.is_some();
        let registration = Registration { known, ..registration.clone() };
        let seen = mailbox.sign_ups.as_ref();
        let before = seen.and_then(|seen| seen.requests.as_ref());
        let Some(requests) = Requests::with_one_by(before, asker, limits, stamp.at) else {
            return Ok(Attempt::Done(false));
        };
        let stored = app.store.registration_create(&registration, &requests, seen, stamp).await?;
        Ok::<_, Problem>(stored.map(|()| true))
    })
    .await
}

/// Refuses an unknown mess and a taken username. Returns the mess, and what is stored under the
/// e-mail address.
async fn check_mess_and_username(
    app: &App,
    mess: &MessId,
    wanted: &SignUp,
) -> Result<(Mess, Mailbox), Problem> {
    let username_taken = async {
        match &wanted.username {
            Some(username) => app.store.username_is_taken(mess, username).await,
            None => Ok(false),
        }
    };
    let (found, mailbox, username_taken) = try_join!(
        app.store.mess_get(mess),
        app.store.mailbox_get(mess, &wanted.email),
        username_taken,
    )?;
    let found = found.ok_or_else(problems::mess_not_found)?;
    if username_taken { Err(problems::username_taken()) } else { Ok((found, mailbox)) }
}

/// Owners and staff need an invite; verifying the one-time code uses the invite up.
async fn check_invite(
    app: &App,
    mess: &MessId,
    role: Role,
    invite_hash: Option<&str>,
) -> Result<(), Problem> {
    let Some(invite_hash) = invite_hash else {
        return if role.needs_invite() { Err(problems::invite_required()) } else { Ok(()) };
    };
    let invite = app.store.invite_get(mess, invite_hash).await?;
    match invite {
        Some(invite) if invite.admits(role, app.clock.now()) => Ok(()),
        _ => Err(problems::invite_invalid()),
    }
}

/// The rules between fields. They are checked even if single fields are invalid.
fn between_fields(body: &Members) -> Vec<FieldError> {
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let mut errors = Vec::new();
    let Some(password) = text("password") else { return errors };
    let email = text("email").and_then(|email| Email::parse(email).ok());
    if let Some(Err(refusal)) = email.map(|email| password::check_not_email(password, &email)) {
        errors.push(FieldError::new("password", &refusal.to_string()));
    }
    let again = text("confirm_password").or_else(|| text("confirmPassword"));
    if again.is_some_and(|again| !password::is_same(again, password)) {
        errors.push(FieldError::new("confirm_password", "is not the same as password"));
    }
    errors
}

impl SignUp {
    fn into_registration(
        self,
        app: &App,
        mess: Mess,
        phone: Option<Phone>,
        role: Role,
        invite_hash: Option<String>,
        source: Source,
    ) -> Registration {
        let now = app.clock.now();
        // Hashed for a known e-mail address too, so that the response time reveals nothing.
        let password_hash = self.password.hash();
        let by_default = || {
            let shown = self.username.as_ref().map_or(self.email.local_part(), Username::as_str);
            Name::parse(shown).expect("a username or the local part of an address is a name")
        };
        let name = self.name.map_or_else(by_default, |Typed(name)| name);
        Registration {
            registration_id: RegistrationId::from_ulid(app.clock.ulid()),
            mess_id: mess.mess_id,
            email: self.email,
            known: false,
            username: self.username,
            name,
            role,
            phone,
            roll_no: self.roll_no,
            room_no: self.room_no.map(|Typed(room_no)| room_no),
            password_hash,
            invite_hash,
            attempts: 0,
            resends: 0,
            asked_from: Some(source),
            stranger_attempts: 0,
            stranger_resends: 0,
            created_at: now,
            expires_at: now + LIFETIME,
        }
    }
}
