//! The messages that follow from a change: mails, refunds, orders, notices and announcements.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use thali_domain::accounts::identity::Email;
use thali_domain::ids::{
    AccountId, MessId, PasswordResetId, RazorpayOrderId, RefundId, RegistrationId,
};
use thali_domain::money::Paise;

use super::change::Change;
use super::notices;
use crate::workers::messages::{
    self, ClosureAnnouncement, MailMessage, Notice, OrderMessage, RefundMessage,
};

/// The parts of a registration that a mail needs.
#[derive(Deserialize)]
struct RegistrationImage {
    registration_id: RegistrationId,
    mess_id: MessId,
    email: Email,
    known: bool,
    resends: u32,
}

/// The parts of a password reset that a mail needs.
#[derive(Deserialize)]
struct ResetImage {
    reset_id: PasswordResetId,
    mess_id: MessId,
    email: Email,
}

/// The parts of an account that a mail needs.
#[derive(Deserialize)]
struct AccountImage {
    account_id: AccountId,
    mess_id: MessId,
}

/// The parts of a purchase that a warning needs.
#[derive(Deserialize)]
struct ExpiringImage {
    order_id: RazorpayOrderId,
    account_id: AccountId,
    mess_id: MessId,
    warned_of: u16,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    expires_at: Timestamp,
}

impl From<ExpiringImage> for messages::Expiring {
    fn from(image: ExpiringImage) -> Self {
        let ExpiringImage { order_id, account_id, mess_id, warned_of, expires_at } = image;
        Self { order_id, account_id, mess_id, token_count: warned_of, expires_at }
    }
}

/// The parts of a refund that a mail needs.
#[derive(Deserialize)]
struct RefundImage {
    refund_id: RefundId,
    order_id: RazorpayOrderId,
    account_id: AccountId,
    requested_by: AccountId,
    mess_id: MessId,
    numbers: BTreeSet<u16>,
    amount_paise: Paise,
}

impl RefundImage {
    fn token_count(&self) -> u16 {
        u16::try_from(self.numbers.len()).unwrap_or(u16::MAX)
    }
}

impl From<RefundImage> for messages::Refunded {
    fn from(image: RefundImage) -> Self {
        let token_count = image.token_count();
        let RefundImage { refund_id, order_id, account_id, mess_id, amount_paise, .. } = image;
        Self { refund_id, order_id, account_id, mess_id, token_count, amount_paise }
    }
}

impl From<RefundImage> for messages::RefundFailed {
    fn from(image: RefundImage) -> Self {
        let token_count = image.token_count();
        let RefundImage { refund_id, order_id, requested_by, mess_id, amount_paise, .. } = image;
        Self { refund_id, order_id, requested_by, mess_id, token_count, amount_paise }
    }
}

impl Change {
    /// The mail that follows from the change, if one does.
    pub(super) fn mail(&self) -> Option<MailMessage> {
        let after = || Value::Object(self.after.clone().unwrap_or_default());
        match self.text("kind")? {
            "registration" => {
                self.became("resends")?;
                let RegistrationImage { registration_id, mess_id, email, known, resends } =
                    self.read(after())?;
                Some(if known {
                    MailMessage::AccountExists { registration_id, resends, email, mess_id }
                } else {
                    MailMessage::OneTimeCode { registration_id, resends, email, mess_id }
                })
            }
            // Where no account has the address, there is nobody to be told.
            "password_reset" if self.after.as_ref()?.contains_key("account_id") => {
                self.became("reset_id")?;
                let ResetImage { reset_id, mess_id, email } = self.read(after())?;
                Some(MailMessage::PasswordReset { reset_id, email, mess_id })
            }
            // Not where the account is made: only what becomes of it is news.
            "account" if self.before.is_some() => {
                if self.became("status").is_some() {
                    return self.read(after()).map(MailMessage::Decision);
                }
                self.became("password_hash")?;
                self.text("email")?;
                let AccountImage { account_id, mess_id } = self.read(after())?;
                Some(MailMessage::PasswordChanged { account_id, mess_id, changed_at: self.at })
            }
            "purchase" if self.became("state").is_some_and(|state| state == "captured") => {
                self.read(after()).map(MailMessage::Receipt)
            }
            "purchase" if self.became("warned_at").is_some() => {
                let image: ExpiringImage = self.read(after())?;
                Some(MailMessage::Expiring(image.into()))
            }
            "refund" => {
                let state = self.became("state")?;
                let image: RefundImage = self.read(after())?;
                match state.as_str()? {
                    "processed" => Some(MailMessage::Refunded(image.into())),
                    "failed" => Some(MailMessage::RefundFailed(image.into())),
                    _ => None,
                }
            }
            "order" => match self.became("status")?.as_str()? {
                "Processed" => self.read(after()).map(MailMessage::OrderProcessed),
                "Failed" => self.read(after()).map(MailMessage::OrderFailed),
                _ => None,
            },
            // Not where it is uploaded: that is news for the owner.
            "cycle" if self.before.is_some() => {
                self.became("status")?;
                self.read(after()).map(MailMessage::CycleDecided)
            }
            _ => None,
        }
    }

    /// The refund that the partner is to be asked for, if the change is a request for one.
    pub(super) fn refund(&self) -> Option<RefundMessage> {
        let requested = self.text("kind")? == "refund" && self.before.is_none();
        requested.then(|| self.read(Value::Object(self.after.clone()?)))?
    }

    /// What the mess's owners are to be told of the change, if anything.
    pub(super) fn notice(&self) -> Option<Notice> {
        let news = notices::news(self)?;
        let mess_id = self.read(self.after.as_ref()?.get("mess_id")?.clone())?;
        Some(Notice { event_id: self.event_id.clone(), mess_id, at: self.at, news })
    }

    /// The order that is to be processed, if the change places one or brings one to mind.
    pub(super) fn order(&self) -> Option<OrderMessage> {
        let placed = self.before.is_none() || self.became("swept_at").is_some();
        let wanted = self.text("kind")? == "order" && placed;
        wanted.then(|| self.read(Value::Object(self.after.clone()?)))?
    }

    /// What all students are to be told, if the change announces a closure.
    pub(super) fn announcement(&self) -> Option<ClosureAnnouncement> {
        let announced = self.text("kind")? == "closure" && self.before.is_none();
        announced.then(|| self.read(Value::Object(self.after.clone()?)))?
    }
}
