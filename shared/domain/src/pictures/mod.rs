//! Uploaded images: the accepted formats and sizes, the storage keys, the check that an uploaded
//! object is the image that its key declares, and the image without metadata.

mod metadata;

use serde::{Deserialize, Serialize};

use crate::Unacceptable;
use crate::ids::{AccountId, PictureId};
use crate::text::plain_schema;

/// The maximum size of an image, in bytes.
pub const LENGTH_MAX: u64 = 5 * 1024 * 1024;

/// An image format; in JSON, its content type.
///
/// It is deserialised through a string: eserde 0.1 does not drop the path of an unknown enum
/// variant, so later errors would have a wrong path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum PictureFormat {
    Jpeg,
    Png,
    WebP,
}

impl PictureFormat {
    pub(crate) const ALL: [Self; 3] = [Self::Jpeg, Self::Png, Self::WebP];

    /// The content type for uploading and serving the image.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::WebP => "image/webp",
        }
    }

    /// The file extension in its keys.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::WebP => "webp",
        }
    }

    /// The format whose signature is at the beginning of a file, if it is one of these.
    ///
    /// JPEG: ITU-T T.81, B.1.1.3 (SOI, and the FF of the next marker). PNG: W3C PNG, 5.2. WebP:
    /// RFC 9649, 2.4 (a RIFF container of the form WEBP).
    #[must_use]
    pub fn of_bytes(head: &[u8]) -> Option<Self> {
        match head {
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Self::Png),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::WebP),
            _ => None,
        }
    }
}

impl TryFrom<String> for PictureFormat {
    type Error = Unacceptable;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let found = Self::ALL.into_iter().find(|format| format.content_type() == text);
        found.ok_or_else(|| Unacceptable::new("must be image/jpeg, image/png or image/webp"))
    }
}

impl From<PictureFormat> for String {
    fn from(format: PictureFormat) -> Self {
        format.content_type().to_owned()
    }
}

plain_schema!(PictureFormat: String, enum_values = ["image/jpeg", "image/png", "image/webp"]);

/// The size of an image in bytes: 1 to [`LENGTH_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct PictureLength(u64);

impl TryFrom<u64> for PictureLength {
    type Error = Unacceptable;

    fn try_from(bytes: u64) -> Result<Self, Self::Error> {
        if (1..=LENGTH_MAX).contains(&bytes) {
            Ok(Self(bytes))
        } else {
            Err(Unacceptable::new(format!("must be 1 to {LENGTH_MAX} bytes")))
        }
    }
}

impl From<PictureLength> for u64 {
    fn from(length: PictureLength) -> Self {
        length.0
    }
}

plain_schema!(PictureLength: Integer, minimum = 1, maximum = 5_242_880);

/// Defines the storage keys of one kind of image, `<prefix>acc_…/pic_….png`. A key holds all
/// facts about an upload: the account, the time of the request, and the declared format. The
/// keys of one account sort by the time of the upload request, to the millisecond.
macro_rules! picture_key {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name {
            pub account_id: AccountId,
            pub picture_id: PictureId,
            /// The declared format.
            pub format: PictureFormat,
        }

        impl $name {
            /// The prefix of all keys of this kind.
            pub const PREFIX: &'static str = $prefix;

            /// The prefix of an account's keys of this kind.
            #[must_use]
            pub fn prefix_of(account_id: AccountId) -> String {
                format!("{}{account_id}/", Self::PREFIX)
            }

            /// Parses the printed form.
            pub fn parse(text: &str) -> Result<Self, Unacceptable> {
                let refused = || Unacceptable::new(concat!("must be the key of ", $what));
                let path = text.strip_prefix(Self::PREFIX).ok_or_else(refused)?;
                let (account_id, file) = path.split_once('/').ok_or_else(refused)?;
                let (picture_id, extension) = file.split_once('.').ok_or_else(refused)?;
                let format = PictureFormat::ALL.into_iter().find(|it| it.extension() == extension);
                Ok(Self {
                    account_id: AccountId::parse(account_id)?,
                    picture_id: PictureId::parse(picture_id)?,
                    format: format.ok_or_else(refused)?,
                })
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let prefix = Self::prefix_of(self.account_id);
                write!(f, "{prefix}{}.{}", self.picture_id, self.format.extension())
            }
        }

        impl TryFrom<String> for $name {
            type Error = Unacceptable;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(key: $name) -> Self {
                key.to_string()
            }
        }

        plain_schema!(
            $name: String,
            pattern = concat!("^", $prefix, r"acc_[0-9A-Z]{26}/pic_[0-9A-Z]{26}\.(jpg|png|webp)$"),
        );
    };
}

picture_key!(
    /// The key of a profile picture, `pictures/acc_…/pic_….png`.
    PictureKey, "pictures/", "a profile picture"
);
picture_key!(
    /// The key of an image that proves a payment, `screenshots/acc_…/pic_….png`.
    ScreenshotKey, "screenshots/", "a screenshot"
);

/// Why an uploaded object is not the declared image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PictureRefusal {
    /// The object is empty, or larger than [`LENGTH_MAX`].
    #[error("the object is empty or larger than a picture may be")]
    Length,
    /// The object would be served with another content type.
    #[error("the object's content type is not the declared one")]
    ContentType,
    /// The object's bytes are not of the declared format, or hold no picture.
    #[error("the object's bytes are not of the declared format")]
    Bytes,
}

