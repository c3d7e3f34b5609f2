//! Fields that belong to one connection only: an intermediary removes them before it forwards a message.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, header};
use http_body::{Body, Frame};
use http_body_util::BodyExt as _;
use http_body_util::combinators::MapFrame;

/// Connection-specific fields (RFC 9110 §7.6.1). Spin refuses to send a request with most of them.
const CONNECTION_FIELDS: [&str; 9] = [
    "connection",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// Removes the connection-specific fields of a message, and those that its `Connection` names.
pub fn remove_connection_fields(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in CONNECTION_FIELDS {
        headers.remove(name);
    }
}

/// A body whose trailer fields are empty.
pub type WithoutTrailers<B> = MapFrame<B, fn(Frame<Bytes>) -> Frame<Bytes>>;

/// Discards the trailer fields of a request (RFC 9110 §6.5.1 allows it): a site that merges them into the header
/// fields would take a client's `x-session-user-id` for the edge's.
pub fn without_trailers<B: Body<Data = Bytes>>(body: B) -> WithoutTrailers<B> {
    body.map_frame(|frame| match frame.is_trailers() {
        true => Frame::trailers(HeaderMap::new()),
        false => frame,
    })
}

#[cfg(test)]
mod tests;
