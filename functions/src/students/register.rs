//! `POST /api/v1/students/register`: registers a student, who then waits for the mess's approval.
//! The student or an owner of the mess sends the request.
//!
//! The request proves nothing, so the account has no password. Only a person who receives the
//! mails of its address can set one, by a password reset.

use serde::Serialize;
use thali_domain::accounts::identity::{
    AccountStatus, Email, Name, Role, RollNo, RoomNo, TelegramUserId,
};
use thali_domain::ids::{AccountId, MessId};
use thali_domain::mess::Mess;
use thali_domain::phone::{Phone, TypedPhone};
use thali_domain::text::Typed;
use thali_platform::app::App;
use thali_platform::auth::password::NO_PASSWORD;
use thali_platform::handler;
use thali_platform::http::{
    Access, Caller, Endpoint, Problem, RATE_REGISTRATION, Request, Response, schema,
};
use thali_platform::problems;
use thali_platform::store::{
    Account, AccountCreateError, Attempt, Stamp, StoreError, retry_overtaken,
};
use utoipa::ToSchema;

use crate::accounts::phones;
use crate::accounts::view::AccountView;

pub static ENDPOINT: Endpoint = Endpoint::post(
    "student-register",
    &["/api/v1/students/register"],
    Access::PublicOrOwner,
    handler!(register),
)
.rate(RATE_REGISTRATION)
.summary("Registers a student, who then waits for approval")
.takes(schema::<RegisterStudent>)
.answers(201, schema::<RegisteredStudent>)
.refuses(&["mess_not_found", "roll_no_taken", "email_taken"]);

#[derive(eserde::Deserialize, ToSchema)]
struct RegisterStudent {
    #[serde(default, alias = "messId")]
    #[eserde(compat)]
    mess_id: Option<MessId>,
    #[eserde(compat)]
    #[schema(value_type = Name)]
    name: Typed<Name>,
    #[serde(alias = "rollNo")]
    #[eserde(compat)]
    roll_no: RollNo,
    #[serde(alias = "roomNo")]
    #[eserde(compat)]
    #[schema(value_type = RoomNo)]
    room_no: Typed<RoomNo>,
    #[eserde(compat)]
    #[schema(value_type = String)]
    phone: TypedPhone,
    #[serde(default)]
    #[eserde(compat)]
    email: Option<Email>,
    #[serde(default, alias = "tgUserId")]
    #[eserde(compat)]
    tg_user_id: Option<TelegramUserId>,
}

/// The registered student, who waits for approval.
#[derive(Serialize, ToSchema)]
struct RegisteredStudent {
    student: AccountView,
}

async fn register(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let wanted: RegisterStudent = request.json()?;
    let mess = mess(app, caller, request, wanted.mess_id.clone()).await?;
    let phone = phones::read(&wanted.phone, mess.region)?;
    let account = wanted.into_account(app, mess.mess_id, phone);
    let stamp = caller.stamp(app, request);
    let openly = matches!(caller, Caller::Session(_));
    let made = if openly {
        commit(app, &account, &stamp).await
    } else {
        commit_without_revealing_email(app, &account, &stamp).await
    };
    // The response has the requested address: to the public, a taken address looks like any other.
    let registered = match made {
        Ok(()) => account,
        Err(taken @ (AccountCreateError::RollNoTaken | AccountCreateError::EmailTaken)) => {
            let before = earlier_registration(app, &account, openly).await?;
            Account { email: account.email, ..before.ok_or(taken)? }
        }
        Err(refusal) => return Err(refusal.into()),
    };
    Ok(Response::created(&RegisteredStudent { student: registered.into() }))
}

/// The mess to register in: an owner's own mess. For the public the named or the default mess,
/// which must exist.
async fn mess(
    app: &App,
    caller: &Caller,
    request: &Request,
    named: Option<MessId>,
) -> Result<Mess, Problem> {
    let mess = match caller {
        Caller::Session(owner) if named.as_ref().is_some_and(|named| *named != owner.mess_id) => {
            return Err(problems::mess_not_found());
        }
        Caller::Session(owner) => owner.mess_id.clone(),
        _ => request.mess_or_default(app, named)?,
    };
    app.store.mess_get(&mess).await?.ok_or_else(problems::mess_not_found)
}

