//! The messages that follow from a change: mails, refunds, orders, notices and announcements.

use jiff::Timestamp;
use thali_domain::meals::cycles::Cycle;
use thali_domain::money::Paise;
use thali_domain::orders::order::{Order, OrderStatus};
use thali_domain::owner::notifications::News;
use thali_domain::payments::refunds::{Refund, RefundState};
use thali_domain::payments::settlement::CURRENCY;
use thali_domain::tokens::purchases::{Purchase, PurchaseState};
use thali_platform::store::{
    Account, Change, Changed, ClosureRecord, EmailChange, Images, PasswordReset, PurchaseRecord,
    Registration, StoredRegistration,
};

use super::notices;
use crate::workers::messages::{
    ClosureAnnouncement, DecidedCycle, Decision, EndedOrder, Erasure, Expiring, FailedOrder,
    MailMessage, Notice, OrderMessage, PagedWork, Receipt, RefundFailed, RefundMessage, Refunded,
};

/// The messages that follow from a change.
#[derive(Default)]
pub(super) struct FollowUps {
    pub(super) mail: Option<MailMessage>,
    pub(super) refund: Option<RefundMessage>,
    pub(super) order: Option<OrderMessage>,
    pub(super) notice: Option<Notice>,
    pub(super) announcement: Option<PagedWork>,
}

impl From<&Change> for FollowUps {
    fn from(change: &Change) -> Self {
        let none = Self::default();
        let notice = |news: Option<News>| {
            let (event_id, mess_id) = (change.event_id.clone(), change.mess_id.clone()?);
            Some(Notice { event_id, mess_id, at: change.at, news: news? })
        };
        let Some(of) = &change.of else { return none };
        match of {
            Changed::Account(account) => {
                let deleted = notices::account_deleted(account);
                let notice = notice(deleted.or_else(|| notices::student_waiting(account)));
                let erasure = notices::became_deleted(account).map(Erasure::begin);
                let announcement = erasure.map(PagedWork::Erasure);
                Self { mail: account_mail(account, change.at), notice, announcement, ..none }
            }
            Changed::Registration(registration) => Self { mail: code_mail(registration), ..none },
            Changed::PasswordReset(reset) => Self { mail: reset_mail(reset), ..none },
            Changed::EmailChange(asked) => Self { mail: email_change_mail(asked), ..none },
            Changed::Purchase(purchase) => {
                let mismatch = notices::payment_mismatch(purchase);
                let notice = notice(mismatch.or_else(|| notices::token_bought(purchase)));
                Self { mail: purchase_mail(purchase), notice, ..none }
            }
            Changed::Submission(submission) => {
                Self { notice: notice(notices::tokens_submitted(submission)), ..none }
            }
            Changed::Refund(refund) => {
                let request = refund.inserted().map(Into::into);
                Self { mail: refund_mail(refund), refund: request, ..none }
            }
            Changed::Order(order) => Self {
                mail: order_mail(order),
                order: order_to_process(order),
                notice: notice(notices::order_processed(order)),
                ..none
            },
            Changed::Cycle(cycle) => {
                let notice = notice(notices::payment_uploaded(cycle));
                Self { mail: cycle_mail(cycle), notice, ..none }
            }
            Changed::Closure(closure) => {
                let announcement = closure.inserted().map(Into::into).map(PagedWork::Closure);
                Self { announcement, ..none }
            }
            Changed::Plate(plate) => {
                let conflict = notices::scan_conflict(plate);
                let notice = notice(conflict.or_else(|| notices::scan_overridden(plate)));
                Self { notice, ..none }
            }
            Changed::MenuItem(stock) | Changed::Stock(stock) => {
                Self { notice: notice(notices::stock_low(stock)), ..none }
            }
            Changed::Guard(_)
            | Changed::Session(_)
            | Changed::NewestRegistration(_)
            | Changed::Invite(_)
            | Changed::LoginFailures(_)
            | Changed::StaffToken(_)
            | Changed::Mess(_)
            | Changed::Member(_)
            | Changed::Cut(_)
            | Changed::Stray(_)
            | Changed::Lookup(_)
            | Changed::Notification(_)
            | Changed::Idempotency(_) => none,
        }
    }
}

/// One mail for each request for a code.
fn code_mail(registration: &Images<StoredRegistration>) -> Option<MailMessage> {
    let registration = registration.became(StoredRegistration::resends)?.pending()?;
    let Registration { registration_id, mess_id, email, known, resends, .. } = registration.clone();
    Some(if known {
        MailMessage::AccountExists { registration_id, resends, email, mess_id }
    } else {
        MailMessage::OneTimeCode { registration_id, resends, email, mess_id }
    })
}

/// There is no mail if no account has the address.
fn reset_mail(reset: &Images<PasswordReset>) -> Option<MailMessage> {
    let reset = reset.became(|it| it.reset_id)?;
    reset.account_id?;
    let PasswordReset { reset_id, mess_id, email, .. } = reset.clone();
    Some(MailMessage::PasswordReset { reset_id, email, mess_id })
}

fn email_change_mail(change: &Images<EmailChange>) -> Option<MailMessage> {
    let EmailChange { change_id, account_id, mess_id, email, known, .. } =
        change.became(|it| it.change_id)?.clone();
    Some(if known {
        MailMessage::EmailKnown { change_id, account_id, email, mess_id }
    } else {
        MailMessage::EmailChange { change_id, account_id, email, mess_id }
    })
}

