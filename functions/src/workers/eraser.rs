//! Removes what a deleted account has left behind outside the account and the member: pictures, the
//! name in the student's records, cuts that have not begun. `announcer` calls it. Each message is
//! for one step, and the step puts the next one on the same queue.
//!
//! Every step may be repeated without harm. A request that had read the account before the deletion
//! may still write the name somewhere, so everything after the first step waits until no such
//! request can be running.

use jiff::SignedDuration;
use thali_domain::accounts::deletion;
use thali_domain::accounts::identity::AccountStatus;
use thali_domain::days::MealDate;
use thali_domain::ids::NotificationId;
use thali_domain::meals::cycles::Cycle;
use thali_domain::meals::meal_times::Sitting;
use thali_domain::mess::{Meal, Mess};
use thali_domain::pictures::{PictureKey, ScreenshotKey};
use thali_domain::staff::plates::Diner;
use thali_platform::app::App;
use thali_platform::queue::QueueName;
use thali_platform::store::{Account, Consistency, Stamp, StoreError, retry_overtaken};

use super::announcer::{CONSUMER, NotTaken};
use super::messages::{Erasure, ErasureStep, PagedWork};

type Error = Box<dyn std::error::Error + Send + Sync>;

/// How long the second step waits: longer than any function runs that may write the name.
const WAIT: SignedDuration = SignedDuration::from_secs(40);

/// How many notifications one message is for.
pub const PAGE_NOTIFICATIONS: usize = 500;

/// For how many days of plates one message is. Their keys fit into one read.
pub const PAGE_DAYS: i32 = 30;

/// How many cycles are read at a time.
const PAGE_CYCLES: usize = 100;

/// Makes one step, and puts the next one on the queue.
pub async fn erase(app: &App, erasure: Erasure) -> Result<(), Error> {
    let Erasure { mess_id, account_id, step } = &erasure;
    let account = app.store.account_get(*account_id, Consistency::Strong).await?;
    let account = account.filter(|account| account.status == AccountStatus::Deleted);
    let mess = app.store.mess_get(mess_id).await?;
    let (Some(account), Some(mess)) = (account, mess) else {
        tracing::error!("the account to be erased is not deleted, or its mess is gone");
        return Ok(());
    };
    let at = app.clock.now();
    let (actor, request_id) = (CONSUMER.name.to_owned(), CONSUMER.name.to_owned());
    let stamp = Stamp { actor, request_id, at };
    let next = match *step {
        ErasureStep::Records => {
            pictures(app, &account).await?;
            cycles(app, &account, &stamp).await?;
            cuts(app, &account, &mess, &stamp).await?;
            Some(ErasureStep::Notifications { before: None })
        }
        ErasureStep::Notifications { before } => {
            let before = notifications(app, &account, before, &stamp).await?;
            let after =
                ErasureStep::Plates { from: mess.date_at(account.created_at).plus_days(-1) };
            Some(before.map_or(after, |before| ErasureStep::Notifications { before: Some(before) }))
        }
        ErasureStep::Plates { from } => {
            plates(app, &account, from, &stamp).await?;
            let from = from.plus_days(PAGE_DAYS);
            // A meal that ends after midnight belongs to the day before, and no meal to a later
            // day than today.
            (from <= mess.date_at(at)).then_some(ErasureStep::Plates { from })
        }
    };
    let is_first = *step == ErasureStep::Records;
    let Some(step) = next else {
        tracing::info!("a deleted account is erased");
        return Ok(());
    };
    go_on(app, Erasure { step, ..erasure }, is_first).await
}

async fn go_on(app: &App, next: Erasure, waits: bool) -> Result<(), Error> {
    let delay_s = if waits { i32::try_from(WAIT.as_secs())? } else { 0 };
    let next = PagedWork::Erasure(next);
    let taken = app.queues().send_later(QueueName::Announcements, &next, delay_s).await?;
    if taken { Ok(()) } else { Err(NotTaken.into()) }
}

/// Removes the profile pictures and the screenshots. What is uploaded later to an address that was
/// signed before, `picture-check` removes.
async fn pictures(app: &App, account: &Account) -> Result<(), Error> {
    let id = account.account_id;
    for prefix in [PictureKey::prefix_of(id), ScreenshotKey::prefix_of(id)] {
        for key in app.blobs().list(&prefix).await? {
            app.blobs().remove(&key).await?;
        }
    }
    Ok(())
}

async fn cycles(app: &App, account: &Account, stamp: &Stamp) -> Result<(), StoreError> {
    let mut before = None;
    loop {
        let (mess, id) = (&account.mess_id, account.account_id);
        let page = app.store.cycles_of_page(mess, id, None, before, PAGE_CYCLES).await?;
        before = page.last().map(|cycle| cycle.cycle_id);
        let is_named =
            |cycle: &&Cycle| cycle.name != deletion::name_of_deleted() || cycle.roll_no.is_some();
        for cycle in page.iter().filter(is_named) {
            app.store.cycle_erase(cycle, stamp).await?;
        }
        if page.len() < PAGE_CYCLES {
            return Ok(());
        }
    }
}

/// Deletes the cuts that have not begun. The others count in statements.
async fn cuts(app: &App, account: &Account, mess: &Mess, stamp: &Stamp) -> Result<(), StoreError> {
    let today = mess.date_at(stamp.at);
    let cuts = app.store.cuts_of(&mess.mess_id, account.account_id).await?;
    for cut in cuts.iter().filter(|cut| cut.from > today) {
        retry_overtaken(|_| app.store.cut_delete(cut, stamp)).await?;
    }
    Ok(())
}

/// Removes the name from one page of the owners' notifications. Returns where the next page begins.
async fn notifications(
    app: &App,
    account: &Account,
    before: Option<NotificationId>,
    stamp: &Stamp,
) -> Result<Option<NotificationId>, StoreError> {
    let (mess, limit) = (&account.mess_id, PAGE_NOTIFICATIONS);
    let page = app.store.notifications_page(mess, before, false, limit, stamp.at).await?;
    for told in page.items.iter().filter(|told| told.news.names(account.account_id)) {
        app.store.notification_erase(told, stamp).await?;
    }
    Ok(page.next)
}

/// Removes the name from the plates of some days.
async fn plates(
    app: &App,
    account: &Account,
    from: MealDate,
    stamp: &Stamp,
) -> Result<(), StoreError> {
    let dates = (0..PAGE_DAYS).map(|day| from.plus_days(day));
    let sittings: Vec<Sitting> =
        dates.flat_map(|date| Meal::ALL.map(|meal| Sitting { date, meal })).collect();
    let id = account.account_id;
    let is_named = |diner: &Diner| {
        let Diner { name, roll_no, room_no, .. } = diner;
        *name != deletion::name_of_deleted() || roll_no.is_some() || room_no.is_some()
    };
    for plate in app.store.plates_of(&account.mess_id, id, sittings).await? {
        if plate.diner.as_ref().is_some_and(is_named) {
            app.store.plate_erase(&plate, id, stamp).await?;
        }
    }
    Ok(())
}