/// Creates the account. The error says what is taken, even if it is the address.
async fn commit(app: &App, account: &Account, stamp: &Stamp) -> Result<(), AccountCreateError> {
    retry_overtaken(|_| async {
        match app.store.account_create(account, stamp).await {
            Err(AccountCreateError::Store(StoreError::Contended)) => Ok(Attempt::Overtaken),
            outcome => outcome.map(Attempt::Done),
        }
    })
    .await
}

/// Creates the account without revealing whether the e-mail address is taken: if it is, the
/// account is created without the address. The address is always looked up first, and not only
/// after a transaction failed by it, so that the response time reveals nothing either.
async fn commit_without_revealing_email(
    app: &App,
    account: &Account,
    stamp: &Stamp,
) -> Result<(), AccountCreateError> {
    let Some(email) = &account.email else { return commit(app, account, stamp).await };
    retry_overtaken(|_| async {
        let outcome = if app.store.email_is_known(&account.mess_id, email).await? {
            let email_claim = Some(email.clone());
            let without = Account { email: None, email_claim, ..account.clone() };
            app.store.account_create_without(&without, email, stamp).await
        } else {
            app.store.account_create(account, stamp).await
        };
        match outcome {
            Err(
                // The address was taken since it was looked up.
                AccountCreateError::EmailTaken | AccountCreateError::Store(StoreError::Contended),
            ) => Ok(Attempt::Overtaken),
            outcome => outcome.map(Attempt::Done),
        }
    })
    .await
}

/// The account that the same registration created before, in case its response was lost: the
/// holder of the roll number, if their account is still just what that registration created.
async fn earlier_registration(
    app: &App,
    wanted: &Account,
    openly: bool,
) -> Result<Option<Account>, StoreError> {
    let Some(roll_no) = &wanted.roll_no else { return Ok(None) };
    let holder = app.store.account_of_roll_no(&wanted.mess_id, roll_no).await?;
    Ok(holder.filter(|holder| matches_registration(holder, wanted, openly)))
}

/// Whether an account is what the registration `wanted` creates. For the public this includes an
/// account without the address, because its first response did not reveal that either. An account
/// with another address does not match, so a second registration reveals no more than the first.
fn matches_registration(account: &Account, wanted: &Account, openly: bool) -> bool {
    let claimed = account.email_claim.as_ref();
    let email = account.email.as_ref().or(claimed);
    account.role == Role::Student
        && account.status == AccountStatus::PendingApproval
        && account.password_hash == NO_PASSWORD
        && account.name == wanted.name
        && account.room_no == wanted.room_no
        && is_same_phone(account.phone.as_ref(), wanted.phone.as_ref())
        && account.telegram_claim == wanted.telegram_claim
        && email == wanted.email.as_ref()
        && !(openly && claimed.is_some())
}

/// Whether the numbers are the same; the account's may have been stored without calling code.
fn is_same_phone(stored: Option<&Phone>, wanted: Option<&Phone>) -> bool {
    match (stored, wanted) {
        (Some(stored), Some(wanted)) => stored.is_same(wanted),
        (stored, wanted) => stored == wanted,
    }
}

impl RegisterStudent {
    fn into_account(self, app: &App, mess_id: MessId, phone: Phone) -> Account {
        let (Typed(name), Typed(room_no)) = (self.name, self.room_no);
        let (id, now) = (AccountId::from_ulid(app.clock.ulid()), app.clock.now());
        Account {
            status: AccountStatus::PendingApproval,
            email: self.email,
            roll_no: Some(self.roll_no),
            room_no: Some(room_no),
            phone: Some(phone),
            telegram_claim: self.tg_user_id,
            ..Account::new(id, mess_id, Role::Student, name, NO_PASSWORD.to_owned(), now)
        }
    }
}
