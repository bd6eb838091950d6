//! A macro for newtypes over a bounded whole number: parsing from JSON, and the OpenAPI schema.

/// Defines a whole number between two inclusive bounds. Any other number is refused.
macro_rules! bounded_number {
    ($(#[$doc:meta])* $name:ident: $int:ty, $least:expr, $most:expr) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
        )]
        #[serde(try_from = "i64")]
        pub struct $name($int);

        impl $name {
            pub const LEAST: $int = $least;
            pub const MOST: $int = $most;

            #[must_use]
            pub const fn get(self) -> $int {
                self.0
            }
        }

        impl TryFrom<i64> for $name {
            type Error = crate::Unacceptable;

            fn try_from(number: i64) -> Result<Self, Self::Error> {
                let accepted = <$int>::try_from(number).ok();
                let accepted = accepted.filter(|number| (Self::LEAST..=Self::MOST).contains(number));
                accepted.map(Self).ok_or_else(|| {
                    let (least, most) = (Self::LEAST, Self::MOST);
                    crate::Unacceptable::new(format!("must be a whole number from {least} to {most}"))
                })
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::Unacceptable;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                // Text that is not a number gets the same error message.
                Self::try_from(text.parse::<i64>().unwrap_or(i64::MIN))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        crate::text::plain_schema!($name: Integer, minimum = $least, maximum = $most);
    };
}

pub(crate) use bounded_number;
