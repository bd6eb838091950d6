//! Sends mail. The texts of the mails are in the mailer function.

use std::sync::Mutex;

use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::error::ProvideErrorMetadata;
use aws_sdk_sesv2::types::{Body, Content, Destination, EmailContent, Message};
use thali_domain::accounts::identity::Email;

/// A mail, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    pub to: Email,
    pub subject: String,
    pub text: String,
    pub html: String,
}

/// How mail is sent.
pub enum Mailer {
    /// Amazon SES.
    Ses {
        client: Client,
        /// The sender's address, verified with SES.
        from: String,
    },
    /// A list in memory, for tests. It refuses addresses that begin with `refused`.
    Memory(Mutex<Vec<Mail>>),
}

/// A mail that was not accepted for delivery. The error holds only the provider's code: the
/// provider's message often contains the address, which must not be logged.
#[derive(Debug, thiserror::Error)]
#[error("the mail was not accepted for delivery: {0}")]
pub struct MailError(String);

impl Mailer {
    /// Hands a mail over for delivery.
    pub async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        match self {
            Self::Ses { client, from } => send_with_ses(client, from, mail).await,
            Self::Memory(_) if mail.to.as_str().starts_with("refused") => {
                Err(MailError("refused by the memory backend".to_owned()))
            }
            Self::Memory(sent) => {
                sent.lock().expect("no holder of the list panics").push(mail.clone());
                Ok(())
            }
        }
    }

    /// Removes and returns the mails in the memory backend; none for SES.
    pub fn take(&self) -> Vec<Mail> {
        match self {
            Self::Ses { .. } => Vec::new(),
            Self::Memory(sent) => {
                std::mem::take(&mut *sent.lock().expect("no holder of the list panics"))
            }
        }
    }
}

async fn send_with_ses(client: &Client, from: &str, mail: &Mail) -> Result<(), MailError> {
    let content = |text: &str| {
        let content = Content::builder().data(text).charset("UTF-8").build();
        content.expect("the data is set")
    };
    let body = Body::builder().text(content(&mail.text)).html(content(&mail.html)).build();
    let message = Message::builder().subject(content(&mail.subject)).body(body).build();
    let request = client
        .send_email()
        .from_email_address(from)
        .destination(Destination::builder().to_addresses(mail.to.as_str()).build())
        .content(EmailContent::builder().simple(message).build());
    match request.send().await {
        Ok(_) => Ok(()),
        Err(error) => Err(MailError(error.code().unwrap_or("SES does not answer").to_owned())),
    }
}
