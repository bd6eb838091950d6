//! `announcer`: work that is too long for one run, and so goes on page by page. It announces a
//! closure to all active students of a mess, and removes what a deleted account has left behind
//! (`eraser`).
//!
//! Of an announcement, each message is for one page of students: the announcer puts a mail for each
//! student of the page on the mailer's queue, and then a message for the next page on its own
//! queue. So a mess of any size fits into the time limit of a function.
//!
//! A message that is delivered twice, or again after a crash, puts mails on the queue again; the
//! mailer sends each mail only once, because it logs the sent ones.

use thali_domain::accounts::identity::AccountStatus;
use thali_domain::meals::closures::has_ended;
use thali_platform::app::App;
use thali_platform::config::Part;
use thali_platform::queue::{QueueName, batches};
use thali_platform::worker::{Consumer, MessageFuture};

use super::eraser;
use super::messages::{ClosureAnnouncement, ClosureMail, MailMessage, PagedWork};

pub static CONSUMER: Consumer = Consumer {
    name: "announcer",
    parts: &[Part::Queues, Part::Blobs],
    handle: |app, body| Box::pin(work(app, body)) as MessageFuture<'_>,
};

/// How many students a message is for. Ten calls to SQS queue their mails.
pub const PAGE_STUDENTS: usize = 100;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// The queue took only some of the messages.
#[derive(Debug, thiserror::Error)]
#[error("the queue did not take all messages")]
pub(super) struct NotTaken;

async fn work(app: &App, body: &str) -> Result<(), Error> {
    match serde_json::from_str(body)? {
        PagedWork::Closure(announcement) => announce(app, announcement).await,
        PagedWork::Erasure(erasure) => eraser::erase(app, erasure).await,
    }
}

async fn announce(app: &App, message: ClosureAnnouncement) -> Result<(), Error> {
    if !is_news(app, &message).await? {
        tracing::info!("the closure was withdrawn, or is over");
        return Ok(());
    }
    let ClosureAnnouncement { mess_id, closure_id, after } = message;
    let active = AccountStatus::Active;
    let students = app.store.students_page(&mess_id, active, after, PAGE_STUDENTS).await?;
    let mails = students.iter().filter(|student| student.email.is_some()).map(|student| {
        let (mess_id, account_id) = (mess_id.clone(), student.account_id);
        MailMessage::Closure(ClosureMail { closure_id, account_id, mess_id })
    });
    send(app, QueueName::Mail, &mails.collect::<Vec<_>>()).await?;
    // This is the last step, so that no page is skipped. After the last page comes an empty
    // one, which ends the announcement.
    let after = students.last().map(|student| student.account_id);
    let next = after.map(|_| ClosureAnnouncement { mess_id, closure_id, after });
    send(app, QueueName::Announcements, next.as_slice()).await
}

/// Whether the closure still exists and is not over.
async fn is_news(app: &App, message: &ClosureAnnouncement) -> Result<bool, Error> {
    let ClosureAnnouncement { mess_id, closure_id, .. } = message;
    let (mess, closure) = futures_util::try_join!(
        app.store.mess_get(mess_id),
        app.store.closure_get(mess_id, *closure_id)
    )?;
    let (Some(mess), Some(closure)) = (mess, closure) else { return Ok(false) };
    Ok(!has_ended(&mess, &closure.open(), app.clock.now()))
}

async fn send(
    app: &App,
    queue: QueueName,
    messages: &[impl serde::Serialize],
) -> Result<(), Error> {
    for batch in batches(messages, |message| message) {
        let taken = app.queues().send(queue, batch).await?;
        if taken.contains(&false) {
            return Err(NotTaken.into());
        }
    }
    Ok(())
}
