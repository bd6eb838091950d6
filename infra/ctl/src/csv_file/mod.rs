//! A file of comma-separated values, as people and spreadsheets write it: read as a whole, and
//! refused with everything that is wrong with it, each by its line and column. What its columns
//! mean is for `menu_file` and `student_file`.

mod cells;
mod headings;
mod how_read;
mod reading;
mod records;
mod text;

use std::collections::HashMap;
use std::fmt::{self, Display, Write};
use std::path::Path;

pub use self::cells::Kind;
pub use self::headings::Column;
use self::headings::Headings;
pub use self::how_read::HowRead;
use self::reading::Cell;
pub use self::reading::Reading;
use self::records::{Record, Table};
use crate::Failure;

/// The largest file that is read: far more than any menu or list of students.
pub const FILE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A column in which no two rows have the same, and its text as it is compared, if that is
/// acceptable at all.
pub type Unique = (&'static str, fn(&str) -> Option<String>);

/// What a file of one kind looks like.
pub struct Layout {
    /// The columns, those that a file must have first.
    pub columns: &'static [Column],
    /// How many of them a file must have.
    pub required: usize,
    /// What no two rows may have in common.
    pub unique: &'static [Unique],
}

/// The rows of a file, and how they were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sheet<T> {
    pub rows: Vec<T>,
    pub how: HowRead,
}

/// Why a file was refused, and how it was read, as far as that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub faults: Vec<Fault>,
    pub how: Option<HowRead>,
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
pub fn refusal(file: &Path, faults: &[Fault], how: Option<&HowRead>) -> Failure {
    let errors = if faults.len() == 1 { "1 error" } else { &format!("{} errors", faults.len()) };
    let mut failure = format!("{} has {errors}, nothing was written", file.display());
    for fault in faults {
        let _ = write!(failure, "\n  {fault}");
    }
    if let Some(how) = how {
        let _ = write!(failure, "\nIt was {how}");
    }
    failure.into()
}

/// The rows of a file as `read` reads them; a failure that tells all that is wrong with it.
pub fn read_file<T>(
    file: &Path,
    read: impl FnOnce(&[u8]) -> Result<Sheet<T>, Refused>,
) -> Result<Sheet<T>, Failure> {
    let shown = file.display();
    let bytes = std::fs::read(file).map_err(|error| format!("{shown} cannot be read: {error}"))?;
    if bytes.len() > FILE_BYTES_MAX {
        return Err(format!("{shown} is larger than {} MiB", FILE_BYTES_MAX >> 20).into());
    }
    read(&bytes).map_err(|Refused { faults, how }| refusal(file, &faults, how.as_ref()))
}

impl Layout {
    /// Reads a file, each row as `row` reads it, which answers nothing only where it has
    /// found a fault. Where anything is wrong, answers all of it and no row.
    pub fn read<T>(
        &self,
        bytes: &[u8],
        row: impl Fn(&mut Reading<'_>) -> Option<T>,
    ) -> Result<Sheet<T>, Refused> {
        let refused = |fault, how| Refused { faults: vec![fault], how };
        let (text, encoding) = text::decode(bytes).map_err(|fault| refused(fault, None))?;
        let is_heading = |field: &str| self.columns.iter().any(|it| it.is_named_by(field));
        let table = Table::of(&text, is_heading);
        let how = HowRead::of(encoding, table.separator);
        let records: Result<Vec<Record>, Fault> = table.records().collect();
        let records = records.map_err(|fault| refused(fault, Some(how.clone())))?;
        let mut records = records.into_iter().skip_while(Record::is_empty);
        let Some(first) = records.next() else {
            let message = format!("the file is empty; {}", self.header_wanted());
            return Err(refused(Fault::of_row(1, message), None));
        };
        let (empty, records): (Vec<_>, Vec<_>) = records.partition(Record::is_empty);
        let how = HowRead { rows: records.len(), empty_rows: empty.len(), ..how };
        let (headings, wrong) = self.headings(&first, &records);
        let how = how.with(&headings);
        if !wrong.is_empty() {
            return Err(Refused { faults: wrong, how: Some(how) });
        }
        self.rows(&headings, &records, row).map_or_else(
            |faults| Err(Refused { faults, how: Some(how.clone()) }),
            |rows| Ok(Sheet { rows, how: how.clone() }),
        )
    }

    /// What a first line must say.
    pub(crate) fn header_wanted(&self) -> String {
        let (required, optional) = self.columns.split_at(self.required);
        let names = |columns: &[Column]| {
            columns.iter().map(|column| column.name).collect::<Vec<_>>().join(",")
        };
        let (required, optional) = (names(required), names(optional));
        format!("its first line names the columns: {required} and, if you like, {optional}")
    }

    /// What the first row names, and all that is wrong with it.
    fn headings(&self, first: &Record, rows: &[Record]) -> (Headings, Vec<Fault>) {
        let (headings, mut wrong) = Headings::read(self.columns, first, rows);
        for missing in (0..self.required).filter(|column| !headings.has(*column)) {
            wrong.push(format!("the column {} is missing", self.columns[missing].name));
        }
        if !wrong.is_empty() {
            wrong.push(self.header_wanted());
        }
        let faults = wrong.into_iter().map(|message| Fault::of_row(first.line, message));
        (headings, faults.collect())
    }

    /// What the rows say, or all that is wrong with them.
    fn rows<T>(
        &self,
        headings: &Headings,
        records: &[Record],
        row: impl Fn(&mut Reading<'_>) -> Option<T>,
    ) -> Result<Vec<T>, Vec<Fault>> {
        let (mut rows, mut faults) = (Vec::new(), Vec::new());
        let mut firsts: Vec<HashMap<String, u64>> = vec![HashMap::new(); self.unique.len()];
        for record in records {
            let line = record.line;
            let cells = self.cells(headings, record);
            let mismatch = headings.mismatch(record).map(|message| Fault::of_row(line, message));
            if let Some(fault) = mismatch {
                faults.push(fault);
            } else {
                let columns = self.columns;
                let mut reading = Reading { columns, cells: &cells, line, faults: Vec::new() };
                rows.extend(row(&mut reading));
                faults.append(&mut reading.faults);
            }
            for ((column, compared), firsts) in self.unique.iter().zip(&mut firsts) {
                faults.extend(self.repeated(column, *compared, line, &cells, firsts));
            }
        }
        if faults.is_empty() { Ok(rows) } else { Err(faults) }
    }

    /// The meant text of each column's cell in a row.
    fn cells(&self, headings: &Headings, record: &Record) -> Vec<Cell> {
        let columns = self.columns.iter().enumerate();
        let cell = |(place, column): (usize, &Column)| {
            cells::meant(headings.field(place, record), column.kind)
        };
        columns.map(cell).collect()
    }

    /// That a row has in a column what a row before it has, if so.
    fn repeated(
        &self,
        column: &'static str,
        compared: fn(&str) -> Option<String>,
        line: u64,
        cells: &[Cell],
        firsts: &mut HashMap<String, u64>,
    ) -> Option<Fault> {
        let place = self.columns.iter().position(|known| known.name == column)?;
        let value = compared(cells.get(place)?.as_ref().ok()?)?;
        if let Some(first) = firsts.get(&value) {
            let message = format!("{value} is on line {first} already");
            return Some(Fault::of_column(line, column, message));
        }
        firsts.insert(value, line);
        None
    }
}
