//! Bodies as they travel: in pieces, with waits between them, and broken off.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame};

/// A piece of a body, or what happens instead of one.
#[derive(Debug)]
pub(super) enum Piece {
    Data(Bytes),
    /// The next piece is not there yet.
    Wait,
    /// The client went away.
    Break,
    Trailers,
}

/// A body in pieces.
#[derive(Debug)]
pub(super) struct Pieces(VecDeque<Piece>);

/// The client went away.
#[derive(Debug)]
pub(super) struct Broken;

impl Pieces {
    /// One of six ways for a body to travel.
    pub(super) fn travelling(body: Vec<u8>, way: usize) -> Self {
        let size = match way {
            0 => body.len().max(1),
            1 => 3,
            _ => 50_000,
        };
        let mut pieces = VecDeque::new();
        for chunk in body.chunks(size) {
            pieces.push_back(Piece::Data(Bytes::copy_from_slice(chunk)));
            if way == 1 {
                pieces.extend([Piece::Wait, Piece::Data(Bytes::new())]);
            }
        }
        match way {
            2 => pieces.push_back(Piece::Break),
            5 => pieces.push_back(Piece::Trailers),
            _ => {}
        }
        Self(pieces)
    }
}

impl From<String> for Pieces {
    fn from(body: String) -> Self {
        Self([Piece::Data(body.into())].into())
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        Poll::Ready(match self.0.pop_front() {
            None => None,
            Some(Piece::Data(bytes)) => Some(Ok(Frame::data(bytes))),
            Some(Piece::Trailers) => Some(Ok(Frame::trailers(HeaderMap::new()))),
            Some(Piece::Break) => Some(Err(Broken)),
            Some(Piece::Wait) => {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
        })
    }
}
