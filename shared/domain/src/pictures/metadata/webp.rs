//! WebP (RFC 9649, section 2): a RIFF file of chunks. Where one of them is `VP8X`, its flags say
//! which others there are.

use super::exif::Orientation;
use super::split;

/// The header of a chunk: its name and the length of its payload.
const HEADER: usize = 8;

/// The flags of `VP8X` for EXIF and for XMP.
const EXIF: u8 = 0x08;
const XMP: u8 = 0x04;

/// Whatever follows the RIFF file is cut.
pub fn clean(file: &[u8]) -> Vec<u8> {
    let Some((header, rest)) = file.split_first_chunk::<12>() else { return Vec::new() };
    let length = u32::from_le_bytes([header[4], header[5], header[6], header[7]]);
    let content = split(rest, size(length).saturating_sub(4)).0;
    let mut clean = Writer { bytes: header.to_vec(), length: 4 };
    let (mut flags_at, mut exif_seen) = (None, false);
    for chunk in Chunks(content) {
        match &chunk.name {
            b"VP8X" if flags_at.is_none() => {
                // Its payload is ten bytes.
                let payload = split(chunk.payload, 10).0;
                if payload.is_empty() {
                    continue;
                }
                flags_at = Some(clean.bytes.len() + HEADER);
                if chunk.payload.len() > 10 {
                    clean.write(&chunk.name, payload);
                } else {
                    clean.keep(&chunk);
                }
            }
            // Without flags nobody reads it.
            b"EXIF" if flags_at.is_some() && !std::mem::replace(&mut exif_seen, true) => {
                if let Some(orientation) = Orientation::of(chunk.payload) {
                    clean.write(&chunk.name, &orientation.tiff());
                } else {
                    exif_seen = false;
                }
            }
            b"ANMF" => clean.frame(&chunk),
            b"ICCP" | b"ANIM" => clean.keep(&chunk),
            _ if chunk.is_image() => clean.keep(&chunk),
            _ => {}
        }
    }
    let Writer { mut bytes, length } = clean;
    bytes[4..8].copy_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
    if let Some(flags) = flags_at.and_then(|at| bytes.get_mut(at)) {
        *flags &= !(EXIF | XMP);
        *flags |= if exif_seen { EXIF } else { 0 };
    }
    bytes
}

fn size(length: u32) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}

struct Chunk<'a> {
    name: [u8; 4],
    /// The length that the payload should have.
    declared: u32,
    payload: &'a [u8],
    /// All of it, with a byte that makes its length even; less where the file ends within it.
    bytes: &'a [u8],
}

impl Chunk<'_> {
    fn is_image(&self) -> bool {
        matches!(&self.name, b"VP8 " | b"VP8L" | b"ALPH")
    }

    fn is_complete(&self) -> bool {
        self.payload.len() == size(self.declared)
    }
}

/// The chunks of a RIFF file's content.
struct Chunks<'a>(&'a [u8]);

impl<'a> Iterator for Chunks<'a> {
    type Item = Chunk<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let (name, rest) = self.0.split_first_chunk()?;
        let (declared, rest) = rest.split_first_chunk()?;
        let declared = u32::from_le_bytes(*declared);
        let payload = split(rest, size(declared)).0;
        let padded = size(declared).saturating_add(size(declared & 1) + HEADER);
        let bytes;
        (bytes, self.0) = split(self.0, padded);
        Some(Chunk { name: *name, declared, payload, bytes })
    }
}

struct Writer {
    bytes: Vec<u8>,
    /// What the file's header is to say: the length with each chunk at its declared length.
    length: u64,
}

impl Writer {
    /// Writes a chunk as it is.
    fn keep(&mut self, chunk: &Chunk<'_>) {
        self.bytes.extend(chunk.bytes);
        self.length += HEADER as u64 + u64::from(chunk.declared) + u64::from(chunk.declared & 1);
    }

    fn write(&mut self, name: &[u8], payload: &[u8]) {
        let length = u32::try_from(payload.len()).expect("it is not longer than it was");
        let padding: &[u8] = if length % 2 == 1 { &[0] } else { &[] };
        self.bytes.extend([name, &length.to_le_bytes(), payload, padding].concat());
        self.length += HEADER as u64 + (payload.len() + padding.len()) as u64;
    }

    /// Writes a frame of an animation: sixteen bytes, and chunks of its own.
    fn frame(&mut self, chunk: &Chunk<'_>) {
        const FRAME: usize = 16;
        let (head, content) = split(chunk.payload, FRAME);
        let parts: Vec<Chunk<'_>> = Chunks(content).collect();
        let whole: usize = parts.iter().map(|part| part.bytes.len()).sum();
        if !chunk.is_complete() || whole == content.len() && parts.iter().all(Chunk::is_image) {
            return self.keep(chunk);
        }
        let images = parts.iter().filter(|part| part.is_image()).map(|part| part.bytes);
        let payload = [head, &images.collect::<Vec<_>>().concat()].concat();
        self.write(&chunk.name, &payload);
    }
}
