//! Text that people type: which characters a line may hold, how a newtype over text converts
//! from and to JSON, and how OpenAPI documents such a value.

use serde::Deserialize;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::Unacceptable;
use crate::unicode::{is_invisible, is_joiner, is_variation, is_visible, keeps_joiner, nfc};

/// A value in a request, as a person typed it: parsed by the rules of today.
///
/// A text such as [`crate::accounts::identity::Name`] reads whatever was stored under earlier
/// rules, because an account must not become unreadable. So requests take it in this type.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String", bound = "T: std::str::FromStr<Err = Unacceptable>")]
pub struct Typed<T>(pub T);

impl<T: std::str::FromStr<Err = Unacceptable>> TryFrom<String> for Typed<T> {
    type Error = Unacceptable;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Self)
    }
}

impl<T: PartialSchema> PartialSchema for Typed<T> {
    fn schema() -> RefOr<Schema> {
        T::schema()
    }
}

impl<T: ToSchema> ToSchema for Typed<T> {
    fn name() -> std::borrow::Cow<'static, str> {
        T::name()
    }
}

/// Implements the conversions of a newtype over `String`: its own `parse` reads the value, and
/// it prints the stored text.
macro_rules! text_newtype {
    ($name:ident) => {
        impl $name {
            /// The text as it is stored and compared.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::Unacceptable;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::parse(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = crate::Unacceptable;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

/// Implements how a newtype over `String` is stored and compared. It reads any stored text as it
/// is, because conditions of writes compare the stored text. Two texts are equal if they look the
/// same: some were stored before texts were stored in one spelling.
macro_rules! stored_text {
    ($name:ident) => {
        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.0 == other.0
                    || crate::text::one_spelling(&self.0) == crate::text::one_spelling(&other.0)
            }
        }

        impl Eq for $name {}

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer).map(Self)
            }
        }
    };
}

/// Implements the OpenAPI schema of a type whose JSON is one string or number, with the
/// keywords that restrict its values (`pattern`, `max_length`, `minimum` and so on).
macro_rules! plain_schema {
    ($name:ident: $kind:ident $(, $keyword:ident = $value:expr)* $(,)?) => {
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::Type::$kind)
                    $(.$keyword(Some($value)))*
                    .into()
            }
        }

        impl utoipa::ToSchema for $name {}
    };
}

/// Whether a character can make a text look like another one: control characters, and
/// characters that change the direction of the following text.
fn is_deceptive(c: char) -> bool {
    c.is_control()
        || ('\u{202a}'..='\u{202e}').contains(&c)
        || ('\u{2066}'..='\u{2069}').contains(&c)
}

/// White space that does not end a line.
fn is_inner_space(c: char) -> bool {
    c.is_whitespace() && !c.is_control()
}

/// The text in the one spelling in which it is stored: in NFC, each run of white space as one
/// space, none at the ends of a line, without characters that cannot be seen. Joiners stay where
/// the scripts of India need them. Deceptive characters stay too, for the parser to refuse.
pub(crate) fn one_spelling(text: &str) -> String {
    let text = text.trim().replace("\r\n", "\n");
    let lines: Vec<String> = text.split('\n').map(line_in_one_spelling).collect();
    lines.join("\n").trim().to_owned()
}

