//! `notifier`: adds notifications to the list of a mess's owners. The id of a notification is
//! derived from the change that caused it. So a message that is delivered twice, or again after
//! a crash, makes only one notification, and a notification that was read stays read.

use jiff::SignedDuration;
use thali_domain::accounts::identity::{AccountStatus, Name};
use thali_domain::ids::{AccountId, NotificationId};
use thali_domain::owner::notifications::{News, Notification};
use thali_platform::app::App;
use thali_platform::store::{Consistency, Stamp, StoreError};
use thali_platform::worker::{Consumer, MessageFuture};

use super::messages::Notice;

pub static CONSUMER: Consumer = Consumer {
    name: "notifier",
    parts: &[],
    handle: |app, body| Box::pin(notify(app, body)) as MessageFuture<'_>,
};

async fn notify(app: &App, body: &str) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let notice: Notice = serde_json::from_str(body)?;
    let Some(news) = complete_news(app, &notice).await? else {
        tracing::info!("the subject of the news was deleted");
        return Ok(());
    };
    let Notice { event_id, mess_id, at, .. } = notice;
    let stamp = Stamp {
        actor: CONSUMER.name.to_owned(),
        request_id: event_id.clone(),
        at: app.clock.now(),
    };
    let news = if stamp.at.duration_since(at) < LATE { news } else { unnamed(app, news).await? };
    let notification_id = NotificationId::of_change(&event_id, at);
    let notification = Notification { notification_id, mess_id, at, read_at: None, news };
    Ok(app.store.notification_put(&notification, &stamp).await?)
}

/// The news, with the data that the change did not contain; `None` if its subject was deleted.
async fn complete_news(app: &App, notice: &Notice) -> Result<Option<News>, StoreError> {
    let mut news = notice.news.clone();
    match &mut news {
        News::TokenBought { name: name @ None, account_id, order_id, count, amount_paise } => {
            let account = app.store.account_get(*account_id, Consistency::Eventual).await?;
            if account.as_ref().is_some_and(|it| it.status == AccountStatus::Deleted) {
                return Ok(Some(News::PaidAfterDeletion {
                    order_id: order_id.clone(),
                    account_id: *account_id,
                    count: *count,
                    amount_paise: *amount_paise,
                }));
            }
            *name = account.map(|account| account.name);
        }
        News::PaymentMismatch { name, account_id, .. }
        | News::TokensSubmitted { name, account_id, .. }
        | News::OrderProcessed { name, account_id, .. }
        | News::PaymentUploaded { name, account_id, .. }
            if name.is_none() =>
        {
            *name = name_of(app, *account_id).await?;
        }
        News::ScanOverridden { by, by_name, .. } if by_name.is_none() => {
            // A staff token has the name of its device, which the scan has too.
            if let Ok(account) = by.parse() {
                *by_name = name_of(app, account).await?;
            }
        }
        // Of a sharded stock, the change contains only one shard.
        News::StockLow { name, sku, stock } if name.is_none() => {
            let Some(item) = app.store.item_get(&notice.mess_id, sku).await? else {
                return Ok(None);
            };
            *stock = item.stock();
            *name = Some(item.name);
        }
        _ => {}
    }
    Ok(Some(news))
}

/// How late a notice may be that is taken as it is. After a deletion the notifications of the
/// student lose the name, but not those that come even later.
const LATE: SignedDuration = SignedDuration::from_secs(30);

/// The news without the name of a student who has deleted the account.
async fn unnamed(app: &App, news: News) -> Result<News, StoreError> {
    let Some(student) = news.named_student() else { return Ok(news) };
    let account = app.store.account_get(student, Consistency::Strong).await?;
    let is_deleted = account.is_some_and(|it| it.status == AccountStatus::Deleted);
    Ok(if is_deleted { news.without_names() } else { news })
}

async fn name_of(app: &App, account: AccountId) -> Result<Option<Name>, StoreError> {
    let account = app.store.account_get(account, Consistency::Eventual).await?;
    Ok(account.map(|account| account.name))
}
