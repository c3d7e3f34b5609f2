//! The site as a component of WASI 0.3 (spin-sdk 7).

use bytes::Bytes;
use http_body_util::Full;
use spin_sdk::http::{IntoResponse, Request, Response};
use spin_sdk::http_service;

#[http_service]
async fn handle(request: Request) -> impl IntoResponse {
    let header = |name: &str| request.headers().get(name)?.to_str().ok();
    let reply = example_site::answer(request.method().as_str(), request.uri().path(), header);
    let mut response = Response::builder().status(reply.status);
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    response.body(Full::new(Bytes::from(reply.body)))
}
