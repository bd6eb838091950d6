//! `picture-check`: looks at every uploaded picture. What is not what its key declares is
//! removed. A profile picture becomes the account's, and the older ones are removed; the
//! screenshot of a payment stays where it is.
//!
//! Events come at least once and in any order, so each of them leaves what all of them
//! would leave: the newest good picture, and no older one. A run that dies in between is
//! made good by the next event of the account.

use aws_lambda_events::s3::{S3Event, S3EventRecord};
use percent_encoding::percent_decode_str;
use thali_domain::pictures::{self, HEAD_LENGTH, PictureKey, ScreenshotKey};
use thali_platform::app::App;
use thali_platform::config::Part;
use thali_platform::store::Stamp;
use thali_platform::telemetry;
use thali_platform::worker::UploadCheck;

/// What the bucket invokes.
pub static CHECK: UploadCheck = UploadCheck {
    name: "picture-check",
    parts: &[Part::Blobs],
    check: |app, event, request_id| Box::pin(check_all(app, event, request_id)),
};

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Checks the objects of an event. Where one could not be checked the event comes again,
/// after the others were.
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

/// The object's key, which events carry as a form would. `None` for other objects than
/// pictures.
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
        tracing::warn!("an object with a key that is none of ours is removed");
        return Ok(app.blobs().remove(object).await?);
    };
    let Some(head) = app.blobs().head(object, HEAD_LENGTH).await? else {
        // Removed by an earlier delivery of the event, or after a newer picture.
        return Ok(());
    };
    let judged = pictures::check(declared, head.length, &head.content_type, &head.first_bytes);
    if let Err(refusal) = judged {
        tracing::warn!(%refusal, "an upload is no picture and is removed");
        return Ok(app.blobs().remove(object).await?);
    }
    // A screenshot is nobody's profile picture: it stays where it is.
    let Some(key) = picture else { return Ok(()) };
    match app.store.picture_put(&key, stamp).await? {
        Some(current) => {
            tracing::info!(newest = current == key, "an upload is a picture");
            remove_older(app, &current).await
        }
        None => Ok(app.blobs().remove(object).await?),
    }
}

/// Removes the account's pictures that are older than the one that it has. A newer one is
/// not checked yet, or its event is on its way.
async fn remove_older(app: &App, current: &PictureKey) -> Result<(), Error> {
    let kept = current.to_string();
    for key in app.blobs().list(&PictureKey::prefix_of(current.account_id)).await? {
        if key < kept {
            app.blobs().remove(&key).await?;
        }
    }
    Ok(())
}
