//! The edge as middleware: the same wiring as `components/edge`, but the site is what Spin composes it with.

#![warn(clippy::disallowed_methods)]

use session_runtime::edge;
use spin_sdk::http::{self, IntoResponse, Request};
use spin_sdk::http_service;

#[http_service]
async fn handle(request: Request) -> impl IntoResponse {
    edge::handle(request, |_| {
        Some(async |request| {
            http::next(request)
                .await
                .map_err(|error| edge::site_down(&error))
        })
    })
    .await
}
