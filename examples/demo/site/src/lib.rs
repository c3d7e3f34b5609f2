//! The demo's site: a page, an account behind a session, and (on loopback only) the routes that steal one.
//!
//! It knows nothing of tokens but in [`theft`]: the edge before it says who asks.

#![warn(clippy::disallowed_methods)]

mod files;
mod theft;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::Full;
use serde_json::{Value, json};
use session_edge::identity;
use spin_sdk::http::{HeaderMap, IntoResponse, Method, Request, Response, StatusCode};
use spin_sdk::http_service;
use spin_sdk::wit_bindgen::yield_async;

type Reply = Response<Full<Bytes>>;

#[http_service]
async fn handle(request: Request) -> impl IntoResponse {
    let reply = answer(request).await.into_response();
    // The task that writes the body begins before the head leaves; see components/http.
    yield_async().await;
    reply
}

async fn answer(request: Request) -> Reply {
    let path = request.uri().path().to_owned();
    if let Some(act) = path.strip_prefix("/auth/session/refresh/demo/") {
        return theft::answer(act, request).await;
    }
    match (request.method(), path.as_str()) {
        (&Method::POST, "/api/login") => log_in(),
        (&Method::GET, "/api/account") => account(request.headers()),
        (&Method::GET, path) => files::file(path).unwrap_or_else(not_found),
        _ => not_found(),
    }
}

/// There is one user, and no password: the demo is about what comes after.
fn log_in() -> Reply {
    let login = json!({ "userId": "ada", "jwtPayload": { "name": "Ada Lovelace" } });
    let mut reply = json_reply(StatusCode::OK, &json!({ "status": "OK" }));
    let value = STANDARD.encode(login.to_string());
    let value = value.try_into().expect("base64 is ASCII");
    reply.headers_mut().insert(identity::CREATE, value);
    reply
}

/// What only Ada may see.
fn account(headers: &HeaderMap) -> Reply {
    let Some(user_id) = headers.get(identity::USER_ID) else {
        let message = json!({ "message": "sign in first" });
        return json_reply(StatusCode::UNAUTHORIZED, &message);
    };
    let payload = headers
        .get(identity::PAYLOAD)
        .map(|value| STANDARD.decode(value.as_bytes()));
    let payload: Option<Value> = payload.and_then(|json| serde_json::from_slice(&json.ok()?).ok());
    let name = payload
        .as_ref()
        .map_or(&Value::Null, |payload| &payload["name"]);
    let account = json!({ "user": user_id.to_str().unwrap_or_default(), "name": name, "balance": "£ 1,842.00" });
    json_reply(StatusCode::OK, &account)
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