fn line_in_one_spelling(line: &str) -> String {
    let shown = shown(line);
    let words = shown.split(is_inner_space).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

/// What is seen of a line, in NFC. What is removed may bring marks together, which NFC then puts
/// into another order, so it is done until nothing changes.
fn shown(line: &str) -> String {
    const ROUNDS_MAX: usize = 4;
    let mut line = nfc(line).into_owned();
    for _ in 0..ROUNDS_MAX {
        let next = nfc(&without_invisible(&line)).into_owned();
        if next == line {
            return line;
        }
        line = next;
    }
    // Nobody writes such a text; it still has one spelling.
    line.retain(|c| !is_joiner(c) && !is_variation(c));
    nfc(&line).into_owned()
}

fn without_invisible(line: &str) -> String {
    // A blank that is a symbol separates words like a space.
    let line = line.replace('\u{2800}', " ");
    let may_stay =
        |c: &char| !is_invisible(*c) || is_joiner(*c) || is_variation(*c) || is_deceptive(*c);
    let mut characters = line.chars().filter(may_stay).peekable();
    let mut kept = String::with_capacity(line.len());
    while let Some(c) = characters.next() {
        let before = kept.chars().next_back();
        let stays = if is_joiner(c) {
            keeps_joiner(c, before, characters.peek().copied())
        } else if is_variation(c) {
            before.is_some_and(|before| !before.is_whitespace() && !is_variation(before))
        } else {
            true
        };
        if stays {
            kept.push(c);
        }
    }
    kept
}

/// Accepts 1 to `length_max` characters on one line, in [`one_spelling`], of which some can be
/// seen and none is deceptive.
pub(crate) fn parse_line(text: &str, length_max: usize) -> Result<String, Unacceptable> {
    let line = one_spelling(text);
    if line.contains('\n') {
        return Err(refusal_of_line(length_max));
    }
    check(line, length_max).ok_or_else(|| refusal_of_line(length_max))
}

fn refusal_of_line(length_max: usize) -> Unacceptable {
    Unacceptable::new(format!("must be 1 to {length_max} characters on one line"))
}

/// Accepts the same on several lines.
pub(crate) fn parse_lines(text: &str, length_max: usize) -> Result<String, Unacceptable> {
    let refused = || Unacceptable::new(format!("must be 1 to {length_max} characters"));
    check(one_spelling(text), length_max).ok_or_else(refused)
}

fn check(text: String, length_max: usize) -> Option<String> {
    let plain = text.chars().all(|c| c == '\n' || !is_deceptive(c));
    let fits = (1..=length_max).contains(&text.chars().count());
    (plain && fits && is_visible(&text)).then_some(text)
}

pub(crate) use {plain_schema, stored_text, text_newtype};

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Option<String> {
        parse_line(text, 100).ok()
    }

    #[test]
    fn a_line_is_stored_in_one_spelling() {
        for (typed, stored) in [
            ("  Asha   Rao ", "Asha Rao"),
            ("Asha\u{a0}\u{2003}Rao", "Asha Rao"),
            ("Asha\u{2028}Rao", "Asha Rao"),
            ("Jose\u{301}", "José"),
            ("\u{958}", "\u{915}\u{93c}"),
            ("\u{feff}As\u{200b}ha\u{ad} \u{2060} Rao\u{e0041}", "Asha Rao"),
            ("Asha\u{3164}\u{200e}", "Asha"),
            ("e\u{34f}\u{301}", "é"),
            ("A\u{2800}B", "A B"),
        ] {
            assert_eq!(line(typed).as_deref(), Some(stored), "{typed:?}");
            assert_eq!(line(stored).as_deref(), Some(stored), "{typed:?} again");
        }
    }

    #[test]
    fn a_line_without_anything_to_see_is_refused() {
        for blank in [
            "",
            " ",
            "\u{200b}",
            "\u{2060}\u{ad}",
            "\u{3164}",
            "\u{2800}",
            "\u{301}",
            "\u{fe0f}",
            "\u{fffc}",
            "\u{1d159}",
        ] {
            assert_eq!(line(blank), None, "{blank:?}");
        }
    }

    #[test]
    fn joiners_stay_only_where_a_script_needs_them() {
        for kept in [
            "क्\u{200d}ष",
            "ശ്രീ\u{200c}കുമാർ",
            "അവന്\u{200d}",
            "ක්\u{200d}ෂ",
            "می\u{200c}خواهم",
            "👩\u{200d}🍳",
            "❤\u{fe0f}",
        ] {
            assert_eq!(line(kept).as_deref(), Some(kept), "{kept:?}");
        }
        for (typed, stored) in [
            ("A\u{200d}sha", "Asha"),
            ("\u{200c}आशा\u{200c}", "आशा"),
            ("आशा\u{200d} राव", "आशा राव"),
            ("क्\u{200d}\u{200d}ष", "क्\u{200d}ष"),
            ("a \u{fe0f}b", "a b"),
        ] {
            assert_eq!(line(typed).as_deref(), Some(stored), "{typed:?}");
        }
    }

    #[test]
    fn the_length_is_counted_in_the_stored_spelling() {
        assert!(parse_line(&"e\u{301}".repeat(10), 10).is_ok());
        assert!(parse_line(&"\u{958}".repeat(10), 10).is_err());
        assert!(parse_line(&format!("a{}b", " ".repeat(50)), 3).is_ok());
    }

    #[test]
    fn several_lines_keep_their_breaks() {
        let typed = " I  cook. \r\n\r\nI\u{200b} eat\u{301}. ";
        assert_eq!(parse_lines(typed, 50).as_deref(), Ok("I cook.\n\nI eat\u{301}."));
        assert!(parse_lines("a\u{202e}b", 50).is_err());
    }
}
