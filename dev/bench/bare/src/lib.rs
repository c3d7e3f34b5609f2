//! A component that reads the whole request body and answers a fixed one as long as the reply to a check of an
//! access token. What it reaches is what the platform alone allows: nothing on the same runtime can be faster.
//!
//! It answers in the same way as the session component (content-length, and the body's write before the head
//! leaves), so that the difference between the two is the sessions and nothing else.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use spin_sdk::http::{IntoResponse, Request};
use spin_sdk::http_service;
use spin_sdk::wit_bindgen::yield_async;

/// As long as the reply about a session with a short user id and a small payload.
const REPLY: &[u8] = include_bytes!("../../reply.json");

#[http_service]
async fn handle(request: Request) -> impl IntoResponse {
    let status = match request.into_body().collect().await {
        Ok(_) => StatusCode::OK,
        Err(_) => StatusCode::BAD_REQUEST,
    };
    let mut response = Response::new(Full::new(Bytes::from_static(REPLY)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(REPLY.len()));
    let response = response.into_response();
    yield_async().await;
    response
}
