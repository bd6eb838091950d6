//! A file of comma-separated values: read as a whole, and refused with everything that is
//! wrong with it, each by its line and column. What its columns mean is for `menu_file` and
//! `student_file`.

use std::collections::HashMap;
use std::fmt::{self, Display, Write};
use std::path::Path;
use std::str::FromStr;

use csv::{ByteRecord, ReaderBuilder, Trim};
use thali_domain::Unacceptable;

use crate::Failure;

/// The largest file that is read: far more than any menu or list of students.
pub const FILE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A column in which no two rows have the same, and its text as it is compared, if that is
/// acceptable at all.
pub type Unique = (&'static str, fn(&str) -> Option<String>);

/// What a file of one kind looks like.
pub struct Layout {
    /// The columns, those that a file must have first.
    pub columns: &'static [&'static str],
    /// How many of them a file must have.
    pub required: usize,
    /// What no two rows may have in common.
    pub unique: &'static [Unique],
}

/// Something that is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The line on which the wrong row begins, from 1.
    pub line: u64,
    /// Its column, where one is to blame.
    column: Option<&'static str>,
    message: String,
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, column, message } = self;
        match column {
            Some(column) => write!(f, "line {line}, {column}: {message}"),
            None => write!(f, "line {line}: {message}"),
        }
    }
}

impl Fault {
    /// What is wrong with a whole row.
    pub fn of_row(line: u64, message: impl Into<String>) -> Self {
        Self { line, column: None, message: message.into() }
    }

    /// What is wrong with one column of a row.
    pub fn of_column(line: u64, column: &'static str, message: impl Into<String>) -> Self {
        Self { line, column: Some(column), message: message.into() }
    }
}

/// All that is wrong with a file of which nothing was written.
#[must_use]
pub fn refusal(file: &Path, faults: &[Fault]) -> Failure {
    let errors = if faults.len() == 1 { "1 error" } else { &format!("{} errors", faults.len()) };
    let mut failure = format!("{} has {errors}, nothing was written", file.display());
    for fault in faults {
        let _ = write!(failure, "\n  {fault}");
    }
    failure.into()
}

/// The rows of a file as `read` reads them; a failure that tells all that is wrong with it.
pub fn read_file<T>(
    file: &Path,
    read: impl FnOnce(&[u8]) -> Result<Vec<T>, Vec<Fault>>,
) -> Result<Vec<T>, Failure> {
    let shown = file.display();
    let bytes = std::fs::read(file).map_err(|error| format!("{shown} cannot be read: {error}"))?;
    if bytes.len() > FILE_BYTES_MAX {
        return Err(format!("{shown} is larger than {} MiB", FILE_BYTES_MAX >> 20).into());
    }
    read(&bytes).map_err(|faults| refusal(file, &faults))
}

impl Layout {
    /// Reads a file, each row as `row` reads it, which answers nothing only where it has
    /// found a fault. Where anything is wrong, answers all of it and no row.
    pub fn read<T>(
        &self,
        bytes: &[u8],
        row: impl Fn(&mut Reading<'_>) -> Option<T>,
    ) -> Result<Vec<T>, Vec<Fault>> {
        let records = records(bytes).map_err(|fault| vec![fault])?;
        let Some((header, records)) = records.split_first() else {
            let message = format!("the file is empty; {}", self.header_wanted());
            return Err(vec![Fault::of_row(1, message)]);
        };
        let columns = self.columns(header)?;
        let (mut rows, mut faults) = (Vec::new(), Vec::new());
        for record in records {
            match read_row(&columns, record, &row) {
                Ok(row) => rows.push(row),
                Err(found) => faults.extend(found),
            }
        }
        for (column, compared) in self.unique {
            faults.extend(repeated(&columns, records, column, *compared));
        }
        if faults.is_empty() {
            return Ok(rows);
        }
        faults.sort_by_key(|fault| fault.line);
        Err(faults)
    }

    /// What a first line must say.
    pub(crate) fn header_wanted(&self) -> String {
        let (required, optional) = self.columns.split_at(self.required);
        let (required, optional) = (required.join(","), optional.join(","));
        format!("its first line names the columns: {required} and, if you like, {optional}")
    }

    /// The columns that a header names, in their order.
    fn columns(&self, header: &Record) -> Result<Vec<&'static str>, Vec<Fault>> {
        let (mut columns, mut faults) = (Vec::new(), Vec::new());
        for name in &header.fields {
            let known = self.columns.iter().copied().find(|column| column == name);
            match known {
                None => faults.push(format!("“{name}” is no column")),
                Some(known) if columns.contains(&known) => {
                    faults.push(format!("the column {known} is there twice"));
                }
                Some(known) => columns.push(known),
            }
        }
        let required = self.columns[..self.required].iter();
        for missing in required.filter(|column| !columns.contains(*column)) {
            faults.push(format!("the column {missing} is missing"));
        }
        if faults.is_empty() {
            return Ok(columns);
        }
        faults.push(self.header_wanted());
        Err(faults.into_iter().map(|message| Fault::of_row(header.line, message)).collect())
    }
}

