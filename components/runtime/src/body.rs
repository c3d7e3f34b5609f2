//! A request's body as a stream of chunks, as the library takes it.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::Stream;
use http_body::{Body, Frame};

/// A request's body.
pub struct IncomingBody<S>(Pin<Box<S>>);

impl<S> IncomingBody<S> {
    pub(crate) fn new(chunks: S) -> Self {
        Self(Box::pin(chunks))
    }
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
