//! Requests that another site makes a browser send are refused, by what browsers say of where they come from.
//!
//! No tokens: safe methods pass; `Sec-Fetch-Site` (Fetch Metadata) must be `same-origin` or `none`; a browser that
//! does not send it sends `Origin` (RFC 6454), whose host must be ours; who sends neither is no browser. A WebSocket's
//! handshake is not safe, though it is a GET.

use http::{HeaderMap, Method, Uri};

use super::cookies::{authority, came_by_https};

/// Whether a request begins a WebSocket (RFC 6455 §4.1): a GET after which anything can follow.
fn is_handshake(headers: &HeaderMap) -> bool {
    headers.contains_key("sec-websocket-key")
}

/// Whether a request with this method may change nothing (RFC 9110 §9.2.1).
fn is_safe(method: &Method) -> bool {
    matches!(
        *method,
        Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE
    )
}

/// Whether to refuse a request.
pub fn is_forged(method: &Method, uri: &Uri, headers: &HeaderMap, trusted: &[String]) -> bool {
    (!is_safe(method) || is_handshake(headers)) && !comes_from_us(uri, headers, trusted)
}

/// Whether to refuse a request that a proxy asks about: its method is in a header. Without one it may be any.
pub fn is_forged_original(uri: &Uri, headers: &HeaderMap, trusted: &[String]) -> bool {
    let mut methods = ["x-original-method", "x-forwarded-method"]
        .iter()
        .flat_map(|name| headers.get_all(*name))
        .map(|value| Method::from_bytes(value.as_bytes()).is_ok_and(|method| is_safe(&method)))
        .peekable();
    let is_safe = methods.peek().is_some() && methods.all(|safe| safe) && !is_handshake(headers);
    !is_safe && !comes_from_us(uri, headers, trusted)
}

fn comes_from_us(uri: &Uri, headers: &HeaderMap, trusted: &[String]) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or(""));
    let origin = text("origin");
    if origin.is_some_and(|origin| trusted.iter().any(|trusted| trusted == origin)) {
        return true;
    }
    match (text("sec-fetch-site"), origin) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => {
            // By plain HTTP, anyone on the network path can forge a page of ours.
            let host = match origin.split_once("://") {
                Some(("http", _)) if came_by_https(uri, headers) => None,
                origin => origin.map(|(_, host)| host),
            };
            // A page cannot make a browser send this header elsewhere without asking (a CORS preflight).
            let forwarded = text("x-forwarded-host");
            host.is_some_and(|host| {
                authority(uri, headers).as_deref() == Some(host) || forwarded == Some(host)
            })
        }
        (None, None) => true,
    }
}
