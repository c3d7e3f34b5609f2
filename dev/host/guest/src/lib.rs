//! A component that does what the path of a request says, so that dev-host's tests see what a guest of Spin sees.

use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http_body_util::Full;
use spin_sdk::http::{IntoResponse, Request};
use spin_sdk::{http_service, mysql, time};

#[http_service]
async fn handle(request: Request) -> impl IntoResponse {
    let headers = request.headers();
    let text = match request.uri().path() {
        "/headers" => headers.keys().map(|name| format!("{name}\n")).collect(),
        "/mysql" => {
            let opened = mysql::Connection::open("mysql://user:password@db.example/name").await;
            format!("{:?}", opened.err())
        }
        "/sleep" => {
            time::sleep(Duration::from_millis(30)).await;
            String::new()
        }
        "/trap" => panic!("as it was asked to"),
        _ => "text".to_owned(),
    };
    let response = Response::builder();
    let response = match request.uri().path() {
        "/chunked" => response,
        "/forbidden" => response.header("connection", "close"),
        "/longer" => response.header("content-length", text.len() + 1),
        _ => response.header("content-length", text.len()),
    };
    response.body(Full::new(Bytes::from(text)))
}