/// There is no mail when the account is created, only when it changes later. A deleted account has
/// no address any more, so the mail about the deletion goes to the one before.
fn account_mail(account: &Images<Account>, at: Timestamp) -> Option<MailMessage> {
    let (before, after) = account.modified()?;
    let Account { account_id, mess_id, status, decided_at, decision_reason, .. } = after.clone();
    if let Some(deleted) = notices::became_deleted(account) {
        let Account { account_id, mess_id, .. } = deleted.clone();
        let email = before.email.clone()?;
        return Some(MailMessage::AccountDeleted { account_id, mess_id, email, deleted_at: at });
    }
    if before.status != status {
        let decided_at = decided_at.unwrap_or(at);
        let decision = Decision { account_id, mess_id, status, decided_at, decision_reason };
        return Some(MailMessage::Decision(decision));
    }
    if let Some(email) = before.email.clone().filter(|_| before.email != after.email) {
        return Some(MailMessage::EmailChanged { account_id, mess_id, email, changed_at: at });
    }
    let told = before.password_hash != after.password_hash && after.email.is_some();
    told.then_some(MailMessage::PasswordChanged { account_id, mess_id, changed_at: at })
}

fn purchase_mail(images: &Images<PurchaseRecord>) -> Option<MailMessage> {
    if let Some(PurchaseRecord { purchase, .. }) = notices::became_captured(images) {
        let Purchase { order_id, account_id, mess_id, token_count, amount, state, .. } =
            purchase.clone();
        let PurchaseState::Captured(lot) = state else { return None };
        return Some(MailMessage::Receipt(Receipt {
            order_id,
            account_id,
            mess_id,
            token_count,
            amount_paise: amount,
            expires_at: lot.expires_at,
        }));
    }
    let PurchaseRecord { purchase, warned_of } = images.became(|it| it.warned_of)?;
    let PurchaseState::Captured(lot) = &purchase.state else { return None };
    Some(MailMessage::Expiring(Expiring {
        order_id: purchase.order_id.clone(),
        account_id: purchase.account_id,
        mess_id: purchase.mess_id.clone(),
        token_count: (*warned_of)?,
        expires_at: lot.expires_at,
    }))
}

fn refund_mail(images: &Images<Refund>) -> Option<MailMessage> {
    let refund = images.became(|it| std::mem::discriminant(&it.state))?;
    let Refund { refund_id, order_id, account_id, mess_id, requested_by, .. } = refund.clone();
    let token_count = u16::try_from(refund.numbers.len()).unwrap_or(u16::MAX);
    let amount_paise = refund.amount;
    let currency = Some(refund.currency.clone()).filter(|currency| currency != CURRENCY);
    match refund.state {
        RefundState::Pending => None,
        RefundState::Processed(_) => Some(MailMessage::Refunded(Refunded {
            refund_id,
            order_id,
            account_id,
            mess_id,
            token_count,
            amount_paise,
            currency,
        })),
        RefundState::Failed(..) => Some(MailMessage::RefundFailed(RefundFailed {
            refund_id,
            order_id,
            requested_by,
            mess_id,
            token_count,
            amount_paise,
            currency,
        })),
    }
}

impl From<&Refund> for RefundMessage {
    fn from(refund: &Refund) -> Self {
        Self { account_id: refund.account_id, refund_id: refund.refund_id }
    }
}

fn order_mail(images: &Images<Order>) -> Option<MailMessage> {
    let order = images.became(|it| it.status)?;
    match order.status {
        OrderStatus::Processed => Some(MailMessage::OrderProcessed(order.into())),
        OrderStatus::Failed => {
            let failure = order.failure?;
            Some(MailMessage::OrderFailed(FailedOrder { order: order.into(), failure }))
        }
        OrderStatus::Pending | OrderStatus::Collected | OrderStatus::Cancelled => None,
    }
}

impl From<&Order> for EndedOrder {
    fn from(order: &Order) -> Self {
        let Order { order_id, account_id, mess_id, lines, total, .. } = order.clone();
        Self { order_id, account_id, mess_id, lines, total_tokens: total }
    }
}

/// The order, if this change placed it or marked it as overdue.
fn order_to_process(images: &Images<Order>) -> Option<OrderMessage> {
    let swept = images.became(|it| it.swept_at).filter(|it| it.swept_at.is_some());
    let order = images.inserted().or(swept)?;
    Some(OrderMessage { mess_id: order.mess_id.clone(), order_id: order.order_id })
}

/// There is no mail when the payment is uploaded; the owners get a notification then.
fn cycle_mail(images: &Images<Cycle>) -> Option<MailMessage> {
    let (before, after) = images.modified()?;
    if before.status == after.status {
        return None;
    }
    let Cycle { cycle_id, account_id, mess_id, period, amount_paise, status, reason, .. } =
        after.clone();
    Some(MailMessage::CycleDecided(DecidedCycle {
        cycle_id,
        account_id,
        mess_id,
        from: period.from,
        to: period.to,
        amount_paise: Paise::new(amount_paise.get()),
        status,
        reason,
    }))
}

impl From<&ClosureRecord> for ClosureAnnouncement {
    fn from(closure: &ClosureRecord) -> Self {
        let ClosureRecord { mess_id, closure_id, .. } = closure.clone();
        Self { mess_id, closure_id, after: None }
    }
}
