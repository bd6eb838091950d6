//! EXIF, of which only the orientation is kept: without it, most pictures of telephones would lie
//! on their side. The format is TIFF's (TIFF 6.0, section 2).

const PREFIX: &[u8] = b"Exif\0\0";

/// EXIF that says nothing but an orientation: one entry of type SHORT, and no further directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Orientation(u8);

impl Orientation {
    /// The orientation that EXIF names, if the picture is to be turned. It may begin as in JPEG.
    pub fn of(exif: &[u8]) -> Option<Self> {
        const TAG: u16 = 0x0112;
        const SHORT: u16 = 3;
        let tiff = exif.strip_prefix(PREFIX).unwrap_or(exif);
        let u16_of: fn([u8; 2]) -> u16 = match tiff.first_chunk()? {
            b"II*\0" => u16::from_le_bytes,
            b"MM\0*" => u16::from_be_bytes,
            _ => return None,
        };
        let u16_at = |at: usize| Some(u16_of(*tiff.get(at..)?.first_chunk()?));
        let halves = (u16_at(4)?, u16_at(6)?);
        let (high, low) = if tiff[0] == b'M' { halves } else { (halves.1, halves.0) };
        let start = usize::from(high) << 16 | usize::from(low);
        let count = usize::from(u16_at(start)?);
        // With the address of the next directory, so that what is written is not longer.
        let entries = tiff.get(start + 2..start + 2 + 12 * count + 4)?;
        let mut entries = (0..entries.len() / 12).map(|entry| start + 2 + 12 * entry);
        let found = entries.find(|at| u16_at(*at) == Some(TAG))?;
        if u16_at(found + 2)? != SHORT {
            return None;
        }
        let value = u8::try_from(u16_at(found + 8)?).ok()?;
        (2..=8).contains(&value).then_some(Self(value))
    }

    #[cfg(test)]
    pub const fn value(self) -> u8 {
        self.0
    }

    /// The EXIF that says this, as in PNG and WebP.
    pub fn tiff(self) -> [u8; 26] {
        let mut tiff = *b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\0\0\0\0\0\0\0";
        tiff[19] = self.0;
        tiff
    }

    /// The same as in JPEG.
    pub fn prefixed(self) -> Vec<u8> {
        [PREFIX, &self.tiff()].concat()
    }
}

/// Whether the payload of a JPEG's segment is EXIF.
pub fn is_exif(payload: &[u8]) -> bool {
    payload.starts_with(PREFIX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_orientation_is_read_in_either_byte_order_and_written_alone() {
        for value in 2..=8 {
            let orientation = Orientation(value);
            assert_eq!(Orientation::of(&orientation.tiff()), Some(orientation));
            assert_eq!(Orientation::of(&orientation.prefixed()), Some(orientation));
            let mut intel = *b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\0\0\0\0\0\0\0\0";
            intel[18] = value;
            assert_eq!(Orientation::of(&intel), Some(orientation));
        }
    }

    #[test]
    fn an_upright_or_malformed_orientation_is_none() {
        for value in [0, 1, 9, 255] {
            assert_eq!(Orientation::of(&Orientation(value).tiff()), None);
        }
        let whole = Orientation(6).tiff();
        for length in 0..whole.len() {
            assert_eq!(Orientation::of(&whole[..length]), None, "{length}");
        }
        let mut far = whole;
        far[4] = 0xff;
        assert_eq!(Orientation::of(&far), None);
    }
}
