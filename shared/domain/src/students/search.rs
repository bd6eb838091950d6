//! Searching students by name or roll number: how a name is spelled in the index, and what staff
//! may search for.

use serde::{Deserialize, Serialize};

use crate::Unacceptable;
use crate::accounts::identity::{Name, RollNo};
use crate::text::{one_spelling, parse_line, plain_schema, text_newtype};
use crate::unicode::nfd;

/// The maximum length of a name in the index, in characters. It keeps a student's item small, and
/// nobody types more.
const KEY_LENGTH_MAX: usize = 48;

/// The most students that a search answers.
pub const FOUND_MAX: usize = 10;

/// A name as the index has it: in lower case and without accents.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NameKey(String);

impl NameKey {
    #[must_use]
    pub fn of(name: &Name) -> Self {
        Self(folded(name.as_str()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What staff search for: 2 to 40 characters, a roll number or the beginning of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchText(String);

impl SearchText {
    pub fn parse(text: &str) -> Result<Self, Unacceptable> {
        let refused = || Unacceptable::new("must be 2 to 40 characters");
        let line = parse_line(text, 40).map_err(|_| refused())?;
        if line.chars().count() < 2 { Err(refused()) } else { Ok(Self(line)) }
    }

    /// The beginning of the names that are meant.
    #[must_use]
    pub fn name(&self) -> NameKey {
        NameKey(folded(&self.0))
    }

    /// The roll number that is meant, if it can be one.
    #[must_use]
    pub fn roll_no(&self) -> Option<RollNo> {
        RollNo::parse(&self.0).ok()
    }
}
text_newtype!(SearchText);
plain_schema!(SearchText: String, min_length = 2, max_length = 40);

/// A text in lower case, decomposed, and without the accents of Latin, Greek and Cyrillic letters.
/// Signs of other scripts stay: without its vowels an Indian name is another one. Each character is
/// folded alone, so that the beginning of a name stays one.
fn folded(text: &str) -> String {
    let is_accent = |c: &char| ('\u{300}'..='\u{36f}').contains(c);
    let spelled = one_spelling(text);
    let folded = nfd(&spelled).chars().flat_map(char::to_lowercase).collect::<String>();
    let plain = folded.chars().filter(|c| !is_accent(c));
    plain.map(|c| if c == 'ς' { 'σ' } else { c }).take(KEY_LENGTH_MAX).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn finds(typed: &str, name: &str) -> bool {
        let (typed, name) = (SearchText::parse(typed), Name::parse(name));
        let key = NameKey::of(&name.expect("a name"));
        key.as_str().starts_with(typed.expect("a text").name().as_str())
    }

    #[test]
    fn a_name_is_found_by_its_beginning_without_regard_to_case_and_accents() {
        for (typed, name) in [
            ("as", "Asha Rao"),
            ("ASHA  r", "Asha Rao"),
            ("jose", "José Álvarez"),
            ("JOSÉ a", "Jose\u{301} Álvarez"),
            ("istanbul", "İstanbul"),
            ("आश", "आशा राव"),
            ("ΝΙΚΟΣ", "Νίκος Παπάς"),
        ] {
            assert!(finds(typed, name), "{typed} {name}");
        }
        for (typed, name) in [("sha", "Asha"), ("asha rao r", "Asha Rao"), ("आशि", "आशा")]
        {
            assert!(!finds(typed, name), "{typed} {name}");
        }
    }

    #[test]
    fn a_search_has_two_to_forty_characters_and_may_be_a_roll_number() {
        for refused in ["", "a", " a ", &"x".repeat(41), "a\nb"] {
            assert!(SearchText::parse(refused).is_err(), "{refused:?}");
        }
        let roll_no = |text: &str| SearchText::parse(text).expect("a text").roll_no();
        assert_eq!(roll_no("b21-7"), RollNo::parse("B21-7").ok());
        assert_eq!(roll_no("Asha Rao"), None);
    }

    proptest! {
        #[test]
        fn every_beginning_of_a_word_finds_the_name(name in "[A-Za-zà-ÿ]{2,30}", many in 2_usize..30) {
            let begin: String = name.chars().take(many).collect();
            prop_assert!(finds(&begin, &name));
        }
    }
}
