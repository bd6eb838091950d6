//! `mailer`: writes mails and hands them to SES. A mail is logged before and after, so
//! that a message that comes twice makes one mail; one that dies between sending and
//! logging is the only one that can be sent twice.

use askama::Template;
use jiff::tz::TimeZone;
use secrecy::ExposeSecret;
use thali_domain::identity::Email;
use thali_domain::ids::AccountId;
use thali_domain::mess::Mess;
use thali_domain::one_time_code::one_time_code;
use thali_domain::registration::LIFETIME;
use thali_platform::app::App;
use thali_platform::config::Part;
use thali_platform::mail::Mail;
use thali_platform::store::{Consistency, MailTurn};
use thali_platform::worker::{Consumer, Worked};

use super::messages::MailMessage;

/// The consumer.
pub static CONSUMER: Consumer = Consumer {
    name: "mailer",
    parts: &[Part::Mail, Part::OtpKey],
    handle: |app, body| Box::pin(mail(app, body)) as Worked<'_>,
};

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Another try to send the same mail is under way, or died a moment ago.
#[derive(Debug, thiserror::Error)]
#[error("the mail is being sent by another invocation")]
struct BeingSent;

/// The mail names a mess or an account that does not exist.
#[derive(Debug, thiserror::Error)]
#[error("there is no such {0}")]
struct Missing(&'static str);

async fn mail(app: &App, body: &str) -> Result<(), Error> {
    let message: MailMessage = serde_json::from_str(body)?;
    let id = message.id();
    match app.store.mail_begin(&id, app.clock.now()).await? {
        MailTurn::Sent => return Ok(()),
        MailTurn::Theirs => return Err(BeingSent.into()),
        MailTurn::Ours => {}
    }
    let sent = match write(app, &message).await {
        Ok(Some(mail)) => app.mailer().send(&mail).await.map_err(Error::from),
        Ok(None) => {
            tracing::info!("the mail has come too late to be of use");
            Ok(())
        }
        Err(error) => Err(error),
    };
    match sent {
        Ok(()) => Ok(app.store.mail_sent(&id, app.clock.now()).await?),
        Err(error) => {
            app.store.mail_give_back(&id, app.clock.now()).await?;
            Err(error)
        }
    }
}

#[derive(Template)]
#[template(path = "mail/one_time_code.txt")]
struct OneTimeCodeText<'a>(OneTimeCode<'a>);

#[derive(Template)]
#[template(path = "mail/one_time_code.html")]
struct OneTimeCodeHtml<'a>(OneTimeCode<'a>);

#[derive(Clone, Copy)]
struct OneTimeCode<'a> {
    mess: &'a str,
    code: &'a str,
    minutes: i64,
}

#[derive(Template)]
#[template(path = "mail/account_exists.txt")]
struct AccountExistsText<'a>(AccountExists<'a>);

#[derive(Template)]
#[template(path = "mail/account_exists.html")]
struct AccountExistsHtml<'a>(AccountExists<'a>);

#[derive(Clone, Copy)]
struct AccountExists<'a> {
    mess: &'a str,
    app_url: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "mail/receipt.txt")]
struct ReceiptText<'a>(Receipt<'a>);

#[derive(Template)]
#[template(path = "mail/receipt.html")]
struct ReceiptHtml<'a>(Receipt<'a>);

#[derive(Clone, Copy)]
struct Receipt<'a> {
    mess: &'a str,
    name: &'a str,
    tokens: &'a str,
    amount: &'a str,
    good_until: &'a str,
    order_id: &'a str,
}

/// Writes the mail of a message; nothing where its time is over.
async fn write(app: &App, message: &MailMessage) -> Result<Option<Mail>, Error> {
    if is_stale(app, message).await? {
        return Ok(None);
    }
    let mess = app.store.mess_get(message.mess_id()).await?.ok_or(Missing("mess"))?;
    let name = mess.name.as_str();
    let mail = match message {
        MailMessage::OneTimeCode { registration_id, resends, email, .. } => {
            let key = app.otp_key().expose_secret().as_bytes();
            let code = one_time_code(key, &registration_id.to_string(), *resends);
            let view = OneTimeCode { mess: name, code: &code, minutes: LIFETIME.as_mins() };
            let subject = format!("Your sign-up code for {name}");
            compose(email, subject, &OneTimeCodeText(view), &OneTimeCodeHtml(view))
        }
        MailMessage::AccountExists { email, .. } => {
            let view = AccountExists { mess: name, app_url: app.mail().app_url.as_deref() };
            let subject = format!("You already have an account at {name}");
            compose(email, subject, &AccountExistsText(view), &AccountExistsHtml(view))
        }
        MailMessage::Receipt { .. } => receipt(app, &mess, message).await,
    };
    mail.map(Some)
}

/// Whether a sign-up's mail is about a code that is no longer good: the registration has
/// ended, or another code was asked for.
async fn is_stale(app: &App, message: &MailMessage) -> Result<bool, Error> {
    let (MailMessage::OneTimeCode { registration_id, resends, .. }
    | MailMessage::AccountExists { registration_id, resends, .. }) = message
    else {
        return Ok(false);
    };
    let registration = app.store.registration_get(*registration_id).await?;
    let now = app.clock.now();
    let good = registration.is_some_and(|it| it.resends == *resends && now < it.expires_at);
    Ok(!good)
}

async fn receipt(app: &App, mess: &Mess, message: &MailMessage) -> Result<Mail, Error> {
    let MailMessage::Receipt {
        order_id, account_id, token_count, amount_paise, expires_at, ..
    } = message
    else {
        return Err(Missing("receipt").into());
    };
    let (name, email) = addressee(app, *account_id).await?;
    let zone = TimeZone::get(mess.time_zone.as_str())?;
    let good_until = expires_at.to_zoned(zone).strftime("%-d %B %Y, %H:%M").to_string();
    let tokens = match token_count {
        1 => "1 meal token".to_owned(),
        count => format!("{count} meal tokens"),
    };
    let view = Receipt {
        mess: mess.name.as_str(),
        name: &name,
        tokens: &tokens,
        amount: &amount_paise.to_string(),
        good_until: &good_until,
        order_id: order_id.as_str(),
    };
    let subject = format!("{tokens} for {}", mess.name);
    compose(&email, subject, &ReceiptText(view), &ReceiptHtml(view))
}

async fn addressee(app: &App, account_id: AccountId) -> Result<(String, Email), Error> {
    let account = app.store.account_get(account_id, Consistency::Strong).await?;
    let account = account.ok_or(Missing("account"))?;
    let email = account.email.ok_or(Missing("e-mail address"))?;
    Ok((account.name.to_string(), email))
}

fn compose(
    to: &Email,
    subject: String,
    text: &impl Template,
    html: &impl Template,
) -> Result<Mail, Error> {
    Ok(Mail { to: to.clone(), subject, text: text.render()?, html: html.render()? })
}
