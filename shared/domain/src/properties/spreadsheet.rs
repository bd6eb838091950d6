//! Properties of text for spreadsheets: whatever a cell says, no spreadsheet finds a formula in it.

use proptest::prelude::*;

use crate::spreadsheet::harmless;

/// A row of a file as it is written, with this cell.
fn row_of(cell: &str) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
    writer.write_record(["2026-01-15", &harmless(cell), "LUNCH"]).expect("in memory");
    writer.into_inner().expect("in memory")
}

/// The cells that a spreadsheet sees which separates them by this.
fn cells_of(file: &[u8], separator: u8) -> Vec<String> {
    let mut reader = csv::ReaderBuilder::new();
    let reader = reader.has_headers(false).flexible(true).delimiter(separator);
    let rows = reader.from_reader(file).into_records().map(|row| row.expect("UTF-8"));
    rows.flat_map(|row| row.iter().map(str::to_owned).collect::<Vec<_>>()).collect()
}

proptest! {
    #[test]
    fn no_spreadsheet_finds_a_formula_whatever_a_cell_says(
        cell in prop_oneof![
            any::<String>(),
            "[ \t\r\n;|,'\"=+@＝＋－＠\u{feff}\u{a0}\u{200b}\u{2066}ab-]{0,12}",
        ],
    ) {
        let file = row_of(&cell);
        for separator in [b',', b';', b'\t', b'|'] {
            for seen in cells_of(&file, separator) {
                let shown = seen.trim_start_matches(|c: char| {
                    c.is_whitespace() || c.is_control() || "\u{feff}\u{200b}\u{2066}".contains(c)
                });
                prop_assert!(!shown.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']), "{seen:?}");
            }
        }
    }

    #[test]
    fn a_cell_keeps_its_text_and_is_made_harmless_once(cell in any::<String>()) {
        let once = harmless(&cell).into_owned();
        prop_assert_eq!(once.replace('\'', ""), cell.replace('\'', ""));
        prop_assert_eq!(harmless(&once), once.as_str());
    }
}
