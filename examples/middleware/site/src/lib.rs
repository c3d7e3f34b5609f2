//! The site as a component of WASI 0.3 (spin-sdk 7).

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use spin_sdk::http::{IntoResponse, Request, Response};
use spin_sdk::http_service;

#[http_service]
async fn handle(request: Request) -> impl IntoResponse {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes());
    let header = |name: &str| head.headers.get(name)?.to_str().ok();
    let (method, path) = (head.method.as_str(), head.uri.path());
    let reply = example_site::answer(method, path, header, &body.unwrap_or_default());
    let mut response = Response::builder().status(reply.status);
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    response.body(Full::new(Bytes::from(reply.body)))
}
