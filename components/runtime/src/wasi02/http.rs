//! Requests and replies of WASI 0.2.

use bytes::Bytes;
use futures::Stream;
use http::{Method as HttpMethod, Request, Response};
use http_body_util::Full;
use spin_sdk_5::http::{
    Fields, IncomingRequest, Method, OutgoingBody, OutgoingResponse, ResponseOutparam,
};

use crate::http::{IncomingBody, assemble, pairs};

type Chunk = Result<Vec<u8>, wasi::io::error::Error>;

/// How much the host takes by one blocking write, in bytes.
const BLOCKING_WRITE_MAX_BYTES: usize = 4096;

/// The request, its head at once and its body as it comes in, or nothing if HTTP has no such request.
pub fn request(
    incoming: IncomingRequest,
) -> Option<Request<IncomingBody<impl Stream<Item = Chunk>>>> {
    let method = method(&incoming.method())?;
    let path = incoming.path_with_query()?;
    let headers = incoming.headers().entries();
    assemble(method, path, headers, incoming.into_body_stream())
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
    let outgoing = OutgoingResponse::new(Fields::from_list(&pairs(&head.headers)).ok()?);
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
