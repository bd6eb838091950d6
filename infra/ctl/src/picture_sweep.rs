//! All uploaded pictures, each rid of its metadata: for those that were uploaded before
//! `picture-check` did so. It can be run at any time and as often as you like: a clean picture is
//! read and not written.

use thali_domain::pictures::{PictureFormat, PictureKey, ScreenshotKey};
use thali_platform::blobs::{BlobError, Blobs};
use thali_platform::pictures::{Cleaning, Picture, clean, inspect};

/// How many pictures were, or would be, what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Pictures whose metadata is removed.
    pub cleaned: usize,
    /// Pictures without metadata.
    pub clean: usize,
    /// Objects that are no pictures, which are left alone.
    pub no_pictures: usize,
}

/// Where a sweep ended too early.
#[derive(Debug, thiserror::Error)]
#[error("stopped at {key}; {cleaned} pictures were cleaned before it; go on with --from {key}")]
pub struct Stopped {
    key: String,
    cleaned: usize,
    source: BlobError,
}

/// The keys of all pictures from `from` on, in the order in which they are cleaned.
pub async fn keys(blobs: &Blobs, from: Option<&str>) -> Result<Vec<String>, BlobError> {
    let mut keys = blobs.list(PictureKey::PREFIX).await?;
    keys.extend(blobs.list(ScreenshotKey::PREFIX).await?);
    keys.retain(|key| from.is_none_or(|from| key.as_str() >= from));
    Ok(keys)
}

/// Cleans these pictures, or says what would be cleaned. `passed` is called after each.
pub async fn sweep(
    blobs: &Blobs,
    keys: &[String],
    dry_run: bool,
    mut passed: impl FnMut(),
) -> Result<Tally, Stopped> {
    let mut tally = Tally::default();
    for key in keys {
        let cleaning = clean_one(blobs, key, dry_run).await.map_err(|source| {
            let cleaned = if dry_run { 0 } else { tally.cleaned };
            Stopped { key: key.clone(), cleaned, source }
        })?;
        match cleaning {
            Cleaning::Gone => {}
            Cleaning::Refused(_) => tally.no_pictures += 1,
            Cleaning::Clean { was_clean: true } => tally.clean += 1,
            Cleaning::Clean { was_clean: false } => tally.cleaned += 1,
        }
        passed();
    }
    Ok(tally)
}

async fn clean_one(blobs: &Blobs, key: &str, dry_run: bool) -> Result<Cleaning, BlobError> {
    let Some(format) = declared(key) else { return Ok(Cleaning::Gone) };
    if !dry_run {
        return clean(blobs, key, format).await;
    }
    Ok(match inspect(blobs, key, format).await? {
        Picture::Gone => Cleaning::Gone,
        Picture::Refused(refusal) => Cleaning::Refused(refusal),
        Picture::Clean => Cleaning::Clean { was_clean: true },
        Picture::Dirty { .. } => Cleaning::Clean { was_clean: false },
    })
}

/// The format that a key declares; nothing for a key that nobody was given.
fn declared(key: &str) -> Option<PictureFormat> {
    let picture = PictureKey::parse(key).map(|key| key.format);
    picture.or_else(|_| ScreenshotKey::parse(key).map(|key| key.format)).ok()
}
