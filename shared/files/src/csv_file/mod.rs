//! A file of comma-separated values, as people and spreadsheets write it: read as a whole, and
//! refused with everything that is wrong with it, each by its line and column, or read line by line. What its columns
//! mean is for whoever gives a [`Layout`].

mod cells;
mod headings;
mod how_read;
mod reading;
mod records;
mod text;

use std::collections::HashMap;
use std::fmt::{self, Display};

pub use self::cells::Kind;
pub use self::headings::Column;
use self::headings::Headings;
pub use self::how_read::HowRead;
use self::reading::Cell;
pub use self::reading::Reading;
use self::records::{Record, Table};

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

/// What each line of a file says, and how they were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lines<T> {
    pub lines: Vec<Line<T>>,
    pub how: HowRead,
}

/// What one line of a file says, or all that is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line<T> {
    /// The line on which the row begins, from 1.
    pub line: u64,
    pub row: Result<T, Vec<Fault>>,
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

    /// The column, where one is to blame.
    #[must_use]
    pub const fn column(&self) -> Option<&'static str> {
        self.column
    }

    /// What is wrong, without the line and the column.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What is wrong with one column of a row.
    pub fn of_column(line: u64, column: &'static str, message: impl Into<String>) -> Self {
        Self { line, column: Some(column), message: message.into() }
    }
}

impl Layout {
    /// Reads a file, each row as `row` reads it, which answers nothing only where it has
    /// found a fault. Where anything is wrong, answers all of it and no row.
    pub fn read<T>(
        &self,
        bytes: &[u8],
        row: impl Fn(&mut Reading<'_>) -> Option<T>,
    ) -> Result<Sheet<T>, Refused> {
        let Lines { lines, how } = self.lines(bytes, row)?;
        let (mut rows, mut faults) = (Vec::with_capacity(lines.len()), Vec::new());
        for line in lines {
            match line.row {
                Ok(row) => rows.push(row),
                Err(wrong) => faults.extend(wrong),
            }
        }
        if faults.is_empty() {
            Ok(Sheet { rows, how })
        } else {
            Err(Refused { faults, how: Some(how) })
        }
    }

    /// The same line by line: only what is wrong with the file as a whole refuses it.
    pub fn lines<T>(
        &self,
        bytes: &[u8],
        row: impl Fn(&mut Reading<'_>) -> Option<T>,
    ) -> Result<Lines<T>, Refused> {
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
        Ok(Lines { lines: self.rows(&headings, &records, row), how })
    }

    /// What a first line must say.
    #[must_use]
    pub fn header_wanted(&self) -> String {
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

    /// What each row says, or all that is wrong with it.
    fn rows<T>(
        &self,
        headings: &Headings,
        records: &[Record],
        row: impl Fn(&mut Reading<'_>) -> Option<T>,
    ) -> Vec<Line<T>> {
        let mut firsts: Vec<HashMap<String, u64>> = vec![HashMap::new(); self.unique.len()];
        let mut lines = Vec::with_capacity(records.len());
        for record in records {
            let (line, columns) = (record.line, self.columns);
            let cells = self.cells(headings, record);
            let mismatch = headings.mismatch(record).map(|message| Fault::of_row(line, message));
            let mut reading = Reading { columns, cells: &cells, line, faults: Vec::new() };
            let read = if mismatch.is_none() { row(&mut reading) } else { None };
            let mut faults: Vec<Fault> = mismatch.into_iter().chain(reading.faults).collect();
            for ((column, compared), firsts) in self.unique.iter().zip(&mut firsts) {
                faults.extend(self.repeated(column, *compared, line, &cells, firsts));
            }
            let row = read.filter(|_| faults.is_empty()).ok_or(faults);
            lines.push(Line { line, row });
        }
        lines
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
