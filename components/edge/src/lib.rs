//! The edge component: wires `session_edge` to Spin, before a site that is another component (spin-sdk 7).

#![warn(clippy::disallowed_methods)]

use session_edge::{SiteDown, gateway};
use session_runtime::edge::{self, SiteRequest};
use spin_sdk::http::{self, IntoResponse, Request, Response};
use spin_sdk::http_service;

#[http_service]
async fn handle(request: Request) -> impl IntoResponse {
    edge::handle(request, |settings| {
        let upstream = settings.upstream.clone()?;
        Some(async move |request| send_on(request, &upstream).await)
    })
    .await
}

/// To the component with this id, by service chaining.
async fn send_on(request: SiteRequest, upstream: &str) -> Result<Response, SiteDown> {
    let (mut head, body) = request.into_parts();
    gateway::readdress(&mut head, upstream);
    let request = Request::from_parts(head, body);
    http::send(request)
        .await
        .map_err(|error| edge::site_down(&error))
}
