//! Unicode facts about text that people type: one spelling for texts that look the same, which
//! characters cannot be seen, and digits of any script. The tables are those that the URL
//! parser of the HTTP client brings already.

use std::borrow::Cow;

use icu_normalizer::properties::CanonicalCombiningClassMapBorrowed;
use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};
use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory, GeneralCategoryGroup};
use icu_properties::{CodePointMapData, CodePointSetData};

/// Joins two letters.
const JOINER: char = '\u{200d}';

/// Keeps two letters apart.
const NON_JOINER: char = '\u{200c}';

/// An empty Braille cell. It is a symbol that looks like a space.
const BRAILLE_BLANK: char = '\u{2800}';
/// Stands for something that is not in the text.
const OBJECT_REPLACEMENT: char = '\u{fffc}';
/// A symbol of Unicode that is drawn as nothing.
const NULL_NOTEHEAD: char = '\u{1d159}';

/// The combining class of a virama, which takes the vowel from a consonant.
const VIRAMA_CLASS: u8 = 9;

/// The text in NFC, in which a letter and its accent are one character where there is one.
#[must_use]
pub fn nfc(text: &str) -> Cow<'_, str> {
    const { ComposingNormalizerBorrowed::new_nfc() }.normalize(text)
}

/// The text in NFD, in which a letter and its accent are two characters.
#[must_use]
pub fn nfd(text: &str) -> Cow<'_, str> {
    const { DecomposingNormalizerBorrowed::new_nfd() }.normalize(text)
}

fn category(c: char) -> GeneralCategory {
    CodePointMapData::<GeneralCategory>::new().get(c)
}

/// Whether a character takes no space, or none that could be told from a space: zero-width
/// characters, soft hyphens, marks of direction, fillers, tags.
#[must_use]
pub fn is_invisible(c: char) -> bool {
    CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
        || ('\u{fff9}'..='\u{fffb}').contains(&c)
        || [BRAILLE_BLANK, OBJECT_REPLACEMENT, NULL_NOTEHEAD].contains(&c)
}

/// Whether a person who reads `text` sees anything.
#[must_use]
pub fn is_visible(text: &str) -> bool {
    let unseen = GeneralCategoryGroup::Mark
        .union(GeneralCategoryGroup::Separator)
        .union(GeneralCategoryGroup::Other);
    text.chars().any(|c| !is_invisible(c) && !unseen.contains(category(c)))
}

/// Whether a character is white space of any width but one.
#[must_use]
pub fn is_wide_or_narrow_space(c: char) -> bool {
    c != ' ' && category(c) == GeneralCategory::SpaceSeparator
}

/// Whether a password may contain the character: the class `FreeformClass` of RFC 8264, of
/// which the joiners are judged with their neighbours, see [`keeps_joiner`].
#[must_use]
pub fn is_freeform(c: char) -> bool {
    let old_jamo =
        matches!(c, '\u{1100}'..='\u{11ff}' | '\u{a960}'..='\u{a97f}' | '\u{d7b0}'..='\u{d7ff}');
    let printed = GeneralCategoryGroup::Letter
        .union(GeneralCategoryGroup::Mark)
        .union(GeneralCategoryGroup::Number)
        .union(GeneralCategoryGroup::Punctuation)
        .union(GeneralCategoryGroup::Symbol);
    let category = category(c);
    (category == GeneralCategory::SpaceSeparator || printed.contains(category))
        && !old_jamo
        && !CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
}

/// Whether a character is one of the two joiners.
#[must_use]
pub const fn is_joiner(c: char) -> bool {
    matches!(c, JOINER | NON_JOINER)
}

/// Whether a joiner between these characters changes what people read: after a virama, or
/// between letters of a script in which letters join, or in a picture made of two.
#[must_use]
pub fn keeps_joiner(joiner: char, before: Option<char>, after: Option<char>) -> bool {
    let Some(before) = before else { return false };
    if CanonicalCombiningClassMapBorrowed::new().get_u8(before) == VIRAMA_CLASS {
        return true;
    }
    let Some(after) = after else { return false };
    let pictures = is_picture_part(before) && category(after) == GeneralCategory::OtherSymbol;
    (joins(before) && joins(after)) || (joiner == JOINER && pictures)
}

/// Whether a character is a letter or a mark of a script in which letters join.
fn joins(c: char) -> bool {
    let script_joins = matches!(c,
        '\u{0600}'..='\u{109f}'
        | '\u{1700}'..='\u{1cff}'
        | '\u{a800}'..='\u{abff}'
        | '\u{10a00}'..='\u{11fff}'
        | '\u{1e900}'..='\u{1e95f}');
    let letters = GeneralCategoryGroup::Letter.union(GeneralCategoryGroup::Mark);
    script_joins && letters.contains(category(c))
}

/// Whether a character can be the end of a picture that is joined to the next.
fn is_picture_part(c: char) -> bool {
    is_variation(c)
        || matches!(category(c), GeneralCategory::OtherSymbol | GeneralCategory::ModifierSymbol)
}

