//! How a file was read, for whoever brought it: what was taken for what.

use std::fmt::{self, Display};

use super::headings::Headings;
use super::records::Separator;
use super::text::Encoding;

/// How a file was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HowRead {
    pub(super) encoding: Encoding,
    pub(super) separator: Separator,
    /// The columns' names and the headings that mean them.
    pub(super) named: Vec<(&'static str, String)>,
    /// The headings of ignored columns, some of which may be empty.
    pub(super) ignored: Vec<String>,
    /// How many rows have something in them, and how many have not.
    pub(super) rows: usize,
    pub(super) empty_rows: usize,
}

impl HowRead {
    pub(super) fn of(encoding: Encoding, separator: Separator) -> Self {
        let (named, ignored) = (Vec::new(), Vec::new());
        Self { encoding, separator, named, ignored, rows: 0, empty_rows: 0 }
    }

    /// The encoding, for example `UTF-8`.
    #[must_use]
    pub const fn encoding(&self) -> &'static str {
        self.encoding.as_str()
    }

    /// The character between fields.
    #[must_use]
    pub const fn separator(&self) -> char {
        self.separator.character()
    }

    /// The known columns that the file has, each with the heading that means it.
    pub fn columns(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.named.iter().map(|(name, heading)| (*name, heading.as_str()))
    }

    /// The headings of ignored columns, all of whose cells are empty. Some have no heading.
    #[must_use]
    pub fn ignored(&self) -> &[String] {
        &self.ignored
    }

    /// How many rows have something in them.
    #[must_use]
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// How many rows have nothing in them. They are ignored.
    #[must_use]
    pub const fn empty_rows(&self) -> usize {
        self.empty_rows
    }

    pub(super) fn with(self, headings: &Headings) -> Self {
        let Headings { named, ignored, .. } = headings;
        Self { named: named.clone(), ignored: ignored.clone(), ..self }
    }
}

impl Display for HowRead {
    /// Some lines, which begin with “read as”.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "read as {} with {}", self.encoding.as_str(), self.separator)?;
        let told = self.named.iter().map(|(name, heading)| {
            if heading == name { heading.clone() } else { format!("“{heading}” is {name}") }
        });
        if !self.named.is_empty() {
            write!(f, "\n  columns: {}", told.collect::<Vec<_>>().join(", "))?;
        }
        write!(f, "\n  {}", counted(self.rows, "row"))?;
        let mut ignored = Vec::new();
        if self.empty_rows > 0 {
            ignored.push(counted(self.empty_rows, "empty row"));
        }
        if !self.ignored.is_empty() {
            let headings = self.ignored.iter().filter(|heading| !heading.is_empty());
            let headings: Vec<_> = headings.map(|heading| format!("“{heading}”")).collect();
            let named = headings.join(", ");
            let named = if named.is_empty() { named } else { format!(" ({named})") };
            ignored.push(counted(self.ignored.len(), "empty column") + &named);
        }
        if ignored.is_empty() { Ok(()) } else { write!(f, ", ignored: {}", ignored.join(", ")) }
    }
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
