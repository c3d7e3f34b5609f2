//! Trusted origins: pages of other origins that may use the session (the CORS protocol of the Fetch standard).

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Method};

use super::front_token::FRONT_TOKEN;

/// The trusted origin that a request comes from, if it does.
pub fn trusted_origin(headers: &HeaderMap, trusted: &[String]) -> Option<HeaderValue> {
    let origin = headers.get(ORIGIN)?;
    let is_trusted = trusted
        .iter()
        .any(|trusted| trusted.as_bytes() == origin.as_bytes());
    is_trusted.then(|| origin.clone())
}

/// Whether a browser asks if it may send a request.
pub fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::OPTIONS && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// What a browser is told that asks for a trusted page: yes, whatever it is.
pub fn preflight(asked: &HeaderMap, origin: HeaderValue) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (question, answer) in [
        (ACCESS_CONTROL_REQUEST_METHOD, ACCESS_CONTROL_ALLOW_METHODS),
        (ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_ALLOW_HEADERS),
    ] {
        if let Some(value) = asked.get(question) {
            headers.insert(answer, value.clone());
        }
    }
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    allow(&mut headers, origin);
    headers
}

/// Lets a trusted page read a reply, the front token included: `*` would not do for a request with cookies.
pub fn allow(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(
        ACCESS_CONTROL_ALLOW_CREDENTIALS,
        HeaderValue::from_static("true"),
    );
    headers.append(
        ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static(FRONT_TOKEN),
    );
}

/// Says that the replies depend on who asks, also those to others: a browser that has stored one of those (an image, by
/// a request without `Origin`) would use it for a trusted page, which could not read it.
pub fn vary_by_origin(headers: &mut HeaderMap) {
    headers.append(VARY, HeaderValue::from_static("origin"));
}
