//! Mails about accounts.

use jiff::Timestamp;
use secrecy::ExposeSecret;
use thali_domain::accounts::email_change;
use thali_domain::accounts::identity::Email;
use thali_domain::accounts::one_time_code::one_time_code as derive_code;
use thali_domain::accounts::password_reset;
use thali_domain::accounts::registration::LIFETIME;
use thali_domain::ids::{AccountId, EmailChangeId, PasswordResetId, RegistrationId};
use thali_domain::mess::Mess;
use thali_platform::app::App;
use thali_platform::mail::Mail;
use thali_platform::store::StoredRegistration;

use super::{Error, addressee_unless_deleted, compose, local_time, mail_templates};

#[derive(Clone, Copy)]
struct OneTimeCode<'a> {
    mess: &'a str,
    code: &'a str,
    minutes: i64,
}
mail_templates!(OneTimeCode:
    OneTimeCodeText = "mail/one_time_code.txt", OneTimeCodeHtml = "mail/one_time_code.html");

#[derive(Clone, Copy)]
struct AccountExists<'a> {
    mess: &'a str,
    app_url: Option<&'a str>,
}
mail_templates!(AccountExists:
    AccountExistsText = "mail/account_exists.txt", AccountExistsHtml = "mail/account_exists.html");

#[derive(Clone, Copy)]
struct PasswordReset<'a> {
    mess: &'a str,
    code: &'a str,
    minutes: i64,
}
mail_templates!(PasswordReset:
    PasswordResetText = "mail/password_reset.txt", PasswordResetHtml = "mail/password_reset.html");

#[derive(Clone, Copy)]
struct PasswordChanged<'a> {
    mess: &'a str,
    name: &'a str,
    changed_at: &'a str,
    app_url: Option<&'a str>,
}
mail_templates!(PasswordChanged:
    PasswordChangedText = "mail/password_changed.txt",
    PasswordChangedHtml = "mail/password_changed.html");

#[derive(Clone, Copy)]
struct EmailChange<'a> {
    mess: &'a str,
    code: &'a str,
    minutes: i64,
}
mail_templates!(EmailChange:
    EmailChangeText = "mail/email_change.txt", EmailChangeHtml = "mail/email_change.html");

#[derive(Clone, Copy)]
struct EmailKnown<'a> {
    mess: &'a str,
    app_url: Option<&'a str>,
}
mail_templates!(EmailKnown:
    EmailKnownText = "mail/email_known.txt", EmailKnownHtml = "mail/email_known.html");

#[derive(Clone, Copy)]
struct EmailChanged<'a> {
    mess: &'a str,
    name: &'a str,
    changed_at: &'a str,
}
mail_templates!(EmailChanged:
    EmailChangedText = "mail/email_changed.txt", EmailChangedHtml = "mail/email_changed.html");

#[derive(Clone, Copy)]
struct AccountDeleted<'a> {
    mess: &'a str,
    deleted_at: &'a str,
}
mail_templates!(AccountDeleted:
    AccountDeletedText = "mail/account_deleted.txt",
    AccountDeletedHtml = "mail/account_deleted.html");

/// The mail with the code of a sign-up; none if the code is no longer valid.
pub async fn one_time_code(
    app: &App,
    mess: &Mess,
    registration_id: RegistrationId,
    resends: u32,
    email: &Email,
) -> Result<Option<Mail>, Error> {
    if !is_current(app, registration_id, resends).await? {
        return Ok(None);
    }
    let key = app.otp_key().expose_secret().as_bytes();
    let code = derive_code(key, &registration_id.to_string(), resends);
    let view = OneTimeCode { mess: mess.name.as_str(), code: &code, minutes: LIFETIME.as_mins() };
    let subject = format!("Your sign-up code for {}", mess.name);
    compose(email, subject, &OneTimeCodeText(view), &OneTimeCodeHtml(view)).map(Some)
}

/// The mail to the owner of an account with whose address somebody signs up.
pub async fn account_exists(
    app: &App,
    mess: &Mess,
    registration_id: RegistrationId,
    resends: u32,
    email: &Email,
) -> Result<Option<Mail>, Error> {
    if !is_current(app, registration_id, resends).await? {
        return Ok(None);
    }
    let view = AccountExists { mess: mess.name.as_str(), app_url: app.mail().app_url.as_deref() };
    let subject = format!("You already have an account at {}", mess.name);
    compose(email, subject, &AccountExistsText(view), &AccountExistsHtml(view)).map(Some)
}

/// Whether the code of a sign-up's mail is still valid: the registration has not ended, and no
/// newer code was requested.
async fn is_current(
    app: &App,
    registration_id: RegistrationId,
    resends: u32,
) -> Result<bool, Error> {
    let registration = app.store.registration_get(registration_id).await?;
    let now = app.clock.now();
    let pending = registration.as_ref().and_then(StoredRegistration::pending);
    Ok(pending.is_some_and(|it| it.resends == resends && now < it.expires_at))
}

