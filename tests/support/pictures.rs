//! Pictures with metadata, as telephones and programs write them. All their metadata contains the
//! word SECRET.

/// A JPEG with its place in EXIF and XMP, a comment, a thumbnail and a second picture.
pub const TELEPHONE_JPEG: &[u8] =
    include_bytes!("../../shared/domain/src/pictures/fixtures/telephone.jpg");

/// A PNG with its place in EXIF, and texts.
pub const WITH_PLACE_PNG: &[u8] =
    include_bytes!("../../shared/domain/src/pictures/fixtures/texts.png");

pub fn has_metadata(file: &[u8]) -> bool {
    file.windows(6).any(|word| word == b"SECRET")
}
