//! `picture-check`: validates every uploaded picture and removes its metadata, such as where it was
//! taken. An upload that is not what its key declares is removed. Only then a profile picture
//! becomes the account's picture, and older ones are removed; the screenshot of a payment stays
//! where it is.
//!
//! Events are delivered at least once and in any order. So the result of every order of events
//! is the same: the newest valid picture, and no older one. If a run dies half-way, the next
//! event of the account completes its work. A picture that is replaced by itself without metadata
//! is an event too; it finds a clean picture and writes nothing.

use aws_lambda_events::s3::{S3Event, S3EventRecord};
use percent_encoding::percent_decode_str;
use thali_domain::accounts::identity::AccountStatus;
use thali_domain::pictures::{PictureKey, ScreenshotKey};
use thali_platform::app::App;
use thali_platform::config::Part;
use thali_platform::pictures::{Cleaning, clean};
use thali_platform::store::{Consistency, Stamp};
use thali_platform::telemetry;
use thali_platform::worker::UploadCheck;

pub static CHECK: UploadCheck = UploadCheck {
    name: "picture-check",
    parts: &[Part::Blobs],
    check: |app, event, request_id| Box::pin(check_all(app, event, request_id)),
};

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Checks the objects of an event. If a check fails, the other objects are still checked, and
/// then the event is delivered again.
pub async fn check_all(app: &App, event: S3Event, request_id: &str) -> Result<(), Error> {
    let mut result = Ok(());
    for key in event.records.iter().filter_map(key_of) {
        let at = app.clock.now();
        let stamp = Stamp { actor: CHECK.name.to_owned(), request_id: request_id.to_owned(), at };
        if let Err(error) = check(app, &key, &stamp).await {
            tracing::error!(cause = telemetry::chain(&*error), "the event will come again");
            result = Err(error);
        }
    }
    result
}

/// The object's key, which is form-encoded in events. `None` for objects that are not pictures.
fn key_of(record: &S3EventRecord) -> Option<String> {
    let encoded = record.s3.object.key.as_ref()?.replace('+', " ");
    let key = percent_decode_str(&encoded).decode_utf8_lossy().into_owned();
    [PictureKey::PREFIX, ScreenshotKey::PREFIX].iter().any(|it| key.starts_with(it)).then_some(key)
}

async fn check(app: &App, object: &str, stamp: &Stamp) -> Result<(), Error> {
    let picture = PictureKey::parse(object).ok();
    let screenshot = ScreenshotKey::parse(object).ok();
    let declared = picture.map(|key| key.format).or(screenshot.map(|key| key.format));
    let Some(declared) = declared else {
        tracing::warn!("an object with a key that this system did not make is removed");
        return Ok(app.blobs().remove(object).await?);
    };
    match clean(app.blobs(), object, declared).await? {
        // Removed by an earlier delivery of the event, or after a newer picture.
        Cleaning::Gone => return Ok(()),
        Cleaning::Refused(refusal) => {
            tracing::warn!(%refusal, "an upload is no picture and is removed");
            return Ok(app.blobs().remove(object).await?);
        }
        Cleaning::Clean { was_clean } => tracing::info!(was_clean, "a picture has no metadata"),
    }
    // A screenshot is not a profile picture: it stays where it is, unless its account was deleted
    // after the upload's address was signed.
    let Some(key) = picture else {
        let Some(ScreenshotKey { account_id, .. }) = screenshot else { return Ok(()) };
        let account = app.store.account_get(account_id, Consistency::Strong).await?;
        if account.is_some_and(|account| account.status == AccountStatus::Deleted) {
            app.blobs().remove(object).await?;
        }
        return Ok(());
    };
    match app.store.picture_put(&key, stamp).await? {
        Some(current) => {
            tracing::info!(newest = current == key, "an upload is a picture");
            remove_older(app, &current).await
        }
        None => Ok(app.blobs().remove(object).await?),
    }
}

/// Removes the account's pictures that are older than the current one. A newer picture is not
/// checked yet, or its event is still to come.
async fn remove_older(app: &App, current: &PictureKey) -> Result<(), Error> {
    let kept = current.to_string();
    for key in app.blobs().list(&PictureKey::prefix_of(current.account_id)).await? {
        if key < kept {
            app.blobs().remove(&key).await?;
        }
    }
    Ok(())
}
