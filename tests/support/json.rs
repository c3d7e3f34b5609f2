//! JSON as text: comparison that keeps every byte of a scalar, and the path to a part of a body.
//!
//! `serde_json::Value` would lose what the contract promises to keep (`1.0`, `1e400`).

use std::collections::BTreeMap;

use serde_json::value::RawValue;

/// A string as a JSON string.
pub fn quote(text: &str) -> String {
    serde_json::to_string(text).expect("a string is JSON")
}

/// The fields of an object, as text; none for anything else.
pub fn fields(json: &str) -> Option<BTreeMap<String, String>> {
    let object: BTreeMap<String, Box<RawValue>> = serde_json::from_str(json).ok()?;
    let text = |(name, value): (String, Box<RawValue>)| (name, value.get().to_owned());
    Some(object.into_iter().map(text).collect())
}

/// The part of a body at a path such as `session.handle`, as text.
pub fn at(json: &str, path: &str) -> Option<String> {
    path.split('.')
        .try_fold(json.to_owned(), |json, name| fields(&json)?.remove(name))
}

/// Compares a body with a pattern: objects field by field, everything else byte by byte. In a
/// pattern `"[text]"`, `"[token]"`, `"[handle]"` and `"[time]"` stand for any value of that shape.
pub fn matches(pattern: &str, actual: &str) -> bool {
    match pattern {
        r#""[text]""# => string(actual).is_some_and(|text| !text.is_empty()),
        r#""[token]""# => string(actual).is_some_and(|text| text.len() >= 22),
        r#""[handle]""# => string(actual).is_some_and(|text| url_safe(&text)),
        r#""[time]""# => actual
            .parse()
            .is_ok_and(|time: u64| time > 1_500_000_000_000),
        _ => match (fields(pattern), fields(actual)) {
            (Some(pattern), Some(actual)) => {
                pattern.len() == actual.len()
                    && pattern
                        .iter()
                        .zip(&actual)
                        .all(|((name, pattern), (other, actual))| {
                            name == other && matches(pattern, actual)
                        })
            }
            _ => pattern == actual,
        },
    }
}

fn string(json: &str) -> Option<String> {
    serde_json::from_str(json).ok()
}

/// At least 128 bits in characters that a URL carries unchanged (RFC 3986 §2.3).
fn url_safe(text: &str) -> bool {
    text.len() >= 22
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '~'))
}
