//! The messages from the relay to the mailer, the refunder, the order processor, the notifier
//! and the announcer, and from the announcer to the mailer. The audit queue carries
//! [`thali_platform::store::AuditRecord`]s.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thali_domain::accounts::identity::{AccountStatus, Email};
use thali_domain::days::MealDate;
use thali_domain::ids::{
    AccountId, ClosureId, CycleId, EmailChangeId, MessId, NotificationId, OrderId, PasswordResetId,
    RazorpayOrderId, RefundId, RegistrationId,
};
use thali_domain::meals::cycles::CycleStatus;
use thali_domain::money::Paise;
use thali_domain::orders::order::{FailureReason, OrderLine};
use thali_domain::owner::notifications::News;
use thali_domain::reason::Reason;
use thali_platform::store::Account;

/// A mail that is to be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "mail", rename_all = "snake_case")]
pub enum MailMessage {
    /// The one-time code of a registration. The code is not in the message; the mailer
    /// derives it.
    OneTimeCode {
        registration_id: RegistrationId,
        /// How often another code was requested.
        resends: u32,
        email: Email,
        mess_id: MessId,
    },
    /// Somebody signs up with the address of an existing account.
    AccountExists {
        registration_id: RegistrationId,
        /// How often another code was requested.
        resends: u32,
        email: Email,
        mess_id: MessId,
    },
    /// The one-time code of a password reset. The code is not in the message; the mailer
    /// derives it.
    PasswordReset { reset_id: PasswordResetId, email: Email, mess_id: MessId },
    /// The password of an account was changed.
    PasswordChanged {
        account_id: AccountId,
        mess_id: MessId,
        /// In milliseconds since 1970.
        #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
        changed_at: Timestamp,
    },
    /// The one-time code of a change of an account's e-mail address. The code is not in the
    /// message; the mailer derives it.
    EmailChange { change_id: EmailChangeId, account_id: AccountId, email: Email, mess_id: MessId },
    /// Somebody wants to give another account the address of an existing account.
    EmailKnown { change_id: EmailChangeId, account_id: AccountId, email: Email, mess_id: MessId },
    /// The e-mail address of an account was changed.
    EmailChanged {
        account_id: AccountId,
        mess_id: MessId,
        /// The address before the change.
        email: Email,
        /// In milliseconds since 1970.
        #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
        changed_at: Timestamp,
    },
    /// A student has deleted the account.
    AccountDeleted {
        account_id: AccountId,
        mess_id: MessId,
        /// The address before the deletion.
        email: Email,
        /// In milliseconds since 1970.
        #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
        deleted_at: Timestamp,
    },
    /// An owner has decided about a student.
    Decision(Decision),
    /// Tokens were bought.
    Receipt(Receipt),
    /// Tokens were refunded.
    Refunded(Refunded),
    /// A refund failed.
    RefundFailed(RefundFailed),
    /// Tokens that can still be redeemed expire soon.
    Expiring(Expiring),
    /// An order was paid with tokens and can be collected.
    OrderProcessed(EndedOrder),
    /// An order failed.
    OrderFailed(FailedOrder),
    /// The mess is closed.
    Closure(ClosureMail),
    /// An owner has verified or rejected the payment of a cycle.
    CycleDecided(DecidedCycle),
}

/// An owner's decision about a student.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    pub account_id: AccountId,
    pub mess_id: MessId,
    /// The status that the owner decided.
    pub status: AccountStatus,
    /// In milliseconds since 1970.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub decided_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision_reason: Option<Reason>,
}

/// The receipt of a purchase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Razorpay's order, the id of the purchase.
    pub order_id: RazorpayOrderId,
    pub account_id: AccountId,
    pub mess_id: MessId,
    pub token_count: u16,
    pub amount_paise: Paise,
    /// When the tokens expire, in milliseconds since 1970.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub expires_at: Timestamp,
}

/// A refund that was paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refunded {
    pub refund_id: RefundId,
    /// The id of the purchase.
    pub order_id: RazorpayOrderId,
    pub account_id: AccountId,
    pub mess_id: MessId,
    /// 0 if a payment that paid for no tokens was refunded.
    pub token_count: u16,
    pub amount_paise: Paise,
    /// The currency, if it is not the rupee.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
}

/// A refund that failed, for the owner who requested it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundFailed {
    pub refund_id: RefundId,
    /// The id of the purchase.
    pub order_id: RazorpayOrderId,
    /// The owner who requested the refund.
    pub requested_by: AccountId,
    pub mess_id: MessId,
    /// 0 if a payment that paid for no tokens was refunded.
    pub token_count: u16,
    pub amount_paise: Paise,
    /// The currency, if it is not the rupee.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
}

/// Tokens of a purchase that expire soon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expiring {
    /// The id of the purchase.
    pub order_id: RazorpayOrderId,
    pub account_id: AccountId,
    pub mess_id: MessId,
    pub token_count: u16,
    /// In milliseconds since 1970.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub expires_at: Timestamp,
}

/// An order that was processed or has failed. The message contains everything that the mail
/// says, so that the mail shows the order at that moment, and the mailer does not read orders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndedOrder {
    pub order_id: OrderId,
    pub account_id: AccountId,
    pub mess_id: MessId,
    pub lines: Vec<OrderLine>,
    pub total_tokens: u16,
}

