//! What the relay tells the mailer, the refunder, the processor of orders, the notifier and the
//! announcer, and the announcer the mailer. The audit queue carries
//! [`thali_platform::store::AuditRecord`]s.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thali_domain::accounts::identity::{AccountStatus, Email};
use thali_domain::days::MealDate;
use thali_domain::ids::{
    AccountId, ClosureId, CycleId, MessId, OrderId, PasswordResetId, RazorpayOrderId, RefundId,
    RegistrationId,
};
use thali_domain::meals::cycles::CycleStatus;
use thali_domain::money::Paise;
use thali_domain::orders::order::{FailureReason, OrderLine};
use thali_domain::owner::notifications::News;
use thali_domain::reason::Reason;

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
    /// Tokens were given back for money.
    Refunded(Refunded),
    /// Tokens could not be given back for money.
    RefundFailed(RefundFailed),
    /// Tokens that can be redeemed expire soon.
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

/// What a student is told of a refund.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refunded {
    /// The refund.
    pub refund_id: RefundId,
    /// Of which purchase.
    pub order_id: RazorpayOrderId,
    /// Whose tokens.
    pub account_id: AccountId,
    /// Of which mess.
    pub mess_id: MessId,
    /// How many tokens.
    pub token_count: u16,
    /// How much money.
    pub amount_paise: Paise,
}

/// What the owner who asked for a refund is told where it failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundFailed {
    /// The refund.
    pub refund_id: RefundId,
    /// Of which purchase.
    pub order_id: RazorpayOrderId,
    /// The owner.
    pub requested_by: AccountId,
    /// Of which mess.
    pub mess_id: MessId,
    /// How many tokens.
    pub token_count: u16,
    /// How much money.
    pub amount_paise: Paise,
}

/// What a student is told of tokens that expire soon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expiring {
    /// The purchase.
    pub order_id: RazorpayOrderId,
    /// Whose tokens.
    pub account_id: AccountId,
    /// In which mess.
    pub mess_id: MessId,
    /// How many tokens.
    pub token_count: u16,
    /// When, as milliseconds since 1970.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub expires_at: Timestamp,
}

/// What a student is told of an order that was processed or failed. It is all that there is
/// to tell, so that the mail says what was so then, and the mailer need not read orders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndedOrder {
    /// The order.
    pub order_id: OrderId,
    /// Who ordered.
    pub account_id: AccountId,
    /// In which mess.
    pub mess_id: MessId,
    /// What.
    pub lines: Vec<OrderLine>,
    /// What all of it costs.
    pub total_tokens: u16,
}

/// What a student is told of an order that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedOrder {
    /// The order.
    #[serde(flatten)]
    pub order: EndedOrder,
    /// Why it failed.
    pub failure: FailureReason,
}

/// Who is told of a closure. The mailer reads what there is to tell, so that nothing is told
/// of one that was taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClosureMail {
    /// The closure.
    pub closure_id: ClosureId,
    /// The student.
    pub account_id: AccountId,
    /// The mess.
    pub mess_id: MessId,
}

/// A closure of which all students of the mess are to be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClosureAnnouncement {
    /// The mess.
    pub mess_id: MessId,
    /// The closure.
    pub closure_id: ClosureId,
    /// The last student who was told; nobody was yet where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<AccountId>,
}

/// What a student is told of the payment of a cycle that was verified or rejected. It is all
/// that there is to tell, and a cycle is decided once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecidedCycle {
    /// The cycle.
    pub cycle_id: CycleId,
    /// Whose.
    pub account_id: AccountId,
    /// Of which mess.
    pub mess_id: MessId,
    /// Its first day.
    pub from: MealDate,
    /// Its last day.
    pub to: MealDate,
    /// What was paid.
    pub amount_paise: Paise,
    /// What was decided.
    pub status: CycleStatus,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// A refund that the partner is to be asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundMessage {
    /// Whose tokens.
    pub account_id: AccountId,
    /// The refund.
    pub refund_id: RefundId,
}

/// An order that is to be processed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderMessage {
    /// In which mess.
    pub mess_id: MessId,
    /// The order.
    pub order_id: OrderId,
}

/// What the owners of a mess are to find in their list of notifications.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// The stream's id of the change that it follows from.
    pub event_id: String,
    /// Which mess.
    pub mess_id: MessId,
    /// When it happened.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub at: Timestamp,
    /// What happened, as far as the change says it.
    pub news: News,
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
            | Self::PasswordChanged { mess_id, .. } => mess_id,
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
