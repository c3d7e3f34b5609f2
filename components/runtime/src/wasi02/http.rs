//! Requests and replies of WASI 0.2.

use bytes::Bytes;
use futures::Stream;
use http::{HeaderName, HeaderValue, Method as HttpMethod, Request, Response, Uri};
use http_body_util::Full;
use spin_sdk_5::http::{
    Fields, IncomingRequest, Method, OutgoingBody, OutgoingResponse, ResponseOutparam,
};

use crate::body::IncomingBody;

type Chunk = Result<Vec<u8>, wasi::io::error::Error>;

/// How much the host takes by one blocking write, in bytes.
const BLOCKING_WRITE_MAX_BYTES: usize = 4096;

/// The request, its head at once and its body as it comes in, or nothing if HTTP has no such request.
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
    let body = IncomingBody::new(incoming.into_body_stream());
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

/// Sends a reply; nothing if the caller is gone.
pub fn send(response: Response<Full<Bytes>>, response_out: ResponseOutparam) -> Option<()> {
    let (head, body) = response.into_parts();
    let entry = |(name, value): (&HeaderName, &HeaderValue)| {
        (name.as_str().to_owned(), value.as_bytes().to_vec())
    };
    let headers: Vec<_> = head.headers.iter().map(entry).collect();
    let outgoing = OutgoingResponse::new(Fields::from_list(&headers).ok()?);
    outgoing.set_status_code(head.status.as_u16()).ok()?;
    let content = body.into_inner().unwrap_or_default();
    let body = outgoing.body().ok()?;
    let chunks = body.write().ok()?;
    // What the host takes before it has the head leaves with it: in a packet of its own the body would wait for
    // 40 ms of delayed ACK.
    let room = usize::try_from(chunks.check_write().ok()?).unwrap_or(usize::MAX);
    let (first, rest) = content.split_at(room.min(content.len()));
    chunks.write(first).ok()?;
    if rest.is_empty() && !first.is_empty() {
        drop(chunks);
        OutgoingBody::finish(body, None).ok()?;
        response_out.set(outgoing);
        return Some(());
    }
    response_out.set(outgoing);
    for chunk in rest.chunks(BLOCKING_WRITE_MAX_BYTES) {
        chunks.blocking_write_and_flush(chunk).ok()?;
    }
    drop(chunks);
    // The reply to HEAD has a length and no body: not an error.
    _ = OutgoingBody::finish(body, None);
    Some(())
}
