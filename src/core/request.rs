//! What every HTTP interface of this project asks of a request before it looks at what the request says: an API key,
//! and a body of JSON that is bounded while it streams in.

mod api_key;
mod body;

use http::{HeaderValue, StatusCode, header};

pub use self::api_key::authenticate;
pub use self::body::{BODY_MAX_BYTES, read_body};

/// Why a request is rejected, whatever it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// No API key, or a wrong one.
    #[error("a valid API key is required, as authorization: Bearer or api-key")]
    Unauthenticated,
    /// The body is over [`BODY_MAX_BYTES`].
    #[error("the body must be at most {BODY_MAX_BYTES} bytes")]
    BodyTooLarge,
    /// The body is of another type than JSON.
    #[error("content-type must be application/json")]
    UnsupportedMediaType,
    /// The body is compressed.
    #[error("content-encoding must be identity, or absent")]
    UnsupportedEncoding,
    /// The body ended early. The client is usually gone, too.
    #[error("the body ended before it was complete")]
    IncompleteBody,
}

impl RequestError {
    /// Its status.
    pub fn status(self) -> StatusCode {
        match self {
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType | Self::UnsupportedEncoding => {
                StatusCode::UNSUPPORTED_MEDIA_TYPE
            }
            Self::IncompleteBody => StatusCode::BAD_REQUEST,
        }
    }

    /// Its stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Unauthenticated => "unauthenticated",
            Self::BodyTooLarge => "too_large",
            Self::UnsupportedMediaType | Self::UnsupportedEncoding => "unsupported_media_type",
            Self::IncompleteBody => "invalid_input",
        }
    }

    /// The header that goes with it: a 401 says how to authenticate (RFC 9110 §11.6.1).
    pub fn header(self) -> Option<(header::HeaderName, HeaderValue)> {
        (self == Self::Unauthenticated)
            .then_some((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")))
    }
}
