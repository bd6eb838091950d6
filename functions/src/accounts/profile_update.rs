//! `PATCH /student/profile`: changes a student's profile and security code. An absent field
//! stays as it is; `null` removes the value.

use jiff::Timestamp;
use serde_json::Value;
use thali_domain::accounts::identity::{Name, RollNo, RoomNo};
use thali_domain::accounts::profile::{
    Bio, DateOfBirth, PostalAddress, Profession, ProfileChange, SecurityCode,
};
use thali_domain::ids::AccountId;
use thali_domain::patch::Patch;
use thali_domain::phone::{Phone, TypedPhone};
use thali_domain::text::Typed;
use thali_platform::app::App;
use thali_platform::auth::password::PresentedPassword;
use thali_platform::config::Part;
use thali_platform::handler;
use thali_platform::http::{
    Access, Caller, Endpoint, FieldError, Members, Problem, Request, Response, schema,
};
use thali_platform::store::{Account, Attempt, ProfileUpdateError, Stamp, retry_overtaken};
use utoipa::ToSchema;

use super::phones;
use super::view::Profile;
use super::{current_password, own_account};
use crate::tokens::security_code;

pub static ENDPOINT: Endpoint = Endpoint::patch(
    "profile-update",
    &["/student/profile", "/student/profile-update"],
    Access::Applicant,
    handler!(profile_update),
)
.needs(&[Part::PinKey, Part::Blobs])
.summary("Changes the student's own account; a security code needs the current password")
.takes(schema::<UpdateProfile>)
.answers(200, schema::<Profile>)
.refuses(&["roll_no_taken", "current_password_wrong", "locked", "mess_not_found"]);

#[derive(eserde::Deserialize, ToSchema)]
struct UpdateProfile {
    #[serde(default, alias = "fullName")]
    #[eserde(compat)]
    #[schema(value_type = Name, required = false)]
    full_name: Option<Typed<Name>>,
    #[serde(default)]
    #[eserde(compat)]
    #[schema(value_type = Option<Bio>)]
    bio: Patch<Typed<Bio>>,
    #[serde(default)]
    #[eserde(compat)]
    #[schema(value_type = Option<String>)]
    phone: Patch<TypedPhone>,
    #[serde(default)]
    #[eserde(compat)]
    #[schema(value_type = Option<PostalAddress>)]
    address: Patch<Typed<PostalAddress>>,
    #[serde(default)]
    #[eserde(compat)]
    #[schema(value_type = Option<Profession>)]
    profession: Patch<Typed<Profession>>,
    #[serde(default, alias = "dateOfBirth")]
    #[eserde(compat)]
    #[schema(value_type = Option<DateOfBirth>)]
    date_of_birth: Patch<DateOfBirth>,
    #[serde(default, alias = "rollNo")]
    #[eserde(compat)]
    #[schema(value_type = Option<RollNo>)]
    roll_no: Patch<RollNo>,
    #[serde(default, alias = "roomNo")]
    #[eserde(compat)]
    #[schema(value_type = Option<RoomNo>)]
    room_no: Patch<Typed<RoomNo>>,
    #[serde(default, alias = "securityCode")]
    #[eserde(compat)]
    #[schema(value_type = Option<SecurityCode>)]
    security_code: Patch<SecurityCode>,
    #[serde(default, alias = "currentPassword")]
    #[eserde(compat)]
    current_password: Option<PresentedPassword>,
}

async fn profile_update(
    app: &App,
    caller: &Caller,
    request: &Request,
) -> Result<Response, Problem> {
    let account_id = caller.session()?.account_id;
    let stamp = caller.stamp(app, request);
    let wanted: UpdateProfile = request.json_where(|body| between_fields(body, stamp.at))?;
    let phone = phone(app, caller, &wanted.phone).await?;
    let account = own_account::load(app, account_id).await?;
    if !wanted.security_code.keeps() {
        let missing = || Problem::invalid_field("current_password", "is missing");
        let password = wanted.current_password.as_ref().ok_or_else(missing)?;
        current_password::check(app, caller, &account, password, &stamp).await?;
    }
    let change = wanted.into_change(app, account_id, phone);
    let account = commit(app, account, &change, &stamp).await?;
    Ok(Response::ok(&Profile::of(app, account).await?))
}

/// The new number as people in the mess's region write it. The mess is read only for this.
async fn phone(
    app: &App,
    caller: &Caller,
    typed: &Patch<TypedPhone>,
) -> Result<Patch<Phone>, Problem> {
    Ok(match typed {
        Patch::Keep => Patch::Keep,
        Patch::Clear => Patch::Clear,
        Patch::Set(typed) => {
            Patch::Set(phones::read_in(app, &caller.session()?.mess_id, typed).await?)
        }
    })
}

/// Writes the change. Reads the account again and retries if a field that the change depends on,
/// such as the old roll number, was changed in between.
async fn commit(
    app: &App,
    account: Account,
    change: &ProfileChange,
    stamp: &Stamp,
) -> Result<Account, Problem> {
    let known = &account;
    retry_overtaken(|attempt| async move {
        let now;
        let account = if attempt == 1 {
            known
        } else {
            now = own_account::load(app, known.account_id).await?;
            &now
        };
        match app.store.profile_update(account, change, stamp).await {
            Ok(changed) => Ok(Attempt::Done(changed)),
            Err(ProfileUpdateError::Overtaken) => Ok(Attempt::Overtaken),
            Err(refusal) => Err(refusal.into()),
        }
    })
    .await
}

/// The rules between fields, and between a field and the time. They are checked even if single
/// fields are invalid.
fn between_fields(body: &Members, now: Timestamp) -> Vec<FieldError> {
    let sent = |name: &str, alias: &str| body.get(name).or_else(|| body.get(alias));
    let mut errors = Vec::new();
    if sent("full_name", "fullName").is_some_and(Value::is_null) {
        errors.push(FieldError::new("full_name", "cannot be taken away"));
    }
    let born = sent("date_of_birth", "dateOfBirth").and_then(Value::as_str);
    let born = born.and_then(|born| DateOfBirth::parse(born).ok());
    if let Some(Err(refusal)) = born.map(|born| born.check_not_after(now)) {
        errors.push(FieldError::new("date_of_birth", &refusal.to_string()));
    }
    let proof = sent("current_password", "currentPassword");
    if sent("security_code", "securityCode").is_some() && proof.is_none_or(Value::is_null) {
        let message = "is missing: it is needed to change the security code";
        errors.push(FieldError::new("current_password", message));
    }
    errors
}

impl UpdateProfile {
    fn into_change(self, app: &App, account_id: AccountId, phone: Patch<Phone>) -> ProfileChange {
        ProfileChange {
            name: self.full_name.map(|Typed(name)| name),
            phone,
            roll_no: self.roll_no,
            room_no: self.room_no.map(|Typed(text)| text),
            bio: self.bio.map(|Typed(text)| text),
            address: self.address.map(|Typed(text)| text),
            profession: self.profession.map(|Typed(text)| text),
            date_of_birth: self.date_of_birth,
            security_code_hash: self
                .security_code
                .map(|code| security_code::hash(app, account_id, code.expose())),
        }
    }
}
