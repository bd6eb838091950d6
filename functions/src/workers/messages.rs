//! What the relay tells the mailer. The audit queue carries
//! [`thali_platform::store::AuditRecord`]s.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thali_domain::identity::{AccountStatus, Email};
use thali_domain::ids::{AccountId, MessId, PasswordResetId, RazorpayOrderId, RegistrationId};
use thali_domain::membership::Reason;
use thali_domain::money::Paise;

/// A mail that is to be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "mail", rename_all = "snake_case")]
pub enum MailMessage {
    /// The one-time code of a registration. The code is not in the message; the mailer
    /// derives it.
    OneTimeCode {
        /// The registration.
        registration_id: RegistrationId,
        /// How often the code was asked for again.
        resends: u32,
        /// To whom.
        email: Email,
        /// The mess to be joined.
        mess_id: MessId,
    },
    /// Somebody signs up with an address that an account has.
    AccountExists {
        /// The registration.
        registration_id: RegistrationId,
        /// How often the code was asked for again.
        resends: u32,
        /// To whom.
        email: Email,
        /// The mess of the account.
        mess_id: MessId,
    },
    /// The one-time code of a password reset. The code is not in the message; the mailer
    /// derives it.
    PasswordReset {
        /// The reset.
        reset_id: PasswordResetId,
        /// To whom.
        email: Email,
        /// The mess of the account.
        mess_id: MessId,
    },
    /// An account has another password.
    PasswordChanged {
        /// The account.
        account_id: AccountId,
        /// Its mess.
        mess_id: MessId,
        /// When it was changed, as milliseconds since 1970.
        #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
        changed_at: Timestamp,
    },
    /// An owner has decided about a student.
    Decision(Decision),
    /// Tokens were bought.
    Receipt(Receipt),
}

/// What a student is told of an owner's decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The student.
    pub account_id: AccountId,
    /// In which mess.
    pub mess_id: MessId,
    /// What was decided.
    pub status: AccountStatus,
    /// When, as milliseconds since 1970.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub decided_at: Timestamp,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision_reason: Option<Reason>,
}

/// What a receipt tells of a purchase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The purchase.
    pub order_id: RazorpayOrderId,
    /// Who bought.
    pub account_id: AccountId,
    /// In which mess.
    pub mess_id: MessId,
    /// How many tokens.
    pub token_count: u16,
    /// What they cost.
    pub amount_paise: Paise,
    /// Until when they are good, as milliseconds since 1970.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub expires_at: Timestamp,
}

impl MailMessage {
    /// The mail's id: the same for the same mail, however often it is asked for.
    #[must_use]
    pub fn id(&self) -> String {
        match self {
            Self::OneTimeCode { registration_id, resends, .. }
            | Self::AccountExists { registration_id, resends, .. } => {
                format!("registration#{registration_id}#{resends}")
            }
            Self::PasswordReset { reset_id, .. } => format!("reset#{reset_id}"),
            Self::PasswordChanged { account_id, changed_at, .. } => {
                format!("password_changed#{account_id}#{}", changed_at.as_millisecond())
            }
            // With the status, so that of two decisions at one moment the second is told too.
            Self::Decision(Decision { account_id, status, decided_at, .. }) => {
                let (at_ms, status) = (decided_at.as_millisecond(), status.as_str());
                format!("decision#{account_id}#{at_ms}#{status}")
            }
            Self::Receipt(receipt) => format!("receipt#{}", receipt.order_id),
        }
    }

    /// The mess in whose name the mail is sent.
    #[must_use]
    pub const fn mess_id(&self) -> &MessId {
        match self {
            Self::OneTimeCode { mess_id, .. }
            | Self::AccountExists { mess_id, .. }
            | Self::PasswordReset { mess_id, .. }
            | Self::PasswordChanged { mess_id, .. } => mess_id,
            Self::Decision(decision) => &decision.mess_id,
            Self::Receipt(receipt) => &receipt.mess_id,
        }
    }
}
