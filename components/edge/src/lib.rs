//! The edge component: wires `session::edge` to Spin, before a site that is another component (spin-sdk 7).

#![warn(clippy::disallowed_methods)]

mod wiring;

use session::edge::{SiteDown, gateway};
use spin_sdk::http::{self, IntoResponse, Request, Response};
use spin_sdk::http_service;

#[http_service]
async fn handle(request: Request) -> impl IntoResponse {
    wiring::handle(request, |settings| {
        let upstream = settings.upstream.clone()?;
        Some(async move |request| send_on(request, &upstream).await)
    })
    .await
}

/// To the component with this id, by service chaining.
async fn send_on(request: Request, upstream: &str) -> Result<Response, SiteDown> {
    let (mut head, body) = request.into_parts();
    gateway::readdress(&mut head, upstream);
    let request = Request::from_parts(head, body);
    http::send(request)
        .await
        .map_err(|error| wiring::site_down(&error))
}
