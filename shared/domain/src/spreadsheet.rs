//! Text for spreadsheets: what makes a CSV file safe to open in one.

use std::borrow::Cow;

/// The first character of a CSV file. Without it, Excel does not read the file as UTF-8.
pub const BYTE_ORDER_MARK: &str = "\u{feff}";

/// The characters with which a formula begins. Excel takes the wide ones of East Asian keyboards
/// too.
const FORMULA: [char; 12] = ['=', '+', '-', '@', '＝', '＋', '－', '＠', '﹦', '﹢', '﹣', '﹫'];

/// Characters between which a spreadsheet may see cells. Where a country writes decimals with
/// commas, Excel separates the fields of every CSV file by semicolons.
const SEPARATORS: [char; 6] = [';', '\t', '|', '\n', '\r', '\u{b}'];

/// Makes a cell harmless in a spreadsheet, which would compute a cell that begins like a formula
/// when the file is opened: people type their names themselves. Such a cell gets a `'`, which
/// spreadsheets take as the mark of text.
#[must_use]
pub fn harmless(cell: &str) -> Cow<'_, str> {
    let first = cell.starts_with(['\t', '\r', '\n']) || begins_formula(cell);
    let within = cell.match_indices(SEPARATORS).map(|(at, separator)| at + separator.len());
    let marks: Vec<usize> = first
        .then_some(0)
        .into_iter()
        .chain(within.filter(|after| begins_formula(&cell[*after..])))
        .collect();
    if marks.is_empty() {
        return cell.into();
    }
    let mut harmless = String::with_capacity(cell.len() + marks.len());
    let mut written = 0;
    for mark in marks {
        harmless += &cell[written..mark];
        harmless.push('\'');
        written = mark;
    }
    (harmless + &cell[written..]).into()
}

fn begins_formula(text: &str) -> bool {
    text.trim_start_matches(is_unseen).starts_with(FORMULA)
}

/// Whether a spreadsheet may drop a character from a cell's beginning: spaces, quotation marks,
/// and what is not shown (Unicode's `Default_Ignorable_Code_Point`).
fn is_unseen(c: char) -> bool {
    c == '"'
        || c.is_whitespace()
        || c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_that_looks_like_a_formula_is_made_text() {
        for cell in [
            "=1+1",
            "+91",
            "-1",
            "@sum",
            "\tx",
            "\rx",
            "＝1",
            "＋1",
            "－1",
            "＠x",
            " =1",
            "\u{feff}=1",
            "\u{a0}\u{200b}=1",
            "\"=1+1\"",
            "\n=1",
            "\u{0}-1",
        ] {
            assert!(harmless(cell).starts_with('\''), "{cell:?}");
            assert!(harmless(cell).contains(cell.trim_start()), "{cell:?}");
        }
        for cell in ["", "Asha", "'quoted", "a=b", "2026-01-15T12:30:00+05:30", "आशा - राव", " "]
        {
            assert_eq!(harmless(cell), cell);
        }
    }

    #[test]
    fn a_formula_behind_another_separator_is_made_text() {
        assert_eq!(harmless("Asha;=1+1"), "Asha;'=1+1");
        assert_eq!(harmless("=1;\"@a\"|b"), "'=1;'\"@a\"|b");
        assert_eq!(harmless("a\n-1\t＠x"), "a\n'-1\t'＠x");
    }
}
