//! Reading a request's body: typed, and bounded while it streams in.

use std::pin::pin;

use bytes::{Bytes, BytesMut};
use http::{header, request};
use http_body::Body;
use http_body_util::BodyExt as _;

use super::RequestError;

/// The longest request body, in bytes.
pub const BODY_MAX_BYTES: usize = 256 * 1024;

/// Reads a JSON body of at most [`BODY_MAX_BYTES`].
///
/// It reads to the announced length and no further: on Spin the end of the stream and its trailers are three more turns
/// with the host.
///
/// # Errors
/// If the body is of another type, too large, or ends early.
pub async fn read_body<B: Body<Data = Bytes>>(
    head: &request::Parts,
    body: B,
) -> Result<Bytes, RequestError> {
    if !is_json(head) {
        return Err(RequestError::UnsupportedMediaType);
    }
    if is_encoded(head) {
        return Err(RequestError::UnsupportedEncoding);
    }
    let announced = announced(head);
    if announced.is_some_and(|length| length > BODY_MAX_BYTES) {
        return Err(RequestError::BodyTooLarge);
    }
    let mut body = pin!(body);
    let mut read = Read::default();
    while announced != Some(read.length()) {
        match body.frame().await {
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    read.push(data)?;
                }
            }
            None if announced.is_none() => break,
            None | Some(Err(_)) => return Err(RequestError::IncompleteBody),
        }
    }
    Ok(read.into_bytes())
}

/// What has been read. Most bodies come in one piece, which is not copied.
#[derive(Default)]
struct Read {
    first: Bytes,
    all: Option<BytesMut>,
}

impl Read {
    fn length(&self) -> usize {
        self.all.as_ref().map_or(self.first.len(), BytesMut::len)
    }

    fn push(&mut self, data: Bytes) -> Result<(), RequestError> {
        if self.length() + data.len() > BODY_MAX_BYTES {
            return Err(RequestError::BodyTooLarge);
        }
        if self.length() == 0 {
            self.first = data;
        } else {
            let all = self.all.get_or_insert_with(|| BytesMut::from(&*self.first));
            all.extend_from_slice(&data);
        }
        Ok(())
    }

    fn into_bytes(self) -> Bytes {
        self.all.map_or(self.first, BytesMut::freeze)
    }
}

/// The body's length, if the request announces one.
fn announced(head: &request::Parts) -> Option<usize> {
    let length = head.headers.get(header::CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
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
