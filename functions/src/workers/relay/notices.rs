//! The notifications for owners that follow from a change. They are derived only from the item's
//! images before and after the change; the notifier adds missing data, such as a student's name.

use thali_domain::accounts::identity::AccountStatus;
use thali_domain::meals::cycles::Cycle;
use thali_domain::money::Paise;
use thali_domain::orders::order::{Order, OrderStatus};
use thali_domain::owner::notifications::{self, News, fell_below_low_stock};
use thali_domain::payments::mismatches::Mismatch;
use thali_domain::staff::plates::Plate;
use thali_domain::tokens::purchases::{Purchase, PurchaseState};
use thali_domain::tokens::redeeming::Submission;
use thali_platform::store::{Account, Images, PurchaseRecord, StockRecord};

/// The news leaves out the student's e-mail address and telephone number.
pub(super) fn student_waiting(images: &Images<Account>) -> Option<News> {
    let account = images.became(|it| it.status)?;
    let Account { account_id, name, roll_no, status, .. } = account.clone();
    (status == AccountStatus::PendingApproval).then_some(News::StudentWaiting {
        account_id,
        name: Some(name),
        roll_no,
    })
}

pub(super) fn account_deleted(images: &Images<Account>) -> Option<News> {
    let Account { account_id, .. } = became_deleted(images)?.clone();
    Some(News::AccountDeleted { account_id })
}

/// The account, if it was deleted with this change.
pub(super) fn became_deleted(images: &Images<Account>) -> Option<&Account> {
    images.became(|it| it.status).filter(|it| it.status == AccountStatus::Deleted)
}

/// The purchase, if it was paid with this change.
pub(super) fn became_captured(images: &Images<PurchaseRecord>) -> Option<&PurchaseRecord> {
    let is_captured = |it: &PurchaseRecord| matches!(it.purchase.state, PurchaseState::Captured(_));
    images.became(is_captured).filter(|it| is_captured(it))
}

pub(super) fn token_bought(images: &Images<PurchaseRecord>) -> Option<News> {
    let Purchase { order_id, account_id, token_count, amount, .. } =
        became_captured(images)?.purchase.clone();
    let (count, amount_paise) = (token_count, amount);
    Some(News::TokenBought { order_id, account_id, name: None, count, amount_paise })
}

/// One update records one mismatch.
pub(super) fn payment_mismatch(images: &Images<PurchaseRecord>) -> Option<News> {
    let before = images.before.as_deref();
    let purchase = &images.after.as_deref()?.purchase;
    let is_new = |id| before.is_none_or(|before| !before.purchase.mismatches.contains_key(id));
    let (_, found) = purchase.mismatches.iter().find(|(id, _)| is_new(*id))?;
    let Mismatch { payment_id, amount, currency, reason, .. } = found.clone();
    Some(News::PaymentMismatch {
        order_id: purchase.order_id.clone(),
        payment_id,
        account_id: purchase.account_id,
        name: None,
        amount_paise: amount,
        currency,
        price_paise: purchase.amount,
        reason,
    })
}

pub(super) fn tokens_submitted(images: &Images<Submission>) -> Option<News> {
    let Submission { submission_id, account_id, token_ids, .. } = images.inserted()?.clone();
    let count = u16::try_from(token_ids.len()).unwrap_or(u16::MAX);
    Some(News::TokensSubmitted { submission_id, account_id, name: None, count })
}

pub(super) fn order_processed(images: &Images<Order>) -> Option<News> {
    let Order { order_id, account_id, total, status, .. } = images.became(|it| it.status)?.clone();
    let is_processed = status == OrderStatus::Processed;
    is_processed.then_some(News::OrderProcessed { order_id, account_id, name: None, count: total })
}

pub(super) fn payment_uploaded(images: &Images<Cycle>) -> Option<News> {
    let Cycle { cycle_id, account_id, name, roll_no, period, amount_paise, .. } =
        images.inserted()?.clone();
    Some(News::PaymentUploaded {
        cycle_id,
        account_id,
        name: Some(name),
        roll_no,
        from: period.from,
        to: period.to,
        amount_paise: Paise::new(amount_paise.get()),
    })
}

pub(super) fn scan_conflict(images: &Images<Plate>) -> Option<News> {
    notifications::scan_conflict(images.before.as_deref(), images.after.as_deref()?)
}

pub(super) fn scan_overridden(images: &Images<Plate>) -> Option<News> {
    notifications::scan_overridden(images.before.as_deref(), images.after.as_deref()?)
}

/// The news that the stock of an item has fallen low. Of a sharded stock, one shard has fallen
/// low: the images do not contain the other shards. Moving portions between shards changes the
/// layout, and is not news.
pub(super) fn stock_low(images: &Images<StockRecord>) -> Option<News> {
    let (before, after) = images.modified()?;
    let fell = before.layout == after.layout && fell_below_low_stock(before.stock, after.stock);
    let StockRecord { sku, name, stock, .. } = after.clone();
    fell.then_some(News::StockLow { sku, name, stock })
}
