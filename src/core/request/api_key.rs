//! The API key of a request.

use http::{HeaderMap, header};

use super::RequestError;
use crate::domain::secret::SecretString;

/// Checks a request's API key, `Authorization: Bearer …` (RFC 6750 §2.1) or `api-key: …`. Without `keys` none is needed.
///
/// # Errors
/// [`RequestError::Unauthenticated`] if it is none of `keys`.
pub fn authenticate(headers: &HeaderMap, keys: &[SecretString]) -> Result<(), RequestError> {
    if keys.is_empty() {
        return Ok(());
    }
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| {
        let (scheme, key) = value.as_bytes().split_at_checked(7)?;
        scheme.eq_ignore_ascii_case(b"bearer ").then_some(key)
    });
    let shown = bearer.or_else(|| headers.get("api-key").map(|value| value.as_bytes()));
    // All keys are compared, so that the time does not tell which one came close.
    let matches = shown.map_or(0, |shown| {
        keys.iter().filter(|key| key.matches(shown)).count()
    });
    if matches > 0 {
        Ok(())
    } else {
        Err(RequestError::Unauthenticated)
    }
}
