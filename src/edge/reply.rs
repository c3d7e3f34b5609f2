//! The edge's own replies.

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use http_body_util::Full;
use serde_json::json;
use session_core::request::RequestError;

use super::failure::Failure;
use super::navigation::InvalidTarget;

/// A reply of the edge itself.
pub(super) type Reply = Response<Full<Bytes>>;

pub(super) fn ok() -> Reply {
    json(StatusCode::OK, &json!({ "status": "OK" }))
}

/// 200 to a browser that refreshes by itself: it takes any body for new rules of its session, and ends it by ours.
pub(super) fn empty() -> Reply {
    with_body(StatusCode::OK, String::new())
}

pub(super) fn error(status: StatusCode, code: &str, message: &str) -> Reply {
    json(status, &json!({ "message": message, "code": code }))
}

pub(super) fn json(status: StatusCode, body: &serde_json::Value) -> Reply {
    let mut reply = with_body(status, body.to_string());
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply
}

pub(super) fn script(text: &'static str) -> Reply {
    let mut reply = with_body(StatusCode::OK, text.to_owned());
    let headers = reply.headers_mut();
    let kind = HeaderValue::from_static("text/javascript; charset=utf-8");
    headers.insert(CONTENT_TYPE, kind);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("max-age=300"));
    reply
}

fn with_body(status: StatusCode, body: String) -> Reply {
    let length = HeaderValue::from(body.len());
    let mut reply = Response::new(Full::new(Bytes::from(body)));
    *reply.status_mut() = status;
    // Without a length a reply leaves Spin in several packets, each 40 ms after the other.
    reply.headers_mut().insert(CONTENT_LENGTH, length);
    reply
}

/// A redirect without its `Location`.
pub(super) fn redirect(status: StatusCode) -> Reply {
    let mut reply = with_body(status, String::new());
    let no_store = HeaderValue::from_static("no-store");
    reply.headers_mut().insert(CACHE_CONTROL, no_store);
    reply
}

pub(super) fn invalid_target(invalid: InvalidTarget) -> Reply {
    error(
        StatusCode::BAD_REQUEST,
        "invalid_redirect",
        &invalid.to_string(),
    )
}

/// 204, which has no `Content-Length` (RFC 9110 §8.6).
pub(super) fn no_content(headers: HeaderMap) -> Reply {
    let mut reply = Response::new(Full::default());
    *reply.status_mut() = StatusCode::NO_CONTENT;
    *reply.headers_mut() = headers;
    reply
}

/// 401, the session may go on: the page refreshes.
pub(super) fn try_refresh() -> Reply {
    let message = "there is no valid access token; refresh the session";
    error(StatusCode::UNAUTHORIZED, "try_refresh_token", message)
}

/// 401, and there is nothing to refresh.
pub(super) fn unauthorised() -> Reply {
    error(
        StatusCode::UNAUTHORIZED,
        "unauthorised",
        "there is no such session",
    )
}

/// 401: all sessions have ended, where one was to stay.
pub(super) fn none_excepted() -> Reply {
    let message = "this session has ended with the others; sign in again";
    error(StatusCode::UNAUTHORIZED, "signed_out_everywhere", message)
}

/// 403, the browser's question for a challenge: the session goes on.
pub(super) fn proof_needed() -> Reply {
    let message = "the session is bound to this browser: a proof of its key is needed";
    error(StatusCode::FORBIDDEN, "device_proof_needed", message)
}

/// 503, since a 401 would mean to pages that the session is over.
pub(super) fn proof_needed_later() -> Reply {
    let message = "the session is bound to a browser, which refreshes it by itself; try again";
    let mut reply = error(
        StatusCode::SERVICE_UNAVAILABLE,
        "device_proof_needed",
        message,
    );
    let retry_after = HeaderValue::from_static("1");
    reply.headers_mut().insert(RETRY_AFTER, retry_after);
    reply
}

pub(super) fn theft() -> Reply {
    error(
        StatusCode::UNAUTHORIZED,
        "token_theft",
        "token theft detected",
    )
}

/// 401: the session is ended, since browsers would drop its access token.
pub(super) fn too_large() -> Reply {
    let message = "the session's payload has grown beyond a cookie; sign in again";
    error(StatusCode::UNAUTHORIZED, "payload_too_large", message)
}

pub(super) fn forged() -> Reply {
    let message = "this request comes from another site";
    error(StatusCode::FORBIDDEN, "cross_site", message)
}

/// A request that is rejected before it is looked at.
pub(super) fn rejected(rejection: RequestError) -> Reply {
    let mut reply = error(rejection.status(), rejection.code(), &rejection.to_string());
    reply.headers_mut().extend(rejection.header());
    reply
}

pub(super) fn not_found() -> Reply {
    error(StatusCode::NOT_FOUND, "not_found", "there is no such path")
}

pub(super) fn method_not_allowed(allowed: &[Method]) -> Reply {
    let allowed: Vec<_> = allowed.iter().map(Method::as_str).collect();
    let allow = allowed.join(", ");
    let message = format!("this path takes {allow}");
    let mut reply = error(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        &message,
    );
    let allow = HeaderValue::try_from(allow).expect("names of methods are ASCII");
    reply.headers_mut().insert(ALLOW, allow);
    reply
}

/// The reply to everything while the settings are wrong.
pub fn misconfigured() -> Response<Full<Bytes>> {
    let message = "the settings are wrong; the log says which";
    error(StatusCode::INTERNAL_SERVER_ERROR, "misconfigured", message)
}

/// The reply while the settings cannot be read.
pub fn without_settings() -> Response<Full<Bytes>> {
    Failure::Unavailable(String::new()).into()
}

/// A fault of the site's, in what it says of a login.
pub(super) fn bad_login(status: StatusCode, message: &str) -> Reply {
    error(status, "invalid_login", message)
}

pub(super) fn site_down() -> Reply {
    error(
        StatusCode::BAD_GATEWAY,
        "site_unavailable",
        "the site did not answer",
    )
}

/// Keeps a page of a signed-in user out of shared caches, and has the browser ask again before it shows it, unless the
/// site says something itself.
pub(super) fn keep_private(headers: &mut HeaderMap) {
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("private, no-cache"));
}

/// Adds cookies to a reply, which nobody may keep then.
pub(super) fn set_cookies(headers: &mut HeaderMap, cookies: impl IntoIterator<Item = HeaderValue>) {
    for cookie in cookies {
        headers.append(SET_COOKIE, cookie);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}
