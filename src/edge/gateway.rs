//! Sending a request on to another component of the application, by service chaining.

use http::uri::{PathAndQuery, Scheme, Uri};
use http::{HeaderMap, HeaderName, HeaderValue, request};

use super::cookies::{authority, came_by_https};

/// Readdresses a request to the component `upstream`, which sees the host that the browser named as
/// `x-forwarded-host`. Spin adds its own `spin-*` headers again; those of before would stand beside them.
pub fn readdress(head: &mut request::Parts, upstream: &str) {
    let host =
        authority(&head.uri, &head.headers).and_then(|host| HeaderValue::try_from(host).ok());
    let scheme = match came_by_https(&head.uri, &head.headers) {
        true => "https",
        false => "http",
    };
    // `x-forwarded-host` is always ours: a browser could have named any host here.
    remove_spelled(&mut head.headers, |name| {
        let ours = ["host", "x-forwarded-host", "x-forwarded-proto"];
        name.starts_with("spin-") || ours.contains(&name)
    });
    if let Some(host) = host {
        head.headers.insert("x-forwarded-host", host);
    }
    head.headers
        .insert("x-forwarded-proto", HeaderValue::from_static(scheme));
    let path = head.uri.path_and_query().cloned();
    head.uri = Uri::builder()
        .scheme(Scheme::HTTP)
        .authority(format!("{upstream}.spin.internal"))
        .path_and_query(path.unwrap_or_else(|| PathAndQuery::from_static("/")))
        .build()
        .expect("an id of a component is the name of a host");
}

/// Removes all headers with such names, given in lower case and with hyphens for underscores: CGI (RFC 3875 §4.1.18),
/// and WSGI after it, don't tell those apart.
pub(super) fn remove_spelled(headers: &mut HeaderMap, is_meant: impl Fn(&str) -> bool) {
    let names: Vec<HeaderName> = headers
        .keys()
        .filter(|name| is_meant(&name.as_str().replace('_', "-")))
        .cloned()
        .collect();
    for name in names {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests;
