//! What a cell says. A spreadsheet takes numbers of telephones and rooms for amounts, and writes
//! them as such: rounded, with decimals, or marked as text. What is certain is mended, and what is
//! lost is refused with the reason.

/// What the cells of a column hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text, which is taken as it is.
    Text,
    /// A word or a number that nobody calculates with.
    Id,
    /// A telephone number.
    Phone,
    /// A whole number.
    Whole,
}

const ROUNDED: &str = "the spreadsheet has rounded it: format the column as text, enter it again \
                       and save the file again";

/// The meant text of a clean cell, or why it is lost.
pub fn meant(cell: &str, kind: Kind) -> Result<String, &'static str> {
    match kind {
        Kind::Text => Ok(cell.to_owned()),
        Kind::Whole => Ok(without_decimals(cell, 2).to_owned()),
        Kind::Id => {
            let id = unmarked(cell);
            if is_rounded(id, "E+") {
                return Err(ROUNDED);
            }
            // A column of numbers is exported with decimals. `4.0` may be a name, `2021001.0` is not.
            let whole = without_decimals(id, 2);
            Ok(if whole.len() >= 3 { whole } else { id }.to_owned())
        }
        Kind::Phone => {
            let phone = unmarked(cell);
            // No telephone number has a letter.
            if is_rounded(phone, "E+") || is_rounded(phone, "E") {
                return Err(ROUNDED);
            }
            let with_hyphens = without_decimals(phone, 2).chars().map(|c| match c {
                '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
                c => c,
            });
            Ok(with_hyphens.collect())
        }
    }
}

/// A cell without the mark that makes a spreadsheet show it as text, `'…` or `="…"`.
fn unmarked(cell: &str) -> &str {
    let quoted = cell.strip_prefix("=\"").and_then(|rest| rest.strip_suffix('"'));
    quoted.unwrap_or_else(|| cell.strip_prefix('\'').unwrap_or(cell)).trim()
}

/// Whether a cell is a number in powers of ten, such as `9.87654E+09`, with this mark before its
/// power. `21E045` is a roll number, so only a telephone number may not look like that.
fn is_rounded(cell: &str, mark: &str) -> bool {
    let is_digit = |c: char| c.is_ascii_digit();
    let cell = cell.trim_start_matches(['+', '-']).to_ascii_uppercase();
    let Some((number, power)) = cell.split_once(mark) else { return false };
    let (whole, decimals) = number.split_once(['.', ',']).unwrap_or((number, ""));
    !whole.is_empty()
        && !power.is_empty()
        && [whole, decimals, power].iter().all(|digits| digits.chars().all(is_digit))
}

/// A number without decimals that are all zero, of which there are at most `most`: with three,
/// `5,000` could be thousands.
fn without_decimals(cell: &str, most: usize) -> &str {
    let Some((whole, zeros)) = cell.split_once(['.', ',']) else { return cell };
    let are_zeros = (1..=most).contains(&zeros.len()) && zeros.bytes().all(|zero| zero == b'0');
    let is_whole = !whole.is_empty() && whole.bytes().all(|digit| digit.is_ascii_digit());
    if are_zeros && is_whole { whole } else { cell }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_a_spreadsheet_rounded_is_lost() {
        for cell in ["9.87654E+09", "9,87654E+09", "9.18E+11", "9.87654e+09", "1E+10", "'9.1E+11"] {
            assert_eq!(meant(cell, Kind::Phone), Err(ROUNDED), "{cell}");
            assert_eq!(meant(cell, Kind::Id), Err(ROUNDED), "{cell}");
        }
        for cell in ["9.87654E9", "9E09", "+9.18E+11"] {
            assert_eq!(meant(cell, Kind::Phone), Err(ROUNDED), "{cell}");
        }
        for id in ["21E045", "E+1", "CSE+2", "1.2.3E+4", "B-2E"] {
            assert_eq!(meant(id, Kind::Id).as_deref(), Ok(id));
        }
        assert_eq!(meant("9.87654E+09", Kind::Text).as_deref(), Ok("9.87654E+09"));
    }

    #[test]
    fn a_mark_that_makes_a_cell_text_is_no_part_of_it() {
        for cell in ["'+91 98123", "=\"+91 98123\"", "+91 98123"] {
            assert_eq!(meant(cell, Kind::Phone).as_deref(), Ok("+91 98123"));
            assert_eq!(meant(cell, Kind::Id).as_deref(), Ok("+91 98123"));
        }
        assert_eq!(meant("'Asha'", Kind::Text).as_deref(), Ok("'Asha'"));
    }

    #[test]
    fn a_number_of_a_column_of_numbers_loses_its_decimals() {
        for (cell, id) in [("2021001.0", "2021001"), ("101,00", "101"), ("'2021001.0", "2021001")] {
            assert_eq!(meant(cell, Kind::Id).as_deref(), Ok(id));
        }
        for id in ["4.0", "12.00", "CS101.0", "2021001.5", "1.2.0"] {
            assert_eq!(meant(id, Kind::Id).as_deref(), Ok(id));
        }
    }

    #[test]
    fn a_telephone_number_may_have_long_hyphens_and_decimals_of_zero() {
        assert_eq!(meant("98123\u{2011}45678", Kind::Phone).as_deref(), Ok("98123-45678"));
        assert_eq!(meant("98123–45678", Kind::Phone).as_deref(), Ok("98123-45678"));
        for number in ["9812345678.0", "9812345678,00"] {
            assert_eq!(meant(number, Kind::Phone).as_deref(), Ok("9812345678"));
        }
    }

    #[test]
    fn decimals_that_are_zero_are_dropped_where_they_cannot_be_thousands() {
        for (cell, whole) in [("5,00", "5"), ("5.0", "5"), ("60.00", "60"), ("7", "7")] {
            assert_eq!(meant(cell, Kind::Whole).as_deref(), Ok(whole));
        }
        for cell in ["5,000", "1.5", "5,50", ",00", "5.", "1,00.00", "-5,00"] {
            assert_eq!(meant(cell, Kind::Whole).as_deref(), Ok(cell), "as it is");
        }
    }
}
