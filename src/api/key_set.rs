//! The public keys of access tokens, for everybody (RFC 7517 §5).

use http::{HeaderValue, header};
use session_core::platform::Platform;
use session_service::Service;
use session_store::Store;

use super::error::ApiError;
use super::reply::Reply;

/// Where they are.
pub(super) const PATH: &str = "/.well-known/jwks.json";

/// [`KEY_SET_LAG`](session_core::domain::keys::KEY_SET_LAG) counts on it.
const CACHE_CONTROL: HeaderValue = HeaderValue::from_static("max-age=60, must-revalidate");

/// The set, from memory; there is none while tokens are signed with a key that only the service knows.
pub(super) async fn answer<S: Store, P: Platform>(
    service: &Service<S, P>,
) -> Result<Reply, ApiError> {
    let set = service.key_set().await?.ok_or(ApiError::NotFound)?;
    let cache = (header::CACHE_CONTROL, CACHE_CONTROL);
    Ok(Reply::json_text(set.to_string()).with_header(Some(cache)))
}
