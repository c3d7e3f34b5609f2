//! Fields of a request, read once and parsed no deeper than needed.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use session_core::domain::json::{CLIENT_MAX_BYTES, JSON_MAX_BYTES, Json};

use super::error::ApiError;

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
    /// It is one whose escapes are no Unicode text (half of a surrogate pair).
    NotUnicode,
    /// It is something else.
    Other,
}

impl<'a> Text<'a> {
    /// The string, or an error that names the field.
    pub(super) fn required(self, field: &str) -> Result<Cow<'a, str>, ApiError> {
        match self {
            Self::String(text) => Ok(text),
            Self::Missing => Err(ApiError::invalid(format!("{field} is missing"))),
            Self::NotUnicode => Err(ApiError::invalid(format!("{field} is not Unicode text"))),
            Self::Other => Err(ApiError::invalid(format!("{field} must be a string"))),
        }
    }

    /// The string, if it was sent.
    pub(super) fn optional(self, field: &str) -> Result<Option<Cow<'a, str>>, ApiError> {
        match self {
            Self::Missing => Ok(None),
            text => text.required(field).map(Some),
        }
    }

    /// Whether it is a string.
    pub(super) fn is_string(&self) -> bool {
        matches!(self, Self::String(_) | Self::NotUnicode)
    }
}

/// A field that should be a boolean.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Flag {
    /// It was not sent.
    #[default]
    Missing,
    /// It is one.
    Boolean(bool),
    /// It is something else.
    Other,
}

impl Flag {
    /// The boolean, or an error that names the field.
    pub(super) fn required(self, field: &str) -> Result<bool, ApiError> {
        self.optional(field)?
            .ok_or_else(|| ApiError::invalid(format!("{field} is missing")))
    }

    /// The boolean, if it was sent.
    pub(super) fn optional(self, field: &str) -> Result<Option<bool>, ApiError> {
        match self {
            Self::Boolean(value) => Ok(Some(value)),
            Self::Missing => Ok(None),
            Self::Other => Err(ApiError::invalid(format!("{field} must be a boolean"))),
        }
    }
}

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match <&RawValue>::deserialize(deserializer)?.get() {
            "true" => Self::Boolean(true),
            "false" => Self::Boolean(false),
            _ => Self::Other,
        })
    }
}

/// A parameter of a query string, decoded. One that is there several times is an error.
pub(super) fn parameter(query: &str, name: &str) -> Result<Option<String>, ApiError> {
    let mut values = form_urlencoded::parse(query.as_bytes())
        .filter(|(of, _)| of == name)
        .map(|(_, value)| value);
    let value = values.next().map(Cow::into_owned);
    match values.next() {
        None => Ok(value),
        Some(_) => Err(ApiError::invalid(format!("{name} must be given once"))),
    }
}

/// A parameter that has to be there.
pub(super) fn required_parameter(query: &str, name: &str) -> Result<String, ApiError> {
    parameter(query, name)?
        .ok_or_else(|| ApiError::invalid(format!("{name} is missing from the query string")))
}

/// A field that should be a JSON object, with the fields of `T`.
pub(super) fn object<'a, T: Deserialize<'a>>(
    raw: Option<&'a RawValue>,
    field: &str,
) -> Result<Option<T>, ApiError> {
    let Some(raw) = raw else { return Ok(None) };
    // serde would also take an array.
    match raw.get().starts_with('{') {
        true => serde_json::from_str(raw.get())
            .map(Some)
            .map_err(|error| ApiError::invalid(format!("{field} is not valid: {error}"))),
        false => Err(ApiError::invalid(format!("{field} must be an object"))),
    }
}

/// A field that should be a whole number.
pub(super) fn whole(raw: Option<&RawValue>, field: &str) -> Result<Option<u64>, ApiError> {
    raw.map(|raw| raw.get().parse())
        .transpose()
        .map_err(|_| ApiError::invalid(format!("{field} must be a whole number")))
}

/// A field that may be any JSON, kept as text; an error that names the field if it is too long.
pub(super) fn json(raw: Option<&RawValue>, field: &'static str) -> Result<Option<Json>, ApiError> {
    short_json(raw, field, JSON_MAX_BYTES)
}

/// Where a session is used: any JSON that is short.
pub(super) fn client(raw: Option<&RawValue>) -> Result<Option<Json>, ApiError> {
    short_json(raw, "client", CLIENT_MAX_BYTES)
}

fn short_json(
    raw: Option<&RawValue>,
    field: &'static str,
    most: usize,
) -> Result<Option<Json>, ApiError> {
    match raw {
        Some(raw) if raw.get().len() > most => Err(ApiError::FieldTooLarge(field, most)),
        raw => Ok(raw.map(Json::from)),
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Unescaped<'a>(#[serde(borrow)] Cow<'a, str>);

        // As text first: a number of any size is a number, though no type of ours may hold it.
        let raw = <&RawValue>::deserialize(deserializer)?.get();
        if !raw.starts_with('"') {
            return Ok(Self::Other);
        }
        Ok(
            serde_json::from_str(raw)
                .map_or(Self::NotUnicode, |Unescaped(text)| Self::String(text)),
        )
    }
}
