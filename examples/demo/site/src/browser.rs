//! What a browser does that binds its sessions to a key (Device Bound Session Credentials). It does so by HTTPS only, and by
//! itself: at the edge a page's script can do neither. The demo's page plays it with a key of its own; here its requests get
//! what is missing, and the cookies the names that they have by plain HTTP.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use serde_json::json;
use session_edge::cookies::Cookies;
use session_edge::device::{BIND_PATH, DEVICE_REFRESH_PATH};
use spin_sdk::http::{self, HeaderMap, HeaderValue, Request, Response, StatusCode};

use crate::{Reply, json_reply, not_found};

const EDGE: &str = "http://session-edge.spin.internal";

/// The logins, which offer a registration by HTTPS, and what a browser does by itself.
const PATHS: [&str; 4] = [
    "/api/login",
    "/api/login/again",
    BIND_PATH,
    DEVICE_REFRESH_PATH,
];

/// Longer than what the edge or the site says to any of them.
const BODY_MAX_BYTES: usize = 16 * 1024;

/// Asks the edge for `target` as such a browser would.
pub(crate) async fn ask(target: &str, request: &Request, cookies: &Cookies) -> Reply {
    if !PATHS.contains(&target.split('?').next().unwrap_or_default()) {
        return not_found();
    }
    let mut headers = passed_on(request.headers());
    headers.insert("x-forwarded-proto", HeaderValue::from_static("https"));
    headers.insert("sec-fetch-mode", HeaderValue::from_static("no-cors"));
    // No script may set a header of the name that browsers use.
    if let Some(id) = headers.remove("secure-session-id") {
        headers.insert("sec-secure-session-id", id);
    }
    let access = cookies.access_tokens(&headers);
    let access = access
        .first()
        .map(|it| format!("__Host-sAccessToken={}", it.expose()));
    let refresh = cookies.refresh_token(&headers);
    let refresh = refresh.map(|it| format!("__Secure-sRefreshToken={}", it.expose()));
    let pairs: Vec<_> = access.into_iter().chain(refresh).collect();
    let pairs = pairs.join("; ").try_into().expect("tokens are URL-safe");
    headers.insert("cookie", pairs);
    let Some(answer) = post(target, headers).await else {
        return edge_is_away();
    };
    let (head, body) = answer.into_parts();
    let Ok(body) = Limited::new(body, BODY_MAX_BYTES).collect().await else {
        return edge_is_away();
    };
    let mut reply = Response::new(Full::new(body.to_bytes()));
    *reply.status_mut() = head.status;
    for (name, value) in &head.headers {
        let value = match name.as_str() {
            "set-cookie" => by_http(value),
            _ => value.clone(),
        };
        reply.headers_mut().append(name, value);
    }
    reply
}

/// Posts to the edge, from within.
pub(crate) async fn post(target: &str, headers: HeaderMap) -> Option<Response> {
    let mut question = Request::post(format!("{EDGE}{target}"));
    question.headers_mut()?.extend(headers);
    http::send(question.body(Full::<Bytes>::default()).ok()?)
        .await
        .ok()
}

/// What of a request's headers goes on to the edge.
pub(crate) fn passed_on(headers: &HeaderMap) -> HeaderMap {
    let all = headers.iter();
    all.filter(|(name, _)| {
        !name.as_str().starts_with("spin-") && *name != "host" && *name != "content-length"
    })
    .map(|(name, value)| (name.clone(), value.clone()))
    .collect()
}

pub(crate) fn edge_is_away() -> Reply {
    json_reply(
        StatusCode::BAD_GATEWAY,
        &json!({ "message": "the edge is away" }),
    )
}

/// A cookie that came by HTTPS, for plain HTTP. The page has to see when the marker is gone, as a browser does.
fn by_http(cookie: &HeaderValue) -> HeaderValue {
    let text = String::from_utf8_lossy(cookie.as_bytes()).replace("; Secure", "");
    let text = ["__Host-", "__Secure-"]
        .iter()
        .find_map(|prefix| text.strip_prefix(prefix))
        .unwrap_or(&text);
    let text = match text.starts_with("sDevice=") {
        true => text.replace("; HttpOnly", ""),
        false => text.to_owned(),
    };
    text.try_into().expect("it came as a header")
}
