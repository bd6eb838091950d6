//! The bytes of a file as text: its encoding, its line ends, and the characters in a cell that
//! nobody sees.

use super::Fault;

/// How a file's characters are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    Utf8,
    Utf16,
}

impl Encoding {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Utf8 => "UTF-8",
            Self::Utf16 => "UTF-16",
        }
    }
}

/// The text of a file, with a line feed alone at each line's end.
///
/// Excel's "Unicode text" is UTF-16 with a byte order mark. Other encodings cannot be told from one
/// another, and a wrong guess makes wrong names, so they are refused.
pub fn decode(bytes: &[u8]) -> Result<(String, Encoding), Fault> {
    const WORKBOOKS: [&[u8]; 2] = [b"PK\x03\x04", b"\xd0\xcf\x11\xe0"];
    if WORKBOOKS.iter().any(|start| bytes.starts_with(start)) {
        let message = "this is a workbook and no CSV: save the sheet as “CSV UTF-8”";
        return Err(Fault::of_row(1, message));
    }
    match bytes {
        [0xff, 0xfe, rest @ ..] => utf_16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf_16(rest, u16::from_be_bytes),
        // Without a mark: a heading begins with an ASCII letter, half of which is zero.
        [first, 0, ..] if *first != 0 => utf_16(bytes, u16::from_le_bytes),
        [0, second, ..] if *second != 0 => utf_16(bytes, u16::from_be_bytes),
        _ => utf_8(bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes)),
    }
}

fn utf_8(bytes: &[u8]) -> Result<(String, Encoding), Fault> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let valid = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
        let line = 1 + line_breaks(&with_line_feeds(&valid));
        Fault::of_row(line, "this is not UTF-8: save the file as “CSV UTF-8”")
    })?;
    Ok((with_line_feeds(text), Encoding::Utf8))
}

fn utf_16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<(String, Encoding), Fault> {
    let (units, rest) = bytes.as_chunks();
    let decoded: Result<String, _> =
        char::decode_utf16(units.iter().map(|pair| unit(*pair))).collect();
    match decoded {
        Ok(text) if rest.is_empty() => Ok((with_line_feeds(&text), Encoding::Utf16)),
        _ => Err(Fault::of_row(1, "this is damaged UTF-16: save the file as “CSV UTF-8”")),
    }
}

/// A text whose lines all end with a line feed alone, whatever they ended with.
fn with_line_feeds(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

pub fn line_breaks(text: &str) -> u64 {
    text.bytes().map(|byte| u64::from(byte == b'\n')).sum()
}

/// A cell without the characters that programs put into it unseen: spaces of every width become
/// plain ones, marks of direction and of width zero go, and so do spaces around the text. The
/// joiners U+200C and U+200D stay, because Indian scripts are written with them.
pub fn clean(cell: &str) -> String {
    let shown = cell.chars().filter_map(|c| match c {
        '\n' | '\t' => Some(c),
        '\u{ad}'
        | '\u{200b}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'
        | '\u{2066}'..='\u{2069}'
        | '\u{feff}' => None,
        c if c.is_whitespace() => Some(' '),
        c => Some(c),
    });
    shown.collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "नाम,Café\r\nआशा,€\r";

    fn utf_16(text: &str, bytes_of: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(bytes_of).collect()
    }

    #[test]
    fn utf_8_and_utf_16_are_decoded_with_and_without_a_mark() {
        let expected = "नाम,Café\nआशा,€\n";
        for text in [TEXT.to_owned(), format!("\u{feff}{TEXT}")] {
            let decoded = decode(text.as_bytes()).expect("UTF-8");
            assert_eq!(decoded, (expected.to_owned(), Encoding::Utf8));
        }
        let marked = format!("\u{feff}{TEXT}");
        for bytes_of in [u16::to_le_bytes, u16::to_be_bytes] {
            let decoded = decode(&utf_16(&marked, bytes_of)).expect("UTF-16");
            assert_eq!(decoded, (expected.to_owned(), Encoding::Utf16));
            let unmarked = decode(&utf_16("name,phone", bytes_of)).expect("UTF-16");
            assert_eq!(unmarked, ("name,phone".to_owned(), Encoding::Utf16));
        }
    }

    #[test]
    fn other_encodings_and_workbooks_are_refused_with_what_to_do() {
        let odd = [utf_16("\u{feff}name", u16::to_le_bytes), vec![b'x']].concat();
        let unpaired = utf_16("\u{feff}n", u16::to_le_bytes);
        let unpaired = [unpaired, 0xd800_u16.to_le_bytes().to_vec()].concat();
        for (bytes, said) in [
            (b"name\ncaf\xe9\n".as_slice(), "line 2: this is not UTF-8: save the file as"),
            (b"name\r\rRavi\x92s".as_slice(), "line 3: this is not UTF-8: save the file as"),
            (&odd, "line 1: this is damaged UTF-16: save the file as"),
            (&unpaired, "line 1: this is damaged UTF-16: save the file as"),
            (b"PK\x03\x04\x14\0", "line 1: this is a workbook and no CSV: save the sheet as"),
        ] {
            let told = decode(bytes).expect_err(said).to_string();
            assert!(told.starts_with(said) && told.ends_with("“CSV UTF-8”"), "{told}");
        }
    }

    #[test]
    fn unseen_characters_of_a_cell_go_and_joiners_stay() {
        let cell = "\u{feff}\u{a0} Asha\u{a0}Rao\u{202f}K \u{200b}";
        assert_eq!(clean(cell), "Asha Rao K");
        assert_eq!(clean("\u{202a}+91 98123\u{2009}45\u{ad}678\u{202c}"), "+91 98123 45678");
        assert_eq!(clean("क्\u{200d}ष"), "क्\u{200d}ष");
        assert_eq!(clean("two\nlines"), "two\nlines");
    }
}