/// An order that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedOrder {
    #[serde(flatten)]
    pub order: EndedOrder,
    pub failure: FailureReason,
}

/// A closure, and a student who gets a mail about it. The mailer reads the closure itself, so
/// that no mail is sent about a deleted closure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClosureMail {
    pub closure_id: ClosureId,
    pub account_id: AccountId,
    pub mess_id: MessId,
}

/// A closure that is to be announced to all students of the mess.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClosureAnnouncement {
    pub mess_id: MessId,
    pub closure_id: ClosureId,
    /// The last student of the previous page; absent for the first page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<AccountId>,
}

/// Work of the announcer, which goes on page by page. The fields of a message say which it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PagedWork {
    Closure(ClosureAnnouncement),
    Erasure(Erasure),
}

/// The removal of what a deleted account has left behind elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erasure {
    pub mess_id: MessId,
    pub account_id: AccountId,
    pub step: ErasureStep,
}

/// What is removed next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErasureStep {
    /// Pictures, and what is in the student's own records.
    Records,
    /// The name in the owners' notifications that are older than `before`.
    Notifications { before: Option<NotificationId> },
    /// The name in the student's plates, from this day on.
    Plates { from: MealDate },
}

impl Erasure {
    #[must_use]
    pub fn begin(deleted: &Account) -> Self {
        let Account { account_id, mess_id, .. } = deleted.clone();
        Self { mess_id, account_id, step: ErasureStep::Records }
    }
}

/// The payment of a cycle that was verified or rejected. The message contains everything that
/// the mail says, because a cycle is decided only once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecidedCycle {
    pub cycle_id: CycleId,
    pub account_id: AccountId,
    pub mess_id: MessId,
    /// The first day of the cycle.
    pub from: MealDate,
    /// The last day of the cycle.
    pub to: MealDate,
    pub amount_paise: Paise,
    pub status: CycleStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// A refund that is to be requested from Razorpay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundMessage {
    pub account_id: AccountId,
    pub refund_id: RefundId,
}

/// An order that is to be processed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderMessage {
    pub mess_id: MessId,
    pub order_id: OrderId,
}

/// A notification for the owners of a mess.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// The stream's id of the change that caused the notification.
    pub event_id: String,
    pub mess_id: MessId,
    /// When the change happened, in milliseconds since 1970.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub at: Timestamp,
    /// What happened, as far as the change contains it.
    pub news: News,
}

impl MailMessage {
    /// The mail's id: equal in all messages for the same mail.
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
            Self::EmailChange { change_id, .. } | Self::EmailKnown { change_id, .. } => {
                format!("email_change#{change_id}")
            }
            Self::EmailChanged { account_id, changed_at, .. } => {
                format!("email_changed#{account_id}#{}", changed_at.as_millisecond())
            }
            Self::AccountDeleted { account_id, .. } => format!("account_deleted#{account_id}"),
            // With the status, so that two decisions in the same millisecond are two mails.
            Self::Decision(Decision { account_id, status, decided_at, .. }) => {
                let (at_ms, status) = (decided_at.as_millisecond(), status.as_str());
                format!("decision#{account_id}#{at_ms}#{status}")
            }
            Self::Receipt(receipt) => format!("receipt#{}", receipt.order_id),
            Self::Refunded(refunded) => format!("refund#{}", refunded.refund_id),
            Self::RefundFailed(failed) => format!("refund_failed#{}", failed.refund_id),
            Self::Expiring(expiring) => format!("expiring#{}", expiring.order_id),
            Self::OrderProcessed(order) => format!("order_processed#{}", order.order_id),
            Self::OrderFailed(failed) => format!("order_failed#{}", failed.order.order_id),
            Self::Closure(ClosureMail { closure_id, account_id, .. }) => {
                format!("closure#{closure_id}#{account_id}")
            }
            Self::CycleDecided(decided) => format!("cycle_decided#{}", decided.cycle_id),
        }
    }

    /// The mess in whose name the mail is sent.
    #[must_use]
    pub const fn mess_id(&self) -> &MessId {
        match self {
            Self::OneTimeCode { mess_id, .. }
            | Self::AccountExists { mess_id, .. }
            | Self::PasswordReset { mess_id, .. }
            | Self::PasswordChanged { mess_id, .. }
            | Self::EmailChange { mess_id, .. }
            | Self::EmailKnown { mess_id, .. }
            | Self::EmailChanged { mess_id, .. }
            | Self::AccountDeleted { mess_id, .. } => mess_id,
            Self::Decision(decision) => &decision.mess_id,
            Self::Receipt(receipt) => &receipt.mess_id,
            Self::Refunded(refunded) => &refunded.mess_id,
            Self::RefundFailed(failed) => &failed.mess_id,
            Self::Expiring(expiring) => &expiring.mess_id,
            Self::OrderProcessed(order) => &order.mess_id,
            Self::OrderFailed(failed) => &failed.order.mess_id,
            Self::Closure(closure) => &closure.mess_id,
            Self::CycleDecided(decided) => &decided.mess_id,
        }
    }
}
