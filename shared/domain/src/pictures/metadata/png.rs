//! PNG (W3C PNG, third edition): a signature and a sequence of chunks.

use super::exif::Orientation;
use super::split;

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// The last chunk, which is empty.
const END: &[u8] = b"\0\0\0\0IEND\xaeB`\x82";

/// The chunks that are kept: the picture, its colours, its size, and its animation.
const KEPT: [&[u8; 4]; 17] = [
    b"IHDR", b"PLTE", b"IDAT", b"tRNS", b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB", b"cICP",
    b"mDCV", b"cLLI", b"bKGD", b"pHYs", b"acTL", b"fcTL", b"fdAT",
];

/// Whatever follows the last chunk is cut.
pub fn clean(file: &[u8]) -> Vec<u8> {
    let Some(mut rest) = file.strip_prefix(SIGNATURE) else { return Vec::new() };
    let mut clean = Vec::with_capacity(file.len());
    clean.extend(SIGNATURE);
    let mut exif_seen = false;
    while let Some((chunk, after)) = next_chunk(rest) {
        rest = after;
        match &chunk.kind {
            b"IEND" => {
                clean.extend(split(END, chunk.bytes.len()).0);
                break;
            }
            b"eXIf" if !std::mem::replace(&mut exif_seen, true) => {
                clean.extend(Orientation::of(chunk.data).map(turned).unwrap_or_default());
            }
            kind if KEPT.contains(&kind) => clean.extend(chunk.bytes),
            _ => {}
        }
    }
    clean
}

struct Chunk<'a> {
    kind: [u8; 4],
    data: &'a [u8],
    /// All of it, with length and checksum; less where the file ends within it.
    bytes: &'a [u8],
}

/// The first chunk, and what follows it.
fn next_chunk(bytes: &[u8]) -> Option<(Chunk<'_>, &[u8])> {
    let (length, named) = bytes.split_first_chunk()?;
    let (kind, following) = named.split_first_chunk()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let (data, _) = split(following, length);
    let (bytes, rest) = split(bytes, length.saturating_add(12));
    Some((Chunk { kind: *kind, data, bytes }, rest))
}

/// A chunk that says how the picture is turned.
fn turned(orientation: Orientation) -> Vec<u8> {
    let data = orientation.tiff();
    let length = u32::try_from(data.len()).expect("some bytes").to_be_bytes();
    let named = [b"eXIf".as_slice(), &data].concat();
    let checksum = crc32fast::hash(&named).to_be_bytes();
    [&length, named.as_slice(), &checksum].concat()
}