/// Whether a character chooses among the shapes of the character before it.
#[must_use]
pub const fn is_variation(c: char) -> bool {
    matches!(c, '\u{fe00}'..='\u{fe0f}')
}

/// The ASCII digit of a decimal digit of any script. `None` for all other characters.
///
/// Unicode encodes the digits of a script, or of a style, as ten characters in a row from zero,
/// and rows may follow each other.
#[must_use]
pub fn ascii_digit(c: char) -> Option<char> {
    let is_digit = |c: char| category(c) == GeneralCategory::DecimalNumber;
    if !is_digit(c) {
        return None;
    }
    let before = (1..u32::from(c))
        .take_while(|back| char::from_u32(u32::from(c) - back).is_some_and(is_digit))
        .count();
    char::from_digit(u32::try_from(before % 10).ok()?, 10)
}

/// Whether a character is a dash of any kind.
#[must_use]
pub fn is_dash(c: char) -> bool {
    category(c) == GeneralCategory::DashPunctuation || c == '\u{2212}'
}

/// The digits of a code that a person typed, as ASCII: without white space, dashes and
/// invisible characters. `None` if there is anything else.
#[must_use]
pub fn code_digits(text: &str) -> Option<String> {
    let separates = |c: &char| c.is_whitespace() || is_dash(*c) || is_invisible(*c);
    text.chars().filter(|c| !separates(c)).map(ascii_digit).collect()
}

/// The text without invisible characters and white space at its ends, and with digits of any
/// script, dashes of any kind and wide letters as ASCII. For names that consist of ASCII only.
#[must_use]
pub fn ascii_spelling(text: &str) -> String {
    let spelt = text.chars().filter(|c| !is_invisible(*c)).map(|c| match c {
        '\u{ff01}'..='\u{ff5e}' => {
            char::from_u32(u32::from(c) - 0xfee0).expect("wide ASCII is 0xFEE0 above ASCII")
        }
        c if is_dash(c) => '-',
        c => ascii_digit(c).unwrap_or(c),
    });
    spelt.collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_of_every_script_are_read() {
        for typed in [
            "0123456789",
            "०१२३४५६७८९",
            "০১২৩৪৫৬৭৮৯",
            "௦௧௨௩௪௫௬௭௮௯",
            "٠١٢٣٤٥٦٧٨٩",
            "۰۱۲۳۴۵۶۷۸۹",
            "０１２３４５６７８９",
            "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗",
            "𝟶𝟷𝟸𝟹𝟺𝟻𝟼𝟽𝟾𝟿",
        ] {
            assert_eq!(code_digits(typed).as_deref(), Some("0123456789"), "{typed}");
        }
    }

    #[test]
    fn decimal_digits_of_unicode_are_in_rows_of_ten() {
        let digits: Vec<char> =
            ('\0'..=char::MAX).filter(|c| category(*c) == GeneralCategory::DecimalNumber).collect();
        assert!(digits.len() >= 760, "{}", digits.len());
        for row in digits.chunks(10) {
            let read: String = row.iter().filter_map(|c| ascii_digit(*c)).collect();
            assert_eq!(read, "0123456789", "{row:?}");
        }
    }

    #[test]
    fn a_code_may_be_typed_with_separators_but_nothing_else() {
        for typed in [
            "123 456",
            " 123-456\n",
            "123\u{a0}456",
            "12–34—56",
            "\u{200b}123\u{feff}456",
            "1 2 3 4 5 6",
        ] {
            assert_eq!(code_digits(typed).as_deref(), Some("123456"), "{typed:?}");
        }
        for refused in ["12345a", "½", "+123456", "123.456", "123,456", "一二三四五六", "¹²³⁴⁵⁶"]
        {
            assert_eq!(code_digits(refused), None, "{refused}");
        }
    }

    #[test]
    fn a_text_without_anything_to_see_is_not_visible() {
        for blank in [
            "",
            " ",
            "\u{200b}",
            "\u{2060}\u{feff}",
            "\u{ad}",
            "\u{3164}",
            "\u{115f}\u{1160}",
            "\u{ffa0}",
            "\u{2800}",
            "\u{e0041}",
            "\u{200d}",
            "\u{a0}\u{3000}",
            "\u{2028}",
            "\u{301}",
            "\u{34f}",
            "\u{180e}",
            "\u{fe0f}",
            "\u{61c}",
            "\u{e000}",
        ] {
            assert!(!is_visible(blank), "{blank:?}");
        }
        for seen in ["a", ".", "अ", "🍛", "1", "\u{200b}x"] {
            assert!(is_visible(seen), "{seen:?}");
        }
    }

    #[test]
    fn ascii_names_are_read_from_wide_letters_and_other_dashes() {
        assert_eq!(ascii_spelling(" ＣＳ２１\u{2011}\u{200b}०४२ "), "CS21-042");
        assert_eq!(ascii_spelling("ravi é"), "ravi é");
    }
}
