//! `POST /sign-up`: stores a registration that waits for its one-time code, and nothing
//! else. The response is the same whether or not an account has the e-mail address; only the
//! mail differs.

use futures_util::try_join;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use thali_domain::accounts::identity::{Email, Name, Phone, Role, RollNo, RoomNo, Username};
use thali_domain::accounts::registration::{LIFETIME, SIGN_UPS_MAX};
use thali_domain::ids::{MessId, RegistrationId};
use thali_platform::app::App;
use thali_platform::auth::password::{self, NewPassword, PresentedPassword};
use thali_platform::auth::sha256_hex;
use thali_platform::handler;
use thali_platform::http::{
    Access, Caller, Endpoint, FieldError, Members, Problem, RATE_SIGN_UP, Request, Response, schema,
};
use thali_platform::problems;
use thali_platform::store::Registration;
use utoipa::ToSchema;

pub static ENDPOINT: Endpoint = Endpoint::post(
    "register",
    &["/sign-up", "/sign-up/", "/api/auth/register"],
    Access::Public,
    handler!(register),
)
.rate(RATE_SIGN_UP)
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
    name: Option<Name>,
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
    phone: Option<Phone>,
    #[serde(default, alias = "rollNo")]
    #[eserde(compat)]
    roll_no: Option<RollNo>,
    #[serde(default, alias = "roomNo")]
    #[eserde(compat)]
    room_no: Option<RoomNo>,
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
    let invite_hash = wanted.invite_code.as_deref().map(sha256_hex);
    let (known, ()) = try_join!(
        check_mess_and_username(app, &mess, &wanted),
        check_invite(app, &mess, role, invite_hash.as_deref()),
    )?;
    let registration = wanted.into_registration(app, mess, role, invite_hash, known);
    let sign_ups_max = SIGN_UPS_MAX.saturating_mul(app.rate_limit_factor);
    let stamp = caller.stamp(app, request);
    if !app.store.registration_create(&registration, sign_ups_max, &stamp).await? {
        // The response stays the same, so that it does not reveal who has an account.
        tracing::warn!("too many sign-ups with one address; nothing is stored or mailed");
    }
    let Registration { registration_id, email, expires_at, .. } = registration;
    Ok(Response::accepted(&Accepted { registration_id, email, expires_at }))
}

/// Refuses an unknown mess and a taken username. Returns whether an account has the e-mail
/// address, which only the mail may reveal.
async fn check_mess_and_username(
    app: &App,
    mess: &MessId,
    wanted: &SignUp,
) -> Result<bool, Problem> {
    let username_taken = async {
        match &wanted.username {
            Some(username) => app.store.username_is_taken(mess, username).await,
            None => Ok(false),
        }
    };
    let (found, known, username_taken) = try_join!(
        app.store.mess_get(mess),
        app.store.email_is_known(mess, &wanted.email),
        username_taken,
    )?;
    if found.is_none() {
        Err(problems::mess_not_found())
    } else if username_taken {
        Err(problems::username_taken())
    } else {
        Ok(known)
    }
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
    if again.is_some_and(|again| again != password) {
        errors.push(FieldError::new("confirm_password", "is not the same as password"));
    }
    errors
}

impl SignUp {
    fn into_registration(
        self,
        app: &App,
        mess_id: MessId,
        role: Role,
        invite_hash: Option<String>,
        known: bool,
    ) -> Registration {
        let now = app.clock.now();
        // Hashed for a known e-mail address too, so that the response time reveals nothing.
        let password_hash = self.password.hash();
        let name = self.name.unwrap_or_else(|| {
            let shown = self.username.as_ref().map_or(self.email.local_part(), Username::as_str);
            Name::parse(shown).expect("a username or the local part of an address is a name")
        });
        Registration {
            registration_id: RegistrationId::from_ulid(app.clock.ulid()),
            mess_id,
            email: self.email,
            known,
            username: self.username,
            name,
            role,
            phone: self.phone,
            roll_no: self.roll_no,
            room_no: self.room_no,
            password_hash,
            invite_hash,
            attempts: 0,
            resends: 0,
            created_at: now,
            expires_at: now + LIFETIME,
        }
    }
}
