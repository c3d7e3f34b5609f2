//! Bodies as they come: too long, lying about it, broken off, no JSON, no text.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Method;
use http_body::{Body, Frame};
use http_body_util::Full;
use session_core::request::BODY_MAX_BYTES;

use super::{ENDPOINTS, Site, Untouchable};

/// So many chunks of 1 KiB, then perhaps an error. Counts what was read.
struct Stream {
    chunks: usize,
    breaks_off: bool,
    read: Arc<AtomicUsize>,
}

impl Body for Stream {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
        if self.chunks == 0 {
            return Poll::Ready(self.breaks_off.then_some(Err("SECRET")));
        }
        self.chunks -= 1;
        self.read.fetch_add(1024, Ordering::Relaxed);
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b' '; 1024])))))
    }
}

#[test]
fn ds1_a_body_is_cut_off_while_it_streams_in() {
    let site = Site::new(&[]);
    for announced in [
        None,
        Some(&b"17"[..]),
        Some(b"-1"),
        Some(b"99999999999999999999999"),
        Some(b"x"),
    ] {
        for (method, path, _) in ENDPOINTS {
            if method == Method::GET {
                continue;
            }
            let read = Arc::new(AtomicUsize::new(0));
            let body = Stream {
                chunks: usize::MAX,
                breaks_off: false,
                read: Arc::clone(&read),
            };
            let headers: Vec<_> = announced
                .iter()
                .map(|length| ("content-length", *length))
                .collect();
            let reply = site.send_with(&method, path, &headers, body);
            let message = "the body must be at most 262144 bytes";
            assert_eq!(reply.error(), (413, "too_large", message));
            assert!(read.load(Ordering::Relaxed) <= BODY_MAX_BYTES + 1024);
        }
    }
}

#[test]
fn a_body_that_is_announced_too_long_is_not_read_at_all() {
    let site = Site::new(&[]);
    for announced in [&b"262145"[..], b"20000000", b"18446744073709551615"] {
        let headers = [("content-length", announced)];
        let reply = site.send_with(&Method::POST, "/session", &headers, Untouchable);
        assert_eq!(reply.status, 413);
    }
}

#[test]
fn a_body_may_be_as_long_as_the_limit() {
    let site = Site::new(&[]);
    let fields = r#"{"userId":"bob"}"#;
    for (length, status) in [(BODY_MAX_BYTES, 200), (BODY_MAX_BYTES + 1, 413)] {
        let body = format!("{fields}{}", " ".repeat(length - fields.len()));
        assert_eq!(site.send(&Method::POST, "/session", &body).status, status);
    }
}

#[test]
fn a_body_that_breaks_off_is_an_error_without_details() {
    let site = Site::new(&[]);
    let body = Stream {
        chunks: 3,
        breaks_off: true,
        read: Arc::default(),
    };
    let reply = site.send_with(&Method::POST, "/session", &[], body);
    let message = "the body ended before it was complete";
    assert_eq!(reply.error(), (400, "invalid_input", message));
}

#[test]
fn what_is_no_json_object_is_refused_on_every_endpoint() {
    let site = Site::new(&[]);
    let bad: &[&[u8]] = &[
        b"",
        b" ",
        b"null",
        b"[]",
        b"[\"bob\"]",
        b"\"bob\"",
        b"1",
        b"{",
        b"}",
        b"{}{}",
        b"{} x",
        b"{\"userId\"}",
        b"{\"userId\":}",
        b"{\"userId\":\"bob\",}",
        b"{'userId':'bob'}",
        b"{userId:\"bob\"}",
        b"\xef\xbb\xbf{\"userId\":\"bob\"}",
        b"{\"userId\":\"\xff\"}",
        b"{\"userId\":\"bob\"}\0",
        b"{\"userId\":\"bob\",\"x\":01}",
        b"{\"userId\":\"bob\",\"x\":NaN}",
        b"{\"userId\":\"b\x01b\"}",
        b"{\"userId\":\"\\x\"}",
        b"{\"x\":\"\xed\xa0\x80\"}",
        b"//\n{}",
        b"\x00{}",
    ];
    for body in bad {
        for (method, path, _) in ENDPOINTS {
            if method == Method::GET {
                continue;
            }
            let body = Full::new(Bytes::from_static(body));
            let reply = site.send_with(&method, path, &[], body);
            let (status, code, message) = reply.error();
            assert_eq!((status, code), (400, "invalid_input"), "{message}");
            assert!(message.starts_with("the body "), "{message}");
        }
    }
    assert_eq!(site.store.calls(), [""; 0]);
}

#[test]
fn in4_nesting_is_no_danger() {
    let site = Site::new(&[]);
    let (open, close) = ("[".repeat(100_000), "]".repeat(100_000));
    for field in ["userId", "x", "jwtPayload"] {
        let body = format!(r#"{{"{field}":{open}"#);
        assert_eq!(site.send(&Method::POST, "/session", &body).status, 400);
    }
    let body = format!(r#"{{"userId":"bob","x":{open}{close}}}"#);
    assert_eq!(site.send(&Method::POST, "/session", &body).status, 200);
    let body = format!(r#"{{"userId":{open}{close}}}"#);
    let reply = site.send(&Method::POST, "/session", &body);
    assert_eq!(
        reply.error(),
        (400, "invalid_input", "userId must be a string")
    );
    let body = format!(r#"{{"idRefreshToken":{open}{close}}}"#);
    let reply = site.send(&Method::PUT, "/session", &body);
    assert_eq!(reply.at("status"), "UNAUTHORISED");
}

#[test]
fn a_compressed_body_is_415() {
    let site = Site::new(&[]);
    let send = |encoding: &[u8]| {
        let body = Full::new(Bytes::from_static(br#"{"userId":"ada"}"#));
        let headers = [("content-encoding", encoding)];
        site.send_with(&Method::POST, "/session", &headers, body)
    };
    for encoding in [&b"gzip"[..], b"br", b"identity, gzip", b"", b"\xff"] {
        let reply = send(encoding);
        let message = "content-encoding must be identity, or absent";
        assert_eq!(reply.error(), (415, "unsupported_media_type", message));
    }
    for encoding in [&b"identity"[..], b"Identity"] {
        assert_eq!(send(encoding).status, 200);
    }
}

/// Chunks that never come.
struct Slow;

impl Body for Slow {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
        Poll::Pending
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_is_408_after_ten_seconds() {
    let site = Site::new(&[]);
    let begun = tokio::time::Instant::now();
    let request = http::Request::put("/refresh").body(Slow).unwrap();
    let response = site.api.handle(request).await;
    assert_eq!(response.status(), 408);
    assert_eq!(begun.elapsed(), std::time::Duration::from_secs(10));
}