/// The row that a record is, or all that is wrong with it.
fn read_row<T>(
    columns: &[&'static str],
    record: &Record,
    row: impl Fn(&mut Reading<'_>) -> Option<T>,
) -> Result<T, Vec<Fault>> {
    let Record { line, fields } = record;
    if fields.len() != columns.len() {
        let (found, named) = (fields.len(), columns.len());
        let message = format!("it has {found} fields, and the first line names {named} columns");
        return Err(vec![Fault::of_row(*line, message)]);
    }
    let mut reading = Reading { columns, fields, line: *line, faults: Vec::new() };
    let row = row(&mut reading);
    row.filter(|_| reading.faults.is_empty()).ok_or(reading.faults)
}

/// The rows that have in a column what a row before them has.
fn repeated(
    columns: &[&'static str],
    records: &[Record],
    column: &'static str,
    compared: fn(&str) -> Option<String>,
) -> Vec<Fault> {
    let Some(place) = columns.iter().position(|known| *known == column) else { return Vec::new() };
    let (mut first_lines, mut faults) = (HashMap::<String, u64>::new(), Vec::new());
    for Record { line, fields } in records {
        let Some(value) = fields.get(place).and_then(|text| compared(text)) else { continue };
        if let Some(first) = first_lines.get(&value) {
            let message = format!("{value} is on line {first} already");
            faults.push(Fault::of_column(*line, column, message));
        } else {
            first_lines.insert(value, *line);
        }
    }
    faults
}

/// The fields of a row, and the line on which it begins.
struct Record {
    line: u64,
    fields: Vec<String>,
}

/// All rows that are not empty, the header first.
fn records(bytes: &[u8]) -> Result<Vec<Record>, Fault> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let valid = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
        let line = 1 + line_breaks(&with_line_feeds(&valid));
        Fault::of_row(line, "this is not UTF-8: save the file as “CSV UTF-8”")
    })?;
    let text = with_line_feeds(text);
    let text = text.as_str();
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(Trim::All)
        .from_reader(text.as_bytes());
    let (mut records, mut record) = (Vec::new(), ByteRecord::new());
    let (mut rest, mut line) = (text, 1);
    loop {
        let more = reader.read_byte_record(&mut record);
        if !more.map_err(|error| Fault::of_row(line, error.to_string()))? {
            return Ok(records);
        }
        let passed = usize::try_from(reader.position().byte()).unwrap_or(text.len());
        let raw;
        (raw, rest) = rest.split_at(passed + rest.len() - text.len());
        // The reader passes over empty lines without a word.
        let (empty, own) = raw.split_at(raw.len() - raw.trim_start().len());
        line += line_breaks(empty);
        if own.matches('"').count() % 2 == 1 {
            let message = "a quotation mark is not closed; within a text it is written twice";
            return Err(Fault::of_row(line, message));
        }
        let fields = record.iter().map(|field| String::from_utf8_lossy(field).into_owned());
        let fields: Vec<String> = fields.collect();
        // Spreadsheets leave such rows behind.
        if fields.iter().any(|field| !field.is_empty()) {
            records.push(Record { line, fields });
        }
        line += line_breaks(own);
    }
}

/// A text whose lines all end with a line feed alone, whatever they ended with.
fn with_line_feeds(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

fn line_breaks(text: &str) -> u64 {
    text.bytes().map(|byte| u64::from(byte == b'\n')).sum()
}

/// A row whose fields are being read.
pub struct Reading<'a> {
    columns: &'a [&'static str],
    fields: &'a [String],
    /// The line on which it begins, from 1.
    pub line: u64,
    faults: Vec<Fault>,
}

impl Reading<'_> {
    /// The text in a column; nothing where there is none.
    fn text(&self, column: &str) -> Option<&str> {
        let place = self.columns.iter().position(|known| *known == column)?;
        self.fields.get(place).map(String::as_str).filter(|text| !text.is_empty())
    }

    /// The value in a column, if there is one and it is acceptable.
    pub fn value<T: FromStr<Err = Unacceptable>>(&mut self, column: &'static str) -> Option<T> {
        match self.text(column)?.parse() {
            Ok(value) => Some(value),
            Err(refusal) => {
                self.faults.push(Fault::of_column(self.line, column, refusal.to_string()));
                None
            }
        }
    }

    /// The same for a column that no row may leave empty.
    pub fn needed<T: FromStr<Err = Unacceptable>>(&mut self, column: &'static str) -> Option<T> {
        if self.text(column).is_none() {
            self.faults.push(Fault::of_column(self.line, column, "is missing"));
        }
        self.value(column)
    }
}
