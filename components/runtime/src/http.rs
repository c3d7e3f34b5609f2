//! Requests and replies as both generations of WASI hand them over: a method, an address, pairs of names and values, and a
//! body that comes in as a stream of chunks.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::Stream;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use http_body::{Body, Frame};

/// A request's body.
pub struct IncomingBody<S>(Pin<Box<S>>);

impl<E, S: Stream<Item = Result<Vec<u8>, E>>> Body for IncomingBody<S> {
    type Data = Bytes;
    type Error = E;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, E>>> {
        let next = self.0.as_mut().poll_next(context);
        next.map_ok(|chunk| Frame::data(Bytes::from(chunk)))
    }
}

/// The request of these parts, or nothing if HTTP has no such request.
pub(crate) fn assemble<S>(
    method: Method,
    path_with_query: String,
    headers: Vec<(String, Vec<u8>)>,
    chunks: S,
) -> Option<Request<IncomingBody<S>>> {
    let mut builder = Request::builder()
        .method(method)
        .uri(Uri::try_from(path_with_query).ok()?);
    for (name, value) in headers {
        let name = HeaderName::try_from(name).ok()?;
        builder = builder.header(name, HeaderValue::try_from(value).ok()?);
    }
    builder.body(IncomingBody(Box::pin(chunks))).ok()
}

/// A reply's headers.
pub(crate) fn pairs(headers: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    let pair = |(name, value): (&HeaderName, &HeaderValue)| {
        (name.as_str().to_owned(), value.as_bytes().to_vec())
    };
    headers.iter().map(pair).collect()
}
