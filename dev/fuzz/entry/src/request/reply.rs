//! Replies, and what holds for all of them.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Response, header};
use http_body::Body;
use http_body_util::BodyExt as _;

use crate::members::Members;
use crate::platform::block_on;

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
        let Ok(body) = block_on(body.collect());
        let body = String::from_utf8(body.to_bytes().into()).expect("replies are UTF-8");
        let header = |name| head.headers.get(name).and_then(|value| value.to_str().ok());
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
        let reply = Self { status, body };
        // What answers HEAD announces a body and has none.
        if !reply.body.is_empty() {
            let length = reply.body.len().to_string();
            assert_eq!(header(header::CONTENT_LENGTH), Some(length.as_str()));
            reply.check_body();
        }
        reply
    }

    fn check_body(&self) {
        let members = Members::read(&self.body).expect("replies are JSON objects");
        match self.status {
            200 => assert_eq!(members.names()[..2], ["message", "status"]),
            _ => assert_eq!(members.names(), ["message", "code"]),
        }
        let message = self.string("message");
        let plain = message.bytes().all(|b| (b' '..=b'~').contains(&b));
        assert!((1..=200).contains(&message.len()) && plain, "{message}");
    }

    /// Whether it says OK.
    pub(super) fn is_ok(&self) -> bool {
        self.status == 200 && self.raw("status").as_deref() == Some("\"OK\"")
    }

    /// The text of a member, by its path, as it is written.
    pub(super) fn raw(&self, path: &str) -> Option<String> {
        path.split('.').try_fold(self.body.clone(), |text, name| {
            Some(Members::read(&text)?.get(name)?.to_owned())
        })
    }

    /// A member that must be a string.
    pub(super) fn string(&self, path: &str) -> String {
        let raw = self.raw(path).unwrap_or_default();
        serde_json::from_str(&raw).unwrap_or_else(|_| panic!("no string {path} in {}", self.body))
    }
}
