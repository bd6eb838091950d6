//! Text that people type: which characters a line may hold, how a newtype over text converts
//! from and to JSON, and how OpenAPI documents such a value.

use crate::Unacceptable;

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
/// characters that change the direction of the following text. (Joiners and separators of
/// letters are allowed, because the scripts of India need them.)
pub(crate) fn is_deceptive(c: char) -> bool {
    c.is_control()
        || ('\u{202a}'..='\u{202e}').contains(&c)
        || ('\u{2066}'..='\u{2069}').contains(&c)
}

/// Trims `text` and accepts 1 to `length_max` characters without deceptive ones.
pub(crate) fn parse_line(text: &str, length_max: usize) -> Result<String, Unacceptable> {
    let line = text.trim();
    let length = line.chars().count();
    if (1..=length_max).contains(&length) && !line.chars().any(is_deceptive) {
        Ok(line.to_owned())
    } else {
        Err(Unacceptable::new(format!("must be 1 to {length_max} characters on one line")))
    }
}

pub(crate) use {plain_schema, text_newtype};
