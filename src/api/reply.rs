//! A reply on its way to becoming an HTTP response.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use serde::Serialize;

/// Most replies fit into this.
const USUAL_BYTES: usize = 1024;

/// A reply that is ready to be sent.
#[derive(Debug)]
pub(super) struct Reply {
    status: StatusCode,
    content_type: &'static str,
    header: Option<(HeaderName, HeaderValue)>,
    body: Vec<u8>,
}

impl Reply {
    pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Self {
        let mut bytes = Vec::with_capacity(USUAL_BYTES);
        serde_json::to_writer(&mut bytes, body)
            .expect("replies are strings, numbers and verbatim JSON");
        Self::new(status, "application/json", bytes)
    }

    /// JSON that is there already.
    pub(crate) fn json_text(text: String) -> Self {
        Self::new(StatusCode::OK, "application/json", text.into_bytes())
    }

    pub(crate) fn text(status: StatusCode, text: impl Into<String>) -> Self {
        let text: String = text.into();
        Self::new(status, "text/plain; charset=utf-8", text.into_bytes())
    }

    fn new(status: StatusCode, content_type: &'static str, body: Vec<u8>) -> Self {
        Self {
            status,
            content_type,
            header: None,
            body,
        }
    }

    pub(crate) fn ok(body: &impl Serialize) -> Self {
        Self::json(StatusCode::OK, body)
    }

    pub(crate) fn with_header(self, header: Option<(HeaderName, HeaderValue)>) -> Self {
        Self { header, ..self }
    }

    pub(super) fn status(&self) -> u16 {
        self.status.as_u16()
    }

    pub(crate) fn into_response(self) -> Response<Full<Bytes>> {
        let length = HeaderValue::from(self.body.len());
        let mut response = Response::new(Full::new(Bytes::from(self.body)));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static(self.content_type),
        );
        // Spin's listener has no TCP_NODELAY: without a length the reply leaves in several packets, and each
        // waits 40 ms for an ACK.
        headers.insert(header::CONTENT_LENGTH, length);
        if let Some((name, value)) = self.header {
            headers.insert(name, value);
        }
        response
    }
}
