//! The `spin-*` headers that Spin adds to each request for a component. What a client sends under these
//! names stays beside them: a component that forwards requests strips them first.

use std::net::SocketAddr;

use http::{HeaderMap, HeaderName, HeaderValue, Uri, header};

use crate::router::Match;

/// Adds the headers of a request that has come from `client` over `matched`.
pub(crate) fn add<T>(
    headers: &mut HeaderMap,
    uri: &Uri,
    matched: &Match<'_, T>,
    client: SocketAddr,
) {
    let host = headers.get(header::HOST).map(HeaderValue::to_str);
    let host = host.and_then(Result::ok).unwrap_or("localhost");
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let full_url = format!("http://{host}{path}");
    let prefix = matched.route.strip_suffix("/...").unwrap_or(matched.route);
    let mut add = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.append(name, value);
        }
    };
    for (name, value) in [
        ("spin-path-info", matched.rest),
        ("spin-full-url", &full_url),
        ("spin-matched-route", matched.route),
        ("spin-base-path", "/"),
        ("spin-raw-component-route", matched.route),
        ("spin-component-route", prefix),
        ("spin-client-addr", &client.to_string()),
    ] {
        add(HeaderName::from_static(name), value);
    }
    for (name, value) in &matched.named {
        let name = format!("spin-path-match-{}", name.replace('_', "-"));
        if let Ok(name) = name.parse() {
            add(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_tell_route_and_client_and_keep_what_was_sent() {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("a.example"));
        headers.insert("spin-path-info", HeaderValue::from_static("forged"));
        let matched = Match {
            target: &(),
            route: "/a/:user_id/...",
            rest: "/c",
            named: vec![("user_id", "7")],
        };
        let client = SocketAddr::from(([127, 0, 0, 1], 9));
        add(
            &mut headers,
            &Uri::from_static("http://a.example/a/7/c?d"),
            &matched,
            client,
        );
        for (name, values) in [
            ("spin-path-info", &["forged", "/c"][..]),
            ("spin-full-url", &["http://a.example/a/7/c?d"]),
            ("spin-matched-route", &["/a/:user_id/..."]),
            ("spin-base-path", &["/"]),
            ("spin-raw-component-route", &["/a/:user_id/..."]),
            ("spin-component-route", &["/a/:user_id"]),
            ("spin-client-addr", &["127.0.0.1:9"]),
            ("spin-path-match-user-id", &["7"]),
        ] {
            let found: Vec<_> = headers.get_all(name).iter().collect();
            assert_eq!(found, values, "{name}");
        }
    }
}
