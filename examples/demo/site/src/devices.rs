//! Where a user is signed in, by the session service's word: a list, and the end of one.

use bytes::Bytes;
use form_urlencoded::byte_serialize;
use http_body_util::{BodyExt as _, Full, Limited};
use serde_json::{Value, json};
use session_edge::identity;
use spin_sdk::http::{self, HeaderMap, Method, Request, StatusCode};

use crate::{Reply, header, json_reply, not_found, now, sign_in_first};

const SERVICE: &str = "http://session-http.spin.internal";

/// Longer than a page of 100 sessions.
const BODY_MAX_BYTES: usize = 512 * 1024;

/// The user's sessions, this one first. A real site would page through more than 100.
pub(crate) async fn list(headers: &HeaderMap) -> Reply {
    let Some(user_id) = header(headers, identity::USER_ID) else {
        return sign_in_first();
    };
    let Some(sessions) = sessions(user_id).await else {
        return away();
    };
    let age = |time: &Value| {
        let secs = now().as_millis().saturating_sub(time.as_u64()?) / 1000;
        Some(secs)
    };
    let this = header(headers, identity::HANDLE);
    let mut devices: Vec<_> = sessions
        .iter()
        .map(|session| {
            json!({
                "handle": session["handle"], "isThis": session["handle"].as_str() == this,
                "userAgent": session["client"]["userAgent"], "activeSecondsAgo": age(&session["lastActiveAt"]),
                "endsAt": session["endsAt"], "bound": session["bound"],
            })
        })
        .collect();
    devices.sort_by_key(|device| {
        (
            device["isThis"] != true,
            device["activeSecondsAgo"].as_u64(),
        )
    });
    json_reply(StatusCode::OK, &json!({ "devices": devices }))
}

/// Ends one session of the user's own: whose it is must be seen here, for the service ends any.
pub(crate) async fn end(request: Request) -> Reply {
    let (head, body) = request.into_parts();
    let Some(user_id) = header(&head.headers, identity::USER_ID) else {
        return sign_in_first();
    };
    let body = Limited::new(body, BODY_MAX_BYTES).collect().await;
    let body = body.map(|body| body.to_bytes()).unwrap_or_default();
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    let Some(sessions) = sessions(user_id).await else {
        return away();
    };
    if !asked["handle"].is_string() || !sessions.iter().any(|it| it["handle"] == asked["handle"]) {
        return not_found();
    }
    let question = json!({ "sessionHandle": asked["handle"] });
    match ask(Method::DELETE, "/session", question.to_string()).await {
        Some(_) => json_reply(StatusCode::OK, &json!({ "status": "OK" })),
        None => away(),
    }
}

async fn sessions(user_id: &str) -> Option<Vec<Value>> {
    let encoded: String = byte_serialize(user_id.as_bytes()).collect();
    let path = format!("/session/all?userId={encoded}");
    let mut answer = ask(Method::GET, &path, String::new()).await?;
    serde_json::from_value(answer["sessions"].take()).ok()
}

async fn ask(method: Method, path: &str, body: String) -> Option<Value> {
    let question = http::Request::builder()
        .method(method)
        .uri(format!("{SERVICE}{path}"))
        .header("content-type", "application/json")
        .body(Full::<Bytes>::from(body))
        .ok()?;
    let answer = http::send(question).await.ok()?;
    if answer.status() != StatusCode::OK {
        return None;
    }
    let body = Limited::new(answer.into_body(), BODY_MAX_BYTES)
        .collect()
        .await;
    serde_json::from_slice(&body.ok()?.to_bytes()).ok()
}

fn away() -> Reply {
    json_reply(
        StatusCode::SERVICE_UNAVAILABLE,
        &json!({ "message": "the session service is away" }),
    )
}
