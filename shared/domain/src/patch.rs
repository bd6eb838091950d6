//! One field of a partial update.

use serde::{Deserialize, Deserializer};

/// A field of a partial update: an absent field keeps the stored value, `null` clears it, and
/// any other value replaces it. Deserialise it with `#[serde(default)]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Patch<T> {
    #[default]
    Keep,
    Clear,
    Set(T),
}

impl<T> Patch<T> {
    /// Whether the stored value stays.
    #[must_use]
    pub const fn keeps(&self) -> bool {
        matches!(self, Self::Keep)
    }

    /// Converts the new value, if there is one.
    #[must_use]
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Patch<U> {
        match self {
            Self::Keep => Patch::Keep,
            Self::Clear => Patch::Clear,
            Self::Set(value) => Patch::Set(change(value)),
        }
    }

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
    fn absent_null_and_a_value_mean_keep_clear_and_set() {
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
