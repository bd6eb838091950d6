//! The rows of a text, and the separator between their fields.

use std::fmt::{self, Display};

use csv::{ByteRecord, Reader, ReaderBuilder};

use super::Fault;
use super::text::{clean, line_breaks};

/// What spreadsheets write between fields, the usual one first.
const USUAL: [u8; 4] = [b',', b';', b'\t', b'|'];

/// The fields of a row, and the line on which it begins.
pub struct Record {
    pub line: u64,
    pub fields: Vec<String>,
}

impl Record {
    /// Whether it has only empty fields. Spreadsheets leave such rows behind.
    pub fn is_empty(&self) -> bool {
        self.fields.iter().all(String::is_empty)
    }
}

/// What is between the fields of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Separator {
    byte: u8,
    /// Whether a line such as `sep=;` names it.
    is_named: bool,
}

impl Separator {
    pub const fn character(self) -> char {
        self.byte as char
    }
}

impl Display for Separator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.byte {
            b',' => f.write_str("commas between fields")?,
            b';' => f.write_str("semicolons between fields")?,
            b'\t' => f.write_str("tabs between fields")?,
            other => write!(f, "“{}” between fields", char::from(other))?,
        }
        f.write_str(if self.is_named { ", as its line “sep=” says" } else { "" })
    }
}

/// A text that is a table: the place of its headings and what separates its fields.
pub struct Table<'a> {
    pub separator: Separator,
    /// From the headings on; before them there may be a line `sep=;`.
    rest: &'a str,
    /// The number of the line with which the rest begins.
    line: u64,
}

impl<'a> Table<'a> {
    /// Finds the separator: the one that a line `sep=` names, or the one with which most of the
    /// first row's fields are headings, or else with which there are most fields.
    pub fn of(text: &'a str, is_heading: impl Fn(&str) -> bool) -> Self {
        let (rest, line, named) = after_separator_line(text);
        let table = |byte, is_named| Self { separator: Separator { byte, is_named }, rest, line };
        if let Some(byte) = named {
            return table(byte, true);
        }
        let mut best = (table(USUAL[0], false), (0, 0));
        for byte in USUAL {
            let table = table(byte, false);
            let mut rows = table.records().filter_map(Result::ok);
            let Some(first) = rows.find(says_something) else { continue };
            let known = first.fields.iter().filter(|field| is_heading(field)).count();
            let weight = (known, first.fields.len());
            if weight > best.1 {
                best = (table, weight);
            }
        }
        best.0
    }

    /// The rows, empty ones too, but not lines without any character.
    pub fn records(&self) -> Records<'a> {
        let mut reader = ReaderBuilder::new();
        reader.has_headers(false).flexible(true).delimiter(self.separator.byte);
        Records {
            reader: reader.from_reader(self.rest.as_bytes()),
            text: self.rest,
            rest: self.rest,
            line: self.line,
        }
    }
}

/// Whether a row is more than separators, of which another kind may be the right one.
fn says_something(row: &Record) -> bool {
    let separators = USUAL.map(char::from);
    row.fields.iter().any(|field| field.contains(|c| !separators.contains(&c)))
}

/// The text after a first line such as `sep=;`, which line that is, and the separator that it
/// names. Where the line names none that can be, it is passed over.
fn after_separator_line(text: &str) -> (&str, u64, Option<u8>) {
    let start = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    let passed = &text[..text.len() - start.len()];
    let (first, rest) = start.split_once('\n').unwrap_or((start, ""));
    let is_named = first.trim_matches(['"', ' ']);
    let Some(name) = is_named.get(..4).filter(|it| it.eq_ignore_ascii_case("sep=")) else {
        return (text, 1, None);
    };
    let named = &is_named[name.len()..];
    let named = if named.eq_ignore_ascii_case("\\t") { "\t" } else { named };
    // A spreadsheet that does not know the line pads it as a row.
    let separator = named.bytes().next().filter(|first| {
        let usable = first.is_ascii_punctuation() && *first != b'"' || *first == b'\t';
        usable && named.bytes().all(|byte| byte == *first)
    });
    (rest, 2 + line_breaks(passed), separator)
}

/// See [`Table::records`].
pub struct Records<'a> {
    reader: Reader<&'a [u8]>,
    text: &'a str,
    rest: &'a str,
    line: u64,
}

impl Iterator for Records<'_> {
    type Item = Result<Record, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut record = ByteRecord::new();
        match self.reader.read_byte_record(&mut record) {
            Ok(true) => {}
            Ok(false) => return None,
            Err(error) => return Some(Err(Fault::of_row(self.line, error.to_string()))),
        }
        let length = self.text.len();
        let passed = usize::try_from(self.reader.position().byte()).unwrap_or(length);
        let raw;
        (raw, self.rest) = self.rest.split_at(passed + self.rest.len() - length);
        // The reader passes over empty lines without a word.
        let own = raw.trim_start_matches('\n');
        self.line += line_breaks(&raw[..raw.len() - own.len()]);
        if own.matches('"').count() % 2 == 1 {
            let message = "a quotation mark is not closed; within a text it is written twice";
            return Some(Err(Fault::of_row(self.line, message)));
        }
        let fields = record.iter().map(|field| clean(&String::from_utf8_lossy(field)));
        let record = Record { line: self.line, fields: fields.collect() };
        self.line += line_breaks(own);
        Some(Ok(record))
    }
}
