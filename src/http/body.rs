//! Reading a request's body: typed, bounded while it streams in, UTF-8.

use std::pin::pin;

use ::http::{header, request};
use bytes::Bytes;
use http_body::Body;
use http_body_util::{BodyExt as _, Limited};

use super::BODY_MAX_BYTES;
use super::error::ApiError;

/// Reads a JSON body of at most [`BODY_MAX_BYTES`].
pub(super) async fn read_body<B: Body<Data = Bytes>>(
    head: &request::Parts,
    body: B,
) -> Result<Bytes, ApiError> {
    if !is_json(head) {
        return Err(ApiError::UnsupportedMediaType);
    }
    if is_encoded(head) {
        return Err(ApiError::UnsupportedEncoding);
    }
    let announced = head
        .headers
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok());
    if announced.is_some_and(|length| length.parse().is_ok_and(|n: usize| n > BODY_MAX_BYTES)) {
        return Err(ApiError::BodyTooLarge);
    }
    let body = pin!(body);
    // The body's own error (the client went away) has no answer that would arrive.
    match Limited::new(SinkErrors(body), BODY_MAX_BYTES)
        .collect()
        .await
    {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => Err(ApiError::BodyTooLarge),
        Err(_) => Err(ApiError::invalid("the body ended before it was complete")),
    }
}

/// Whether the body is compressed or otherwise not as it is (RFC 9110 §8.4).
fn is_encoded(head: &request::Parts) -> bool {
    let encodings = head.headers.get_all(header::CONTENT_ENCODING);
    encodings
        .iter()
        .any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

/// A missing type is taken as JSON.
fn is_json(head: &request::Parts) -> bool {
    let Some(value) = head.headers.get(header::CONTENT_TYPE) else {
        return true;
    };
    let Ok(value) = value.to_str() else {
        return false;
    };
    let essence = value
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    essence == "application/json"
        || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// Makes any body's error one that [`Limited`] can carry.
struct SinkErrors<B>(B);

#[derive(Debug, thiserror::Error)]
#[error("the body broke off")]
struct BrokeOff;

impl<B: Body<Data = Bytes> + Unpin> Body for SinkErrors<B> {
    type Data = Bytes;
    type Error = BrokeOff;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, BrokeOff>>> {
        std::pin::Pin::new(&mut self.0)
            .poll_frame(cx)
            .map_err(|_| BrokeOff)
    }
}
