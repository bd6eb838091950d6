//! JPEG (ITU-T T.81, annex B): a sequence of segments, each begun by a marker, and the scans'
//! entropy-coded data between them.

use super::exif::{Orientation, is_exif};
use super::split;

const START: [u8; 2] = [0xff, 0xd8];
const END: [u8; 2] = [0xff, 0xd9];
const SCAN: u8 = 0xda;

/// What becomes of a segment.
enum Fate {
    Kept,
    /// Only so many first bytes of its payload are kept.
    Cut(usize),
    Replaced(Vec<u8>),
    Dropped,
}

/// Whatever follows the end of the image is cut: telephones append further pictures, each with
/// metadata of its own, and films.
pub fn clean(file: &[u8]) -> Vec<u8> {
    let Some(mut rest) = file.strip_prefix(&START) else { return Vec::new() };
    let mut clean = Vec::with_capacity(file.len());
    clean.extend(START);
    let mut exif_seen = false;
    while let Some((marker, after)) = next_marker(rest) {
        rest = match marker {
            // The second image has no start within the first.
            0xd8 => break,
            0xd9 => {
                clean.extend(END);
                break;
            }
            // Markers without a segment. Decoders pass over them here.
            0x00..=0xbf | 0xd0..=0xd7 => after,
            _ => match segment(marker, after, &mut exif_seen, &mut clean) {
                Some(rest) if marker == SCAN => scan(rest, &mut clean),
                Some(rest) => rest,
                None => break,
            },
        };
    }
    clean
}

/// The next marker, and what follows it. Decoders pass over anything else before it.
fn next_marker(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let start = bytes.iter().position(|byte| *byte == 0xff)?;
    let at = start + bytes[start..].iter().position(|byte| *byte != 0xff)?;
    Some((bytes[at], &bytes[at + 1..]))
}

/// Writes what is kept of a segment. Returns what follows it, or nothing where the segment has no
/// length or the file ends within it.
fn segment<'a>(
    marker: u8,
    after: &'a [u8],
    exif_seen: &mut bool,
    clean: &mut Vec<u8>,
) -> Option<&'a [u8]> {
    let (length, bytes) = after.split_first_chunk()?;
    let declared = usize::from(u16::from_be_bytes(*length)).checked_sub(2)?;
    let (payload, rest) = split(bytes, declared);
    match fate(marker, payload, exif_seen) {
        Fate::Kept => {
            clean.extend([0xff, marker]);
            clean.extend(length);
            clean.extend(payload);
        }
        Fate::Cut(count) => write(marker, &payload[..count], clean),
        Fate::Replaced(payload) => write(marker, &payload, clean),
        Fate::Dropped => {}
    }
    (payload.len() == declared).then_some(rest)
}

fn write(marker: u8, payload: &[u8], clean: &mut Vec<u8>) {
    let length = u16::try_from(payload.len() + 2).expect("it is not longer than it was");
    clean.extend([0xff, marker]);
    clean.extend(length.to_be_bytes());
    clean.extend(payload);
}

fn fate(marker: u8, payload: &[u8], exif_seen: &mut bool) -> Fate {
    // JFIF's header, before its thumbnail; Adobe's, which says what the colours are.
    const NAME: &[u8] = b"JFIF\0";
    const JFIF: usize = 14;
    const ADOBE: usize = 12;
    match marker {
        // Frames, tables, restarts and scans. C8 is reserved.
        0xc0..=0xc7 | 0xc9..=0xcf | 0xda..=0xdf => Fate::Kept,
        0xe0 if payload.starts_with(NAME) || NAME.starts_with(payload) => match payload.get(..JFIF)
        {
            Some(header) if payload.len() > JFIF || header[12..] != [0, 0] => {
                Fate::Replaced([&header[..12], &[0, 0]].concat())
            }
            _ => Fate::Kept,
        },
        0xe1 if is_exif(payload) && !std::mem::replace(exif_seen, true) => {
            Orientation::of(payload).map_or(Fate::Dropped, |it| Fate::Replaced(it.prefixed()))
        }
        0xe2 if payload.starts_with(b"ICC_PROFILE\0") => Fate::Kept,
        0xee if payload.starts_with(b"Adobe") => {
            if payload.len() > ADOBE {
                Fate::Cut(ADOBE)
            } else {
                Fate::Kept
            }
        }
        _ => Fate::Dropped,
    }
}

/// Writes a scan's data, which goes on to the next marker that ends it. Restarts do not, and no
/// more do reserved markers, over which decoders look for the next restart.
fn scan<'a>(bytes: &'a [u8], clean: &mut Vec<u8>) -> &'a [u8] {
    let mut at = 0;
    let end = loop {
        let Some(found) = bytes[at..].iter().position(|byte| *byte == 0xff) else {
            break bytes.len();
        };
        let start = at + found;
        let Some(fill) = bytes[start..].iter().position(|byte| *byte != 0xff) else {
            break bytes.len();
        };
        match bytes[start + fill] {
            0x00..=0xbf | 0xd0..=0xd7 => at = start + fill + 1,
            _ => break start,
        }
    };
    clean.extend(&bytes[..end]);
    &bytes[end..]
}
