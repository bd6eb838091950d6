//! What a picture's file says besides the picture: where it was taken, by whom, with which
//! camera. All of that is removed, and the picture's bytes stay as they are.
//!
//! What is kept is listed, and everything else goes, because new kinds of metadata appear and new
//! kinds of pictures do not. Kept are the pixels, their colours (an ICC profile too), and how the
//! picture is turned. A damaged or cut-off file is cleaned like any other: browsers show such
//! pictures.

use super::PictureFormat;

mod exif;
mod jpeg;
mod png;
mod webp;

/// A file of this format without metadata. It is never longer than the file, and a clean file
/// stays as it is.
#[must_use]
pub fn without_metadata(format: PictureFormat, file: &[u8]) -> Vec<u8> {
    match format {
        PictureFormat::Jpeg => jpeg::clean(file),
        PictureFormat::Png => png::clean(file),
        PictureFormat::WebP => webp::clean(file),
    }
}

/// Splits off the first bytes, as many as there are of them.
fn split(bytes: &[u8], count: usize) -> (&[u8], &[u8]) {
    bytes.split_at(count.min(bytes.len()))
}

#[cfg(test)]
mod tests;
