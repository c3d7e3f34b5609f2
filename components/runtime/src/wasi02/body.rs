//! A request of WASI 0.2, as the library takes it: its head at once, its body as it comes in.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::Stream;
use http::{HeaderName, HeaderValue, Method as HttpMethod, Request, Uri};
use http_body::{Body, Frame};
use spin_sdk_5::http::{IncomingRequest, Method};

/// A request's body.
pub struct IncomingBody<S>(Pin<Box<S>>);

type Chunk = Result<Vec<u8>, wasi::io::error::Error>;

/// The request, or nothing if HTTP has no such request.
pub fn request(
    incoming: IncomingRequest,
) -> Option<Request<IncomingBody<impl Stream<Item = Chunk>>>> {
    let mut builder = Request::builder()
        .method(method(&incoming.method())?)
        .uri(Uri::try_from(incoming.path_with_query()?).ok()?);
    let headers = incoming.headers();
    for (name, value) in headers.entries() {
        let name = HeaderName::try_from(name).ok()?;
        builder = builder.header(name, HeaderValue::try_from(value).ok()?);
    }
    // The body can't be taken while its request's headers are borrowed.
    drop(headers);
    let body = IncomingBody(Box::pin(incoming.into_body_stream()));
    builder.body(body).ok()
}

fn method(method: &Method) -> Option<HttpMethod> {
    Some(match method {
        Method::Get => HttpMethod::GET,
        Method::Head => HttpMethod::HEAD,
        Method::Post => HttpMethod::POST,
        Method::Put => HttpMethod::PUT,
        Method::Delete => HttpMethod::DELETE,
        Method::Connect => HttpMethod::CONNECT,
        Method::Options => HttpMethod::OPTIONS,
        Method::Trace => HttpMethod::TRACE,
        Method::Patch => HttpMethod::PATCH,
        Method::Other(name) => HttpMethod::from_bytes(name.as_bytes()).ok()?,
    })
}

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
