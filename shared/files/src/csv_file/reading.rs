//! A row that is being read: the values of its cells, and what is wrong with them.

use std::str::FromStr;

use thali_domain::Unacceptable;

use super::{Column, Fault};

/// A cell's meant text, or why it is lost.
pub(super) type Cell = Result<String, &'static str>;

/// A row whose cells are being read.
pub struct Reading<'a> {
    pub(super) columns: &'static [Column],
    /// A cell for each column that there can be; empty where the file does not have it.
    pub(super) cells: &'a [Cell],
    /// The line on which it begins, from 1.
    pub line: u64,
    pub(super) faults: Vec<Fault>,
}

impl Reading<'_> {
    /// The cell in a column; nothing where it is empty.
    fn cell(&self, column: &str) -> Option<&Cell> {
        let place = self.columns.iter().position(|known| known.name == column)?;
        self.cells.get(place).filter(|cell| cell.as_ref().map_or(true, |text| !text.is_empty()))
    }

    /// The value in a column, if there is one and it is acceptable.
    pub fn value<T: FromStr<Err = Unacceptable>>(&mut self, column: &'static str) -> Option<T> {
        self.value_as(column, str::parse)
    }

    fn value_as<T>(
        &mut self,
        column: &'static str,
        parse: impl FnOnce(&str) -> Result<T, Unacceptable>,
    ) -> Option<T> {
        let refusal = match self.cell(column)? {
            Ok(text) => match parse(text) {
                Ok(value) => return Some(value),
                Err(refusal) => refusal.to_string(),
            },
            Err(lost) => (*lost).to_owned(),
        };
        self.faults.push(Fault::of_column(self.line, column, refusal));
        None
    }

    /// The same for a column that no row may leave empty.
    pub fn needed<T: FromStr<Err = Unacceptable>>(&mut self, column: &'static str) -> Option<T> {
        self.needed_as(column, str::parse)
    }

    /// The same, read by `parse`.
    pub fn needed_as<T>(
        &mut self,
        column: &'static str,
        parse: impl FnOnce(&str) -> Result<T, Unacceptable>,
    ) -> Option<T> {
        if self.cell(column).is_none() {
            self.faults.push(Fault::of_column(self.line, column, "is missing"));
        }
        self.value_as(column, parse)
    }
}
