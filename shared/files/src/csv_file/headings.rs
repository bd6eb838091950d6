//! Which column of a file is which: headings as people write them, and columns that are empty.

use super::cells::Kind;
use super::records::Record;

/// A column that a file may have.
pub struct Column {
    /// Its name.
    pub name: &'static str,
    pub kind: Kind,
    /// Other headings that mean it, each as [`Column::is_named_by`] compares them.
    pub also: &'static [&'static str],
}

impl Column {
    /// Whether a heading means this column. Only letters and digits count, in either case: `Roll
    /// No.` is `roll_no`, and `E-mail` is `email`.
    #[must_use]
    pub fn is_named_by(&self, heading: &str) -> bool {
        let heading = letters(heading);
        letters(self.name) == heading || self.also.contains(&heading.as_str())
    }
}

fn letters(heading: &str) -> String {
    heading.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The columns of a file.
#[derive(Default)]
pub struct Headings {
    /// The columns' names and the headings that mean them, in the file's order.
    pub named: Vec<(&'static str, String)>,
    /// Headings of empty columns that mean none of them. Empty where a column has no heading.
    pub ignored: Vec<String>,
    /// For each known column, its place in a row.
    places: Vec<Option<usize>>,
    /// How many fields a row has at least, and how many have a heading.
    needed: usize,
    count: usize,
}

impl Headings {
    /// Reads the first row, or says all that is wrong with it. A column that means nothing is
    /// ignored where every row leaves it empty.
    pub fn read(
        columns: &'static [Column],
        first: &Record,
        rows: &[Record],
    ) -> (Self, Vec<String>) {
        let mut read = Self {
            places: vec![None; columns.len()],
            count: first.fields.len(),
            ..Self::default()
        };
        let mut faults = Vec::new();
        for (place, heading) in first.fields.iter().enumerate() {
            let known = columns.iter().position(|column| column.is_named_by(heading));
            if let Some(known) = known {
                faults.extend(read.take(known, columns[known].name, place, &first.fields));
                continue;
            }
            let filled = rows
                .iter()
                .find(|row| row.fields.get(place).is_some_and(|field| !field.is_empty()));
            match filled {
                Some(row) if heading.is_empty() => faults.push(format!(
                    "column {} has no heading, and something is in it on line {}",
                    place + 1,
                    row.line
                )),
                None if heading.is_empty() || !rows.is_empty() => {
                    read.ignored.push(heading.clone());
                }
                _ => faults.push(format!("“{heading}” is no column")),
            }
        }
        (read, faults)
    }

    /// Takes a place for a known column, or says that it has one.
    fn take(
        &mut self,
        known: usize,
        name: &'static str,
        place: usize,
        fields: &[String],
    ) -> Option<String> {
        let heading = &fields[place];
        if let Some(first) = self.places[known].map(|first| &fields[first]) {
            return Some(if first == heading {
                format!("the column {heading} is there twice")
            } else {
                format!("“{first}” and “{heading}” both mean the column {name}")
            });
        }
        self.places[known] = Some(place);
        self.needed = place + 1;
        self.named.push((name, heading.clone()));
        None
    }

    /// Whether the file has this column.
    pub fn has(&self, known: usize) -> bool {
        self.places[known].is_some()
    }

    /// A row's field in this column, empty where there is none.
    pub fn field<'a>(&self, known: usize, row: &'a Record) -> &'a str {
        let field = self.places[known].and_then(|place| row.fields.get(place));
        field.map_or("", String::as_str)
    }

    /// Why a row does not have the fields that the headings name, if so. Empty fields after the
    /// last column do not matter.
    pub fn mismatch(&self, row: &Record) -> Option<String> {
        let found = row.fields.len();
        let beyond = row.fields.iter().skip(self.count).any(|field| !field.is_empty());
        (found < self.needed || beyond).then(|| {
            let named = self.count;
            format!("it has {found} fields, and the first line names {named} columns")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLL_NO: Column = Column { name: "roll_no", kind: Kind::Id, also: &["rollnumber"] };

    #[test]
    fn a_heading_is_compared_by_its_letters() {
        for heading in
            ["roll_no", "Roll No ", "ROLL-NO.", "roll\u{a0}no", "Roll Number", "“RollNo”"]
        {
            assert!(ROLL_NO.is_named_by(heading), "{heading}");
        }
        for heading in ["", "roll", "roll_no_2", "rolls"] {
            assert!(!ROLL_NO.is_named_by(heading), "{heading}");
        }
    }
}
