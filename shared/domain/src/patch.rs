//! What a partial change says of one field.

use serde::{Deserialize, Deserializer};

/// A field of a partial change: absent keeps what is there, `null` clears it, anything
/// else takes its place. It is read with `#[serde(default)]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Patch<T> {
    /// Leave it as it is.
    #[default]
    Keep,
    /// Take it away.
    Clear,
    /// Put this in its place.
    Set(T),
}

impl<T> Patch<T> {
    /// Whether nothing is to change.
    #[must_use]
    pub const fn keeps(&self) -> bool {
        matches!(self, Self::Keep)
    }

    /// The same with what is to be put in turned into something else.
    #[must_use]
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Patch<U> {
        match self {
            Self::Keep => Patch::Keep,
            Self::Clear => Patch::Clear,
            Self::Set(value) => Patch::Set(change(value)),
        }
    }

    /// The same by reference.
    #[must_use]
    pub const fn as_ref(&self) -> Patch<&T> {
        match self {
            Self::Keep => Patch::Keep,
            Self::Clear => Patch::Clear,
            Self::Set(value) => Patch::Set(value),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Clear, Self::Set))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Body {
        #[serde(default)]
        note: Patch<u8>,
    }

    #[test]
    fn absent_null_and_a_value_are_three_things() {
        for (body, expected) in [
            ("{}", Patch::Keep),
            (r#"{"note": null}"#, Patch::Clear),
            (r#"{"note": 7}"#, Patch::Set(7)),
        ] {
            let read: Body = serde_json::from_str(body).expect("it can be read");
            assert_eq!(read.note, expected, "{body}");
        }
        assert!(serde_json::from_str::<Body>(r#"{"note": "seven"}"#).is_err());
    }
}
