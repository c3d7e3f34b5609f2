//! The HTTP component: wires the session library to Spin's HTTP trigger, variables and databases (spin-sdk 7).
//!
//! Instances serve many requests, several at a time, so everything that is the same for all of them is made by
//! the first and kept in a static.

#![warn(clippy::disallowed_methods)]

mod app;
mod mysql;
mod platform;
mod sqlite;

use std::future::poll_fn;
use std::task::Poll;

use spin_sdk::http::{IntoResponse, Request};
use spin_sdk::http_service;

use app::App;

#[http_service]
async fn handle(request: Request) -> impl IntoResponse {
    let app = App::get().await;
    let response = app.handle(request).await.into_response();
    // The conversion has started a task that writes the body. Let it begin before the head leaves: head and body
    // in two packets cost the client up to 40 ms of delayed ACK.
    yield_once().await;
    response
}

async fn yield_once() {
    let mut yielded = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            Poll::Ready(())
        } else {
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await;
}