/// The mail with the code of a password reset; none if the code has expired, was used, or a newer
/// one was requested.
pub async fn password_reset(
    app: &App,
    mess: &Mess,
    reset_id: PasswordResetId,
    email: &Email,
) -> Result<Option<Mail>, Error> {
    let reset = app.store.password_reset_get(&mess.mess_id, email).await?;
    let now = app.clock.now();
    if !reset.is_some_and(|it| it.is_waiting(reset_id, now)) {
        return Ok(None);
    }
    let code = derive_code(app.otp_key().expose_secret().as_bytes(), &reset_id.to_string(), 0);
    let minutes = password_reset::LIFETIME.as_mins();
    let view = PasswordReset { mess: mess.name.as_str(), code: &code, minutes };
    let subject = format!("Reset your password at {}", mess.name);
    compose(email, subject, &PasswordResetText(view), &PasswordResetHtml(view)).map(Some)
}

/// The mail about a changed password, so that an owner who did not change it finds out; none if
/// the account was deleted since.
pub async fn password_changed(
    app: &App,
    mess: &Mess,
    account_id: AccountId,
    changed_at: Timestamp,
) -> Result<Option<Mail>, Error> {
    let Some((name, email)) = addressee_unless_deleted(app, account_id).await? else {
        return Ok(None);
    };
    let view = PasswordChanged {
        mess: mess.name.as_str(),
        name: &name,
        changed_at: &local_time(changed_at, mess)?,
        app_url: app.mail().app_url.as_deref(),
    };
    let subject = format!("Your password at {} was changed", mess.name);
    compose(&email, subject, &PasswordChangedText(view), &PasswordChangedHtml(view)).map(Some)
}

/// The mail with the code for a new address; none if the code has expired, was used, or a newer one
/// was requested.
pub async fn email_change(
    app: &App,
    mess: &Mess,
    (account_id, change_id): (AccountId, EmailChangeId),
    email: &Email,
) -> Result<Option<Mail>, Error> {
    if !is_awaited(app, account_id, change_id).await? {
        return Ok(None);
    }
    let code = derive_code(app.otp_key().expose_secret().as_bytes(), &change_id.to_string(), 0);
    let minutes = email_change::LIFETIME.as_mins();
    let view = EmailChange { mess: mess.name.as_str(), code: &code, minutes };
    let subject = format!("Your new e-mail address at {}", mess.name);
    compose(email, subject, &EmailChangeText(view), &EmailChangeHtml(view)).map(Some)
}

/// The mail to the owner of an account whose address somebody wants for another account.
pub async fn email_known(
    app: &App,
    mess: &Mess,
    (account_id, change_id): (AccountId, EmailChangeId),
    email: &Email,
) -> Result<Option<Mail>, Error> {
    if !is_awaited(app, account_id, change_id).await? {
        return Ok(None);
    }
    let view = EmailKnown { mess: mess.name.as_str(), app_url: app.mail().app_url.as_deref() };
    let subject = format!("An account at {} has this address already", mess.name);
    compose(email, subject, &EmailKnownText(view), &EmailKnownHtml(view)).map(Some)
}

/// Whether a change of an address still waits for its code.
async fn is_awaited(
    app: &App,
    account_id: AccountId,
    change_id: EmailChangeId,
) -> Result<bool, Error> {
    let change = app.store.email_change_get(account_id).await?;
    let current = change.filter(|it| it.change_id == change_id && it.confirmed_at.is_none());
    Ok(current.is_some_and(|it| app.clock.now() < it.expires_at))
}

/// The mail to the address that an account had before, so that an owner who did not change it finds
/// out; none if the account was deleted since.
pub async fn email_changed(
    app: &App,
    mess: &Mess,
    account_id: AccountId,
    (email, changed_at): (&Email, Timestamp),
) -> Result<Option<Mail>, Error> {
    let Some((name, _)) = addressee_unless_deleted(app, account_id).await? else { return Ok(None) };
    let view = EmailChanged {
        mess: mess.name.as_str(),
        name: &name,
        changed_at: &local_time(changed_at, mess)?,
    };
    let subject = format!("Your e-mail address at {} was changed", mess.name);
    compose(email, subject, &EmailChangedText(view), &EmailChangedHtml(view)).map(Some)
}

/// The mail about a deleted account, to the address that it had.
pub fn account_deleted(mess: &Mess, email: &Email, deleted_at: Timestamp) -> Result<Mail, Error> {
    let deleted_at = local_time(deleted_at, mess)?;
    let view = AccountDeleted { mess: mess.name.as_str(), deleted_at: &deleted_at };
    let subject = format!("Your account at {} was deleted", mess.name);
    compose(email, subject, &AccountDeletedText(view), &AccountDeletedHtml(view))
}
