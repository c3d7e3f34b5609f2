//! Fields of a request: read once, types told apart, never parsed deeper than needed.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::error::ApiError;
use crate::domain::json::{JSON_MAX_BYTES, Json};

/// Parses a body as a JSON object with the fields of `T`.
pub(super) fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, ApiError> {
    let text = str::from_utf8(body).map_err(|_| ApiError::invalid("the body is not UTF-8"))?;
    // serde would also take an array, its elements as the fields in order.
    if !text
        .trim_start_matches([' ', '\t', '\n', '\r'])
        .starts_with('{')
    {
        return Err(ApiError::invalid("the body must be a JSON object"));
    }
    serde_json::from_str(text)
        .map_err(|error| ApiError::invalid(format!("the body is not valid JSON: {error}")))
}

/// A field that should be a string.
#[derive(Debug, Default)]
pub(super) enum Text<'a> {
    /// It was not sent.
    #[default]
    Missing,
    /// It is one.
    String(Cow<'a, str>),
    /// It is something else.
    Other,
}

impl<'a> Text<'a> {
    /// The string, or an error that names the field.
    pub(super) fn required(self, field: &str) -> Result<Cow<'a, str>, ApiError> {
        match self {
            Self::String(text) => Ok(text),
            Self::Missing => Err(ApiError::invalid(format!("{field} is missing"))),
            Self::Other => Err(ApiError::invalid(format!("{field} must be a string"))),
        }
    }

    /// Whether it is a string.
    pub(super) fn is_string(&self) -> bool {
        matches!(self, Self::String(_))
    }
}

/// A field that may be any JSON, kept as text; an error that names the field if it is too long.
pub(super) fn json(raw: Option<&RawValue>, field: &'static str) -> Result<Option<Json>, ApiError> {
    match raw {
        Some(raw) if raw.get().len() > JSON_MAX_BYTES => Err(ApiError::FieldTooLarge(field)),
        raw => Ok(raw.map(Json::from)),
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;

        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any JSON value")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text::String(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text::String(Cow::Owned(text.to_owned())))
            }

            fn visit_bool<E>(self, _: bool) -> Result<Text<'de>, E> {
                Ok(Text::Other)
            }

            fn visit_i64<E>(self, _: i64) -> Result<Text<'de>, E> {
                Ok(Text::Other)
            }

            fn visit_u64<E>(self, _: u64) -> Result<Text<'de>, E> {
                Ok(Text::Other)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Text<'de>, E> {
                Ok(Text::Other)
            }

            fn visit_unit<E>(self) -> Result<Text<'de>, E> {
                Ok(Text::Other)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Text<'de>, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Text::Other)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Text<'de>, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Text::Other)
            }
        }

        deserializer.deserialize_any(TextVisitor)
    }
}
