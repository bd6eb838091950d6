//! How a newtype over text is read from and written to JSON, once for all of them, and
//! how OpenAPI documents a value: by what its printed form looks like.

/// Gives a newtype over `String` its conversions: parsed by its own `parse`, printed as
/// it is stored.
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

/// Documents a type whose JSON is one text or one number, with the keywords that its
/// values keep (`pattern`, `max_length`, `minimum` and so on).
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

pub(crate) use {plain_schema, text_newtype};
