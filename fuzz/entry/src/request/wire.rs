//! What travels: bodies that come in pieces, wait and break off, and replies with what holds for all of them.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, Response, header};
use http_body::{Body, Frame};

use crate::json;
use crate::platform::block_on;

/// A piece of a body, or what happens instead of one.
#[derive(Debug)]
pub(super) enum Piece {
    Data(Bytes),
    /// The next piece is not there yet.
    Wait,
    /// The client went away.
    Break,
    /// Trailers.
    Trailers,
}

/// A body in pieces.
#[derive(Debug)]
pub(super) struct Pieces(pub(super) VecDeque<Piece>);

/// The client went away.
#[derive(Debug)]
pub(super) struct Broken;

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

/// A reply, read.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Reply {
    /// Reads a reply.
    ///
    /// # Panics
    /// If it is not as every reply must be.
    pub(crate) fn read<B: Body<Data = Bytes, Error = Infallible>>(response: Response<B>) -> Self {
        let (head, body) = response.into_parts();
        let body = collect(body);
        let header = |name| head.headers.get(name).and_then(|value| value.to_str().ok());
        let length = body.len().to_string();
        assert_eq!(header(header::CONTENT_LENGTH), Some(length.as_str()));
        assert_eq!(header(header::CONTENT_TYPE), Some("application/json"));
        let status = head.status.as_u16();
        let extra = match status {
            401 => Some(header::WWW_AUTHENTICATE),
            405 => Some(header::ALLOW),
            503 => Some(header::RETRY_AFTER),
            200 | 400 | 404 | 413 | 415 | 500 => None,
            _ => panic!("status {status} is not documented"),
        };
        assert_eq!(head.headers.len(), 2 + usize::from(extra.is_some()));
        assert!(extra.is_none_or(|name| header(name).is_some()));
        let body = String::from_utf8(body).expect("replies are UTF-8");
        let reply = Self { status, body };
        let names = reply.names();
        assert_eq!(names.first().map(String::as_str), Some("message"));
        match status {
            200 => assert_eq!(names.get(1).map(String::as_str), Some("status")),
            _ => assert_eq!(names, ["message", "code"]),
        }
        let message = reply.string("message");
        let plain = message.bytes().all(|b| (b' '..=b'~').contains(&b));
        assert!((1..=200).contains(&message.len()) && plain, "{message}");
        reply
    }

    /// The names of its members, in order.
    pub(super) fn names(&self) -> Vec<String> {
        let members = json::object(&self.body).expect("replies are JSON objects");
        let names = members.into_iter().map(|member| member.name);
        names
            .collect::<Option<_>>()
            .expect("names are Unicode text")
    }

    /// The text of a member, by its path, as it is written.
    pub(super) fn raw(&self, path: &str) -> Option<String> {
        path.split('.').try_fold(self.body.clone(), |text, name| {
            let members = json::object(&text)?;
            let mut named = members
                .iter()
                .filter(|member| member.name.as_deref() == Some(name));
            let value = named.next()?.value.0.to_owned();
            assert!(named.next().is_none(), "{name} is there twice");
            Some(value)
        })
    }

    /// A member that must be a string.
    pub(super) fn string(&self, path: &str) -> String {
        self.raw(path)
            .and_then(|raw| json::value(&raw)?.as_string())
            .unwrap_or_else(|| panic!("no string {path} in {}", self.body))
    }
}

fn collect<B: Body<Data = Bytes, Error = Infallible>>(body: B) -> Vec<u8> {
    let mut body = std::pin::pin!(body);
    let mut bytes = Vec::new();
    block_on(async {
        while let Some(frame) = std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
            let Ok(frame) = frame;
            if let Ok(data) = frame.into_data() {
                bytes.extend_from_slice(&data);
            }
        }
    });
    bytes
}
