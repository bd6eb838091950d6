//! `mailer`: sends mails through SES; their texts are in `mails`. Each mail is logged before and
//! after sending, so that a message that is delivered twice makes only one mail. A mail can be
//! sent twice only if the mailer dies between sending it and logging that it was sent.

use thali_platform::app::App;
use thali_platform::config::Part;
use thali_platform::store::MailTurn;
use thali_platform::worker::{Consumer, MessageFuture};

use super::mails::{self, Error};
use super::messages::MailMessage;

pub static CONSUMER: Consumer = Consumer {
    name: "mailer",
    parts: &[Part::Mail, Part::OtpKey],
    handle: |app, body| Box::pin(mail(app, body)) as MessageFuture<'_>,
};

/// Another invocation is sending the same mail, or died a moment ago.
#[derive(Debug, thiserror::Error)]
#[error("the mail is being sent by another invocation")]
struct BeingSent;

async fn mail(app: &App, body: &str) -> Result<(), Error> {
    let message: MailMessage = serde_json::from_str(body)?;
    let id = message.id();
    match app.store.mail_begin(&id, app.clock.now()).await? {
        MailTurn::Sent => return Ok(()),
        MailTurn::Theirs => return Err(BeingSent.into()),
        MailTurn::Ours => {}
    }
    let sent = match mails::write(app, &message).await {
        Ok(Some(mail)) => app.mailer().send(&mail).await.map_err(Error::from),
        Ok(None) => {
            tracing::info!("the mail is too late, or has no addressee");
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
