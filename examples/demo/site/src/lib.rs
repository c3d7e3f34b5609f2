//! The demo's site: a page, an account behind a session, a list of its user's devices, and (on loopback only) the routes
//! that steal a session.
//!
//! It knows nothing of tokens but in [`theft`] and [`browser`]: the edge before it says who asks.

#![warn(clippy::disallowed_methods)]

mod browser;
mod devices;
mod files;
mod login;
mod theft;

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::Full;
use serde_json::{Value, json};
use session_core::domain::time::{Timestamp, millis};
use session_edge::identity;
use spin_sdk::http::{HeaderMap, IntoResponse, Method, Request, Response, StatusCode};
use spin_sdk::http_service;
use spin_sdk::wit_bindgen::yield_async;

type Reply = Response<Full<Bytes>>;

#[http_service]
async fn handle(request: Request) -> impl IntoResponse {
    let reply = answer(request).await.into_response();
    // As `body_first` of components/runtime does.
    yield_async().await;
    yield_async().await;
    reply
}

async fn answer(request: Request) -> Reply {
    let path = request.uri().path().to_owned();
    if let Some(act) = path.strip_prefix("/auth/session/refresh/demo/") {
        return theft::answer(act, request).await;
    }
    match (request.method(), path.as_str()) {
        (&Method::POST, "/api/login") => login::first(request.uri()),
        (&Method::POST, "/api/login/again") => login::again(request.headers()),
        (&Method::GET, "/api/account") => account(request.headers()),
        (&Method::POST, "/api/account/close") => login::close_account(request.headers()),
        (&Method::GET, "/api/devices") => devices::list(request.headers()).await,
        (&Method::POST, "/api/devices/end") => devices::end(request).await,
        (&Method::GET, path) => files::file(path).unwrap_or_else(not_found),
        _ => not_found(),
    }
}

/// What only Ada may see.
fn account(headers: &HeaderMap) -> Reply {
    let Some(user_id) = header(headers, identity::USER_ID) else {
        return sign_in_first();
    };
    let payload = headers
        .get(identity::PAYLOAD)
        .map(|value| STANDARD.decode(value.as_bytes()));
    let payload: Option<Value> = payload.and_then(|json| serde_json::from_slice(&json.ok()?).ok());
    let name = payload
        .as_ref()
        .map_or(&Value::Null, |payload| &payload["name"]);
    let account = json!({ "user": user_id, "name": name, "balance": "£ 1,842.00" });
    json_reply(StatusCode::OK, &account)
}

/// What the edge says of the session that a request belongs to.
fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// By the standard library's clock, which is WASI's.
#[expect(clippy::disallowed_methods, reason = "here it comes from")]
fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
    Timestamp::from_millis(millis(since_epoch.unwrap_or_default()))
}

fn sign_in_first() -> Reply {
    let message = json!({ "message": "sign in first" });
    json_reply(StatusCode::UNAUTHORIZED, &message)
}

fn not_found() -> Reply {
    json_reply(
        StatusCode::NOT_FOUND,
        &json!({ "message": "there is no such page" }),
    )
}

fn json_reply(status: StatusCode, body: &Value) -> Reply {
    reply(status, "application/json", body.to_string())
}

fn reply(status: StatusCode, kind: &str, body: impl Into<Bytes>) -> Reply {
    let body = body.into();
    Response::builder()
        .status(status)
        .header("content-type", kind)
        .header("content-length", body.len())
        .header("cache-control", "no-cache")
        .body(Full::new(body))
        .expect("its parts are valid")
}
