//! Mails about accounts.

use jiff::Timestamp;
use secrecy::ExposeSecret;
use thali_domain::accounts::identity::Email;
use thali_domain::accounts::one_time_code::one_time_code as derive_code;
use thali_domain::accounts::password_reset;
use thali_domain::accounts::registration::LIFETIME;
use thali_domain::ids::{AccountId, PasswordResetId, RegistrationId};
use thali_domain::mess::Mess;
use thali_platform::app::App;
use thali_platform::mail::Mail;

use super::{Error, addressee, compose, local_time, mail_templates};

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
    Ok(registration.is_some_and(|it| it.resends == resends && now < it.expires_at))
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
    if !reset.is_some_and(|it| it.reset_id == reset_id && now < it.expires_at) {
        return Ok(None);
    }
    let code = derive_code(app.otp_key().expose_secret().as_bytes(), &reset_id.to_string(), 0);
    let minutes = password_reset::LIFETIME.as_mins();
    let view = PasswordReset { mess: mess.name.as_str(), code: &code, minutes };
    let subject = format!("Reset your password at {}", mess.name);
    compose(email, subject, &PasswordResetText(view), &PasswordResetHtml(view)).map(Some)
}

/// The mail about a changed password, so that an owner who did not change it finds out.
pub async fn password_changed(
    app: &App,
    mess: &Mess,
    account_id: AccountId,
    changed_at: Timestamp,
) -> Result<Mail, Error> {
    let (name, email) = addressee(app, account_id).await?;
    let view = PasswordChanged {
        mess: mess.name.as_str(),
        name: &name,
        changed_at: &local_time(changed_at, mess)?,
        app_url: app.mail().app_url.as_deref(),
    };
    let subject = format!("Your password at {} was changed", mess.name);
    compose(&email, subject, &PasswordChangedText(view), &PasswordChangedHtml(view))
}
