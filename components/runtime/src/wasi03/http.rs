//! Requests and replies of WASI 0.3, with no more calls of the host than the API needs: Spin's SDK asks for scheme,
//! authority, options and length, too, and sets each status. A call costs about as much as hashing a token.

use bytes::Bytes;
use futures::{Stream, stream};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use spin_sdk_7::wasip3::http::types::{self, ErrorCode, Fields, Trailers};
use spin_sdk_7::wasip3::{wit_future, wit_stream};
use spin_sdk_7::wit_bindgen::{self, FutureReader, FutureWriter, StreamReader, StreamResult};

use crate::http::{IncomingBody, assemble, pairs};

/// How much of a body is read at once, in bytes.
const CHUNK_BYTES: usize = 16 * 1024;

type Chunk = Result<Vec<u8>, ErrorCode>;

/// The request, or nothing if HTTP has no such request.
pub fn request(
    incoming: types::Request,
) -> Option<Request<IncomingBody<impl Stream<Item = Chunk>>>> {
    let method = Method::try_from(incoming.get_method()).ok()?;
    let path = incoming.get_path_with_query()?;
    let headers = incoming.get_headers().copy_all();
    let chunks = stream::unfold(Reading::Unopened(incoming), read);
    assemble(method, path, headers, chunks)
}

/// How far the body of a request has been read. One that nobody reads is never opened.
enum Reading {
    Unopened(types::Request),
    Open(Open),
    Ended,
}

struct Open {
    chunks: StreamReader<u8>,
    trailers: FutureReader<Result<Option<Trailers>, ErrorCode>>,
    /// Tells the host, when it is dropped, that the body was taken.
    _taken: FutureWriter<Result<(), ErrorCode>>,
}

impl Open {
    fn new(request: types::Request) -> Self {
        let (taken, result) = wit_future::new(|| Ok(()));
        let (chunks, trailers) = types::Request::consume_body(request, result);
        Self {
            chunks,
            trailers,
            _taken: taken,
        }
    }
}

async fn read(reading: Reading) -> Option<(Chunk, Reading)> {
    let mut open = match reading {
        Reading::Unopened(request) => Open::new(request),
        Reading::Open(open) => open,
        Reading::Ended => return None,
    };
    match open.chunks.read(Vec::with_capacity(CHUNK_BYTES)).await {
        (StreamResult::Complete(_), chunk) => Some((Ok(chunk), Reading::Open(open))),
        // How it ended stands in the trailers' place.
        (StreamResult::Dropped | StreamResult::Cancelled, _) => match open.trailers.await {
            Ok(_) => None,
            Err(error) => Some((Err(error), Reading::Ended)),
        },
    }
}

/// The reply, and a task that hands its body over.
///
/// # Errors
/// If the host refuses its headers.
pub fn response(response: Response<Full<Bytes>>) -> Result<types::Response, ErrorCode> {
    let (head, body) = response.into_parts();
    let headers = Fields::from_list(&pairs(&head.headers))
        .map_err(|error| ErrorCode::InternalError(Some(error.to_string())))?;
    let (mut chunks, contents) = wit_stream::new();
    let (end, trailers) = wit_future::new(|| Ok(None));
    let (outgoing, _sent) = types::Response::new(headers, Some(contents), trailers);
    if head.status != StatusCode::OK {
        outgoing
            .set_status_code(head.status.as_u16())
            .map_err(|()| ErrorCode::InternalError(None))?;
    }
    wit_bindgen::spawn(async move {
        let body = body.into_inner().unwrap_or_default();
        // What is left is what a caller that is gone does not want.
        chunks.write_all(body.into()).await;
        drop(chunks);
        _ = end.write(Ok(None)).await;
    });
    Ok(outgoing)
}