/// Validates an uploaded object by its length in bytes, its content type and its first bytes, and
/// returns it without metadata, if it has any. `file` is all of it, or nothing if it is longer than
/// [`LENGTH_MAX`].
///
/// A clean object is accepted as it is, so cleaning ends.
pub fn cleaned(
    declared: PictureFormat,
    length: u64,
    content_type: &str,
    file: &[u8],
) -> Result<Option<Vec<u8>>, PictureRefusal> {
    check(declared, length, content_type, file)?;
    let clean = metadata::without_metadata(declared, file);
    if clean == file {
        return Ok(None);
    }
    // A file of metadata alone.
    check(declared, clean.len() as u64, content_type, &clean)?;
    Ok(Some(clean))
}

fn check(
    declared: PictureFormat,
    length: u64,
    content_type: &str,
    file: &[u8],
) -> Result<(), PictureRefusal> {
    if PictureLength::try_from(length).is_err() {
        Err(PictureRefusal::Length)
    } else if content_type != declared.content_type() {
        Err(PictureRefusal::ContentType)
    } else if PictureFormat::of_bytes(file) != Some(declared) {
        Err(PictureRefusal::Bytes)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use ulid::Ulid;

    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
    const JPEG: &[u8] = b"\xff\xd8\xff\xe0\0\x10JFIF";
    const WEBP: &[u8] = b"RIFF\x24\0\0\0WEBPVP8 ";

    #[test]
    fn a_format_is_recognised_by_its_first_bytes() {
        for (bytes, format) in
            [(PNG, PictureFormat::Png), (JPEG, PictureFormat::Jpeg), (WEBP, PictureFormat::WebP)]
        {
            assert_eq!(PictureFormat::of_bytes(bytes), Some(format));
        }
        let others: [&[u8]; 8] = [
            b"",
            b"\xff\xd8",
            b"\x89PNG\r\n\x1a",
            b"\x89PNG\n\n\x1a\n",
            b"RIFF\x24\0\0\0WAVEfmt ",
            b"RIFF\x24\0\0\0WEB",
            b"GIF89a",
            b"<svg xmlns=\"http://www.w3.org/2000/svg\">",
        ];
        for other in others {
            assert_eq!(PictureFormat::of_bytes(other), None, "{other:?}");
        }
    }

    #[test]
    fn an_object_with_wrong_length_content_type_or_bytes_is_refused() {
        let png =
            |length, content_type, head| check(PictureFormat::Png, length, content_type, head);
        assert_eq!(png(1, "image/png", PNG), Ok(()));
        assert_eq!(png(LENGTH_MAX, "image/png", PNG), Ok(()));
        assert_eq!(png(0, "image/png", b""), Err(PictureRefusal::Length));
        assert_eq!(png(LENGTH_MAX + 1, "image/png", PNG), Err(PictureRefusal::Length));
        assert_eq!(png(9, "text/html", PNG), Err(PictureRefusal::ContentType));
        assert_eq!(png(9, "image/png; charset=utf-8", PNG), Err(PictureRefusal::ContentType));
        assert_eq!(png(9, "image/png", JPEG), Err(PictureRefusal::Bytes));
        assert_eq!(png(9, "image/png", b"not a picture"), Err(PictureRefusal::Bytes));
    }

    #[test]
    fn a_file_of_metadata_alone_is_no_picture() {
        let jpeg =
            |file: &[u8]| cleaned(PictureFormat::Jpeg, file.len() as u64, "image/jpeg", file);
        let comment = b"\xff\xd8\xff\xfe\0\x05abc";
        assert_eq!(jpeg(comment), Err(PictureRefusal::Bytes));
        assert_eq!(jpeg(JPEG), Ok(None));
        let whole = b"\xff\xd8\xff\xfe\0\x05abc\xff\xd9";
        assert_eq!(jpeg(whole), Ok(Some(b"\xff\xd8\xff\xd9".to_vec())));
    }

    #[test]
    fn a_malformed_key_is_refused() {
        let account = AccountId::from_ulid(Ulid(1));
        let picture = PictureId::from_ulid(Ulid(2));
        assert!(PictureKey::parse(&format!("pictures/{account}/{picture}.jpg")).is_ok());
        for refused in [
            String::new(),
            format!("screenshots/{account}/{picture}.jpg"),
            format!("pictures/{account}/{picture}.gif"),
            format!("pictures/{account}/{picture}.jpg.exe"),
            format!("pictures/{account}/{picture}"),
            format!("pictures/{picture}/{account}.jpg"),
            format!("pictures/{account}/../{picture}.jpg"),
            format!("pictures//{account}/{picture}.jpg"),
        ] {
            assert!(PictureKey::parse(&refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn screenshot_keys_and_profile_picture_keys_are_not_interchangeable() {
        let account_id = AccountId::from_ulid(Ulid(1));
        let picture_id = PictureId::from_ulid(Ulid(2));
        let format = PictureFormat::WebP;
        let picture = PictureKey { account_id, picture_id, format }.to_string();
        let screenshot = ScreenshotKey { account_id, picture_id, format };
        assert_eq!(ScreenshotKey::parse(&screenshot.to_string()), Ok(screenshot));
        assert!(ScreenshotKey::parse(&picture).is_err());
        assert!(PictureKey::parse(&screenshot.to_string()).is_err());
    }
}
