//! Uploaded pictures in the storage: validated, and rid of their metadata where they lie. Whoever is
//! about to show a picture calls [`clean`] before; which metadata is removed is for
//! [`thali_domain::pictures`] to say.

use thali_domain::pictures::{LENGTH_MAX, PictureFormat, PictureRefusal, cleaned};

use crate::blobs::{BlobError, Blobs, Object};

/// How often a picture is read again that somebody else has replaced.
const TRIES_MAX: usize = 3;

/// What an object is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Picture {
    /// There is no object, or no longer.
    Gone,
    /// It is no picture of the declared format. It is left where it is.
    Refused(PictureRefusal),
    /// It is a picture without metadata.
    Clean,
    /// It is a picture with metadata.
    Dirty {
        /// As it was read.
        read: Object,
        /// The same picture without metadata.
        clean: Vec<u8>,
    },
}

/// What became of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cleaning {
    /// There is no object, or no longer.
    Gone,
    /// It is no picture of the declared format. It is left where it is.
    Refused(PictureRefusal),
    /// It is a picture without metadata.
    Clean {
        /// Whether it was one before.
        was_clean: bool,
    },
}

/// Reads an object and says what it is.
pub async fn inspect(
    blobs: &Blobs,
    key: &str,
    declared: PictureFormat,
) -> Result<Picture, BlobError> {
    let Some(read) = blobs.read(key, LENGTH_MAX).await? else { return Ok(Picture::Gone) };
    Ok(match cleaned(declared, read.length, &read.content_type, &read.bytes) {
        Err(refusal) => Picture::Refused(refusal),
        Ok(None) => Picture::Clean,
        Ok(Some(clean)) => Picture::Dirty { read, clean },
    })
}

/// Validates an object and replaces it by the same picture without metadata, unless it has none.
///
/// Several may do this at the same time: the object is replaced only if it is what was read, and
/// what is clean is not written again. So the event of the replacement ends the sequence.
pub async fn clean(
    blobs: &Blobs,
    key: &str,
    declared: PictureFormat,
) -> Result<Cleaning, BlobError> {
    for attempt in 0..TRIES_MAX {
        let (read, clean) = match inspect(blobs, key, declared).await? {
            Picture::Gone => return Ok(Cleaning::Gone),
            Picture::Refused(refusal) => return Ok(Cleaning::Refused(refusal)),
            Picture::Clean => return Ok(Cleaning::Clean { was_clean: attempt == 0 }),
            Picture::Dirty { read, clean } => (read, clean),
        };
        if blobs.replace(key, &read, clean).await? {
            return Ok(Cleaning::Clean { was_clean: false });
        }
    }
    Err(BlobError::Unavailable("the object is replaced again and again".into()))
}
