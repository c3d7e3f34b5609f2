//! JSON that is only passed through: kept as the text that was sent, never parsed into a tree.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

/// The longest `jwtPayload` or `sessionData`, in bytes of JSON text (a MySQL `TEXT` column holds as much).
pub const JSON_MAX_BYTES: usize = 65_535;

/// The longest `client`, in bytes of JSON text: a name of a device or a browser, not a file.
pub const CLIENT_MAX_BYTES: usize = 1024;

/// One JSON value as it was sent, byte for byte.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Json(Box<RawValue>);

impl Json {
    /// Takes the text of one JSON value, for example from the database; `None` if it is not one.
    pub fn parse(text: String) -> Option<Self> {
        RawValue::from_string(text).ok().map(Self)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        self.0.get()
    }
}

impl From<&RawValue> for Json {
    fn from(raw: &RawValue) -> Self {
        Self(raw.to_owned())
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Json {}

/// For serde's `deserialize_with`: a field that was sent is `Some`, also when it is `null`.
///
/// # Errors
/// Those of the field's own type.
pub fn present<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    T::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_survives_as_it_is() {
        for text in [
            "null",
            "1e400",
            "9007199254740993",
            "1.0",
            r#"{"a":1,"a":2}"#,
            r#""\ud800""#,
        ] {
            assert_eq!(
                Json::parse(text.to_owned()).map(|j| j.as_str().to_owned()),
                Some(text.to_owned())
            );
        }
        assert_eq!(Json::parse("{".to_owned()), None);
    }
}
