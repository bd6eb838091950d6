//! Writes the mails of messages, with one file for each area. The texts are in
//! `templates/mail/`, each as plain text and as HTML.

mod accounts;
mod closures;
mod cycles;
mod orders;
mod payments;
mod students;

use askama::Template;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use thali_domain::accounts::identity::{AccountStatus, Email};
use thali_domain::ids::AccountId;
use thali_domain::mess::Mess;
use thali_platform::app::App;
use thali_platform::mail::Mail;
use thali_platform::store::{Account, Consistency};

use super::messages::MailMessage;

/// Why a mail was not written or sent; its message is delivered again.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// The mail names a mess or an account that does not exist.
#[derive(Debug, thiserror::Error)]
#[error("there is no such {0}")]
struct Missing(&'static str);

/// The two templates of a mail, over the same view.
macro_rules! mail_templates {
    ($view:ident: $text:ident = $text_path:literal, $html:ident = $html_path:literal) => {
        #[derive(askama::Template)]
        #[template(path = $text_path)]
        struct $text<'a>($view<'a>);

        #[derive(askama::Template)]
        #[template(path = $html_path)]
        struct $html<'a>($view<'a>);
    };
}
use mail_templates;

/// Writes the mail of a message; `None` if it is too late for the mail, or nobody can receive it.
pub async fn write(app: &App, message: &MailMessage) -> Result<Option<Mail>, Error> {
    let mess = match (app.store.mess_get(message.mess_id()).await?, message) {
        (Some(mess), _) => mess,
        // The order may have failed because its mess does not exist.
        (None, MailMessage::OrderFailed(order)) => {
            return orders::failed(app, "a mess that is gone", order).await;
        }
        (None, _) => return Err(Missing("mess").into()),
    };
    match message {
        MailMessage::OneTimeCode { registration_id, resends, email, .. } => {
            accounts::one_time_code(app, &mess, *registration_id, *resends, email).await
        }
        MailMessage::AccountExists { registration_id, resends, email, .. } => {
            accounts::account_exists(app, &mess, *registration_id, *resends, email).await
        }
        MailMessage::PasswordReset { reset_id, email, .. } => {
            accounts::password_reset(app, &mess, *reset_id, email).await
        }
        MailMessage::PasswordChanged { account_id, changed_at, .. } => {
            accounts::password_changed(app, &mess, *account_id, *changed_at).await
        }
        MailMessage::EmailChange { change_id, account_id, email, .. } => {
            accounts::email_change(app, &mess, (*account_id, *change_id), email).await
        }
        MailMessage::EmailKnown { change_id, account_id, email, .. } => {
            accounts::email_known(app, &mess, (*account_id, *change_id), email).await
        }
        MailMessage::EmailChanged { account_id, email, changed_at, .. } => {
            accounts::email_changed(app, &mess, *account_id, (email, *changed_at)).await
        }
        MailMessage::AccountDeleted { email, deleted_at, .. } => {
            accounts::account_deleted(&mess, email, *deleted_at).map(Some)
        }
        MailMessage::Decision(decision) => students::decision(app, &mess, decision).await,
        MailMessage::Receipt(receipt) => payments::receipt(app, &mess, receipt).await,
        MailMessage::Refunded(refund) => payments::refunded(app, &mess, refund).await,
        MailMessage::RefundFailed(refund) => {
            payments::refund_failed(app, &mess, refund).await.map(Some)
        }
        MailMessage::Expiring(tokens) => payments::expiring(app, &mess, tokens).await,
        MailMessage::OrderProcessed(order) => {
            orders::processed(app, mess.name.as_str(), order).await
        }
        MailMessage::OrderFailed(order) => orders::failed(app, mess.name.as_str(), order).await,
        MailMessage::Closure(closure) => closures::closure(app, &mess, closure).await,
        MailMessage::CycleDecided(cycle) => cycles::decided(app, &mess, cycle).await,
    }
}

/// The name and the address of an account.
async fn addressee(app: &App, account_id: AccountId) -> Result<(String, Email), Error> {
    let account = app.store.account_get(account_id, Consistency::Strong).await?;
    let account = account.ok_or(Missing("account"))?;
    let email = account.email.ok_or(Missing("e-mail address"))?;
    Ok((account.name.to_string(), email))
}

/// The same; `None` if the account was deleted.
async fn addressee_unless_deleted(
    app: &App,
    account_id: AccountId,
) -> Result<Option<(String, Email)>, Error> {
    let account = app.store.account_get(account_id, Consistency::Strong).await?;
    let account = account.ok_or(Missing("account"))?;
    if account.status == AccountStatus::Deleted {
        return Ok(None);
    }
    let email = account.email.ok_or(Missing("e-mail address"))?;
    Ok(Some((account.name.to_string(), email)))
}

/// The same; `None` if the account does not exist or has no address.
async fn addressee_if_any(
    app: &App,
    account_id: AccountId,
) -> Result<Option<(String, Email)>, Error> {
    let account = app.store.account_get(account_id, Consistency::Strong).await?;
    let reached = |account: Account| Some((account.name.to_string(), account.email?));
    Ok(account.and_then(reached))
}

/// A time in words, in the time zone of the mess.
fn local_time(time: Timestamp, mess: &Mess) -> Result<String, Error> {
    let zone = TimeZone::get(mess.time_zone.as_str())?;
    Ok(time.to_zoned(zone).strftime("%-d %B %Y, %H:%M").to_string())
}

/// A number of tokens, in words.
fn meal_tokens(count: u16) -> String {
    match count {
        1 => "1 meal token".to_owned(),
        count => format!("{count} meal tokens"),
    }
}

fn compose(
    to: &Email,
    subject: String,
    text: &impl Template,
    html: &impl Template,
) -> Result<Mail, Error> {
    Ok(Mail { to: to.clone(), subject, text: text.render()?, html: html.render()? })
}
