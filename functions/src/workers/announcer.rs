//! `announcer`: tells all active students of a mess something, such as a closure. It goes
//! over them page by page, a page for each message: it puts a mail for each student of the
//! page on the mailer's queue, and after that a message for the next page on its own. So a
//! mess of any size fits into a function's time.
//!
//! A message that comes twice, or whose worker dies half-way, puts mails on the queue again;
//! the mailer sends each once, because it knows what it has sent.

use thali_domain::accounts::identity::AccountStatus;
use thali_domain::meals::closures::has_ended;
use thali_platform::app::App;
use thali_platform::config::Part;
use thali_platform::queue::{QueueName, batches};
use thali_platform::worker::{Consumer, Worked};

use super::messages::{ClosureAnnouncement, ClosureMail, MailMessage};

pub static CONSUMER: Consumer = Consumer {
    name: "announcer",
    parts: &[Part::Queues],
    handle: |app, body| Box::pin(announce(app, body)) as Worked<'_>,
};

/// How many students a message is for. Ten calls put their mails on the queue.
pub const PAGE_STUDENTS: usize = 100;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// The queue took some of the messages only.
#[derive(Debug, thiserror::Error)]
#[error("the queue did not take all messages")]
struct NotTaken;

async fn announce(app: &App, body: &str) -> Result<(), Error> {
    let message: ClosureAnnouncement = serde_json::from_str(body)?;
    if !is_news(app, &message).await? {
        tracing::info!("the closure was taken back, or is over");
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
    // The last step, so that a page is never passed over. Behind the last page there is an
    // empty one, which ends it.
    let after = students.last().map(|student| student.account_id);
    let next = after.map(|_| ClosureAnnouncement { mess_id, closure_id, after });
    send(app, QueueName::Announcements, next.as_slice()).await
}

/// Whether there is still something to be told.
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
