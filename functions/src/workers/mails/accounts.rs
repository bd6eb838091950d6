//! Mails about accounts.

use secrecy::ExposeSecret;
use thali_domain::identity::Email;
use thali_domain::ids::RegistrationId;
use thali_domain::mess::Mess;
use thali_domain::registration::{LIFETIME, one_time_code as derive_code};
use thali_platform::app::App;
use thali_platform::mail::Mail;

use super::{Error, compose, mail_templates};

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

/// The code of a sign-up.
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
    let code = derive_code(app.otp_key().expose_secret().as_bytes(), registration_id, resends);
    let view = OneTimeCode { mess: mess.name.as_str(), code: &code, minutes: LIFETIME.as_mins() };
    let subject = format!("Your sign-up code for {}", mess.name);
    compose(email, subject, &OneTimeCodeText(view), &OneTimeCodeHtml(view)).map(Some)
}

/// What the owner of an address is told with which somebody signs up again.
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

/// Whether a sign-up's mail is about a code that is still good: the registration has not
/// ended, and no other code was asked for.
async fn is_current(
    app: &App,
    registration_id: RegistrationId,
    resends: u32,
) -> Result<bool, Error> {
    let registration = app.store.registration_get(registration_id).await?;
    let now = app.clock.now();
    Ok(registration.is_some_and(|it| it.resends == resends && now < it.expires_at))
}
