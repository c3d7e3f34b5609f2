//! From an input to a request: choices first, then lines for what is spelled out, then the body.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Uri, header};
use session::http::BODY_MAX_BYTES;

use super::fixture::{API_KEY, Fixture};
use super::oracle::Sent;
use super::wire::{Piece, Pieces};
use crate::input::Input;

const METHODS: [&str; 8] = [
    "POST", "PUT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "BREW",
];

/// Makes a request of an input, and tells what it is; none if its target is no URI.
pub(super) fn assemble(fixture: &Fixture, mut input: Input<'_>) -> Option<(Request<Pieces>, Sent)> {
    let method = Method::from_bytes(METHODS[input.choice(8)].as_bytes()).ok()?;
    let [target, content_type, credentials, length, travel] =
        [10, 8, 6, 5, 6].map(|n| input.choice(n));
    let target = match target {
        0 => b"/session".to_vec(),
        1 => b"/refresh".to_vec(),
        2 => b"/session/all".to_vec(),
        3 => b"/session/data".to_vec(),
        4 => b"/session/data?sessionHandle={{handle}}".to_vec(),
        5 => [b"/session/data?", input.line()].concat(),
        6 => b"/health".to_vec(),
        7 => b"/ready".to_vec(),
        8 => b"/session/".to_vec(),
        _ => input.line().to_vec(),
    };
    let uri = Uri::try_from(fixture.fill_in(&target)).ok()?;
    let mut headers = HeaderMap::new();
    let mut set = |name, value: &[u8]| {
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.insert(name, value);
        }
    };
    match content_type {
        0 => set(header::CONTENT_TYPE, b"application/json"),
        1 => {}
        2 => set(header::CONTENT_TYPE, b"application/json; charset=utf-8"),
        3 => set(header::CONTENT_TYPE, b"Application/Problem+JSON"),
        4 => set(header::CONTENT_TYPE, b"text/plain"),
        5 => set(header::CONTENT_TYPE, b"application/json\xff"),
        6 => set(header::CONTENT_TYPE, b""),
        _ => set(header::CONTENT_TYPE, input.line()),
    }
    let bearer = [b"Bearer ", API_KEY.as_bytes()].concat();
    let api_key = header::HeaderName::from_static("api-key");
    match credentials {
        0 => set(header::AUTHORIZATION, &bearer),
        1 => set(api_key, API_KEY.as_bytes()),
        2 => {}
        3 => set(header::AUTHORIZATION, &bearer[..bearer.len() - 1]),
        4 => set(header::AUTHORIZATION, input.line()),
        _ => {
            set(header::AUTHORIZATION, b"Bearer ");
            set(api_key, API_KEY.as_bytes());
        }
    }
    let mut body = fixture.fill_in(input.rest());
    match travel {
        3 => body.resize(body.len().max(BODY_MAX_BYTES), b' '),
        4 => body.resize(body.len().max(BODY_MAX_BYTES + 1), b' '),
        _ => {}
    }
    match length {
        0 => set(header::CONTENT_LENGTH, body.len().to_string().as_bytes()),
        1 => {}
        2 => set(header::CONTENT_LENGTH, b"262145"),
        3 => set(header::CONTENT_LENGTH, b"0"),
        _ => set(header::CONTENT_LENGTH, b"many"),
    }
    let get = |name: header::HeaderName| headers.get(name).map(|value| value.as_bytes().to_vec());
    let sent = Sent {
        method: method.clone(),
        path: uri.path().to_owned(),
        query: uri.query().unwrap_or_default().to_owned(),
        content_type: get(header::CONTENT_TYPE),
        authorization: get(header::AUTHORIZATION),
        api_key: get(header::HeaderName::from_static("api-key")),
        content_length: get(header::CONTENT_LENGTH),
        broken: travel == 2,
        body,
    };
    let mut request = Request::new(pieces(&sent, travel));
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    Some((request, sent))
}

fn pieces(sent: &Sent, travel: usize) -> Pieces {
    let size = match travel {
        0 => sent.body.len().max(1),
        1 => 3,
        _ => 50_000,
    };
    let mut pieces = Vec::new();
    for chunk in sent.body.chunks(size) {
        pieces.push(Piece::Data(Bytes::copy_from_slice(chunk)));
        if travel == 1 {
            pieces.extend([Piece::Wait, Piece::Data(Bytes::new())]);
        }
    }
    match travel {
        2 => pieces.push(Piece::Break),
        5 => pieces.push(Piece::Trailers),
        _ => {}
    }
    Pieces(pieces.into())
}
