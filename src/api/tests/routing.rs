//! Paths, methods and types.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use http_body_util::Full;

use session_store::StoreError;

use super::{ENDPOINTS, Site, Untouchable};

fn methods() -> Vec<Method> {
    let names = "GET HEAD POST PUT DELETE PATCH OPTIONS TRACE CONNECT PROPFIND get";
    names
        .split(' ')
        .map(|name| Method::from_bytes(name.as_bytes()).unwrap())
        .collect()
}

#[test]
fn in5_a_405_names_the_allowed_methods() {
    let site = Site::new(&[]);
    for (path, allow) in [
        ("/session", "POST, PUT, DELETE"),
        ("/refresh", "PUT"),
        ("/session/all", "DELETE, GET, HEAD"),
        ("/session/payload", "PUT"),
        ("/.well-known/jwks.json", "GET, HEAD"),
        ("/session/data", "GET, PUT, HEAD"),
        ("/health", "GET, HEAD"),
        ("/ready", "GET, HEAD"),
    ] {
        let allowed: Vec<_> = allow.split(", ").collect();
        for method in methods() {
            if allowed.contains(&method.as_str()) {
                continue;
            }
            let reply = site.send_with(&method, path, &[], Untouchable);
            let message = format!("allowed methods: {allow}");
            assert_eq!(
                reply.error(),
                (405, "method_not_allowed", &*message),
                "{method}"
            );
            assert_eq!(reply.headers["allow"], allow);
        }
    }
}

#[test]
fn in5_other_paths_are_not_echoed() {
    let site = Site::new(&[]);
    for path in [
        "/",
        "/session/",
        "//session",
        "/SESSION",
        "/session/data/",
        "/session/x%3Cscript%3E",
        "/sessions",
        "/refresh/..",
        "/health/",
        "/session%2Fdata",
        "/.%0d%0aSet-Cookie:x",
    ] {
        for method in methods() {
            let reply = site.send_with(&method, path, &[], Untouchable);
            assert_eq!(reply.error(), (404, "not_found", "there is no such path"));
            assert_eq!(reply.headers.len(), 2);
        }
    }
}

#[test]
fn a_query_string_changes_no_route() {
    let site = Site::new(&[]);
    let reply = site.send(&Method::POST, "/session?x=/refresh", r#"{"userId":"bob"}"#);
    assert_eq!(reply.status, 200);
}

#[test]
fn in5_bodies_of_another_type_are_refused_unread() {
    let site = Site::new(&[]);
    for content_type in [
        &b"text/plain"[..],
        b"application/jsonx",
        b"application/x-www-form-urlencoded",
        b"",
        b"json",
        b"text/json",
        b"application/",
        b"application/json, text/plain",
        b"\xff",
        b"text/x+json",
    ] {
        for (method, path, _) in ENDPOINTS {
            if method == Method::GET {
                continue;
            }
            let headers = [("content-type", content_type)];
            let reply = site.send_with(&method, path, &headers, Untouchable);
            let message = "content-type must be application/json";
            assert_eq!(reply.error(), (415, "unsupported_media_type", message));
        }
    }
}

#[test]
fn json_goes_by_several_names() {
    let site = Site::new(&[]);
    for content_type in [
        &b"application/json"[..],
        b"Application/JSON",
        b"application/json; charset=utf-8",
        b"application/json;charset=x",
        b" application/json ",
        b"application/vnd.site+json",
    ] {
        let body = Full::new(Bytes::from(r#"{"userId":"bob"}"#));
        let headers = [("content-type", content_type)];
        let reply = site.send_with(&Method::POST, "/session", &headers, body);
        assert_eq!(reply.status, 200, "{content_type:?}");
    }
    // A request without a body has no type.
    let headers = [("content-type", &b"text/plain"[..])];
    let path = "/session/data?sessionHandle=x";
    let reply = site.send_with(&Method::GET, path, &headers, Untouchable);
    assert_eq!(reply.status, 200);
}

#[test]
fn probes_answer_without_a_body() {
    let site = Site::new(&[]);
    for (path, message) in [("/health", "alive"), ("/ready", "ready")] {
        let reply = site.send_with(&Method::GET, path, &[], Untouchable);
        assert_eq!(
            reply.text,
            format!(r#"{{"message":"{message}","status":"OK"}}"#)
        );
    }
    site.store.calls();
    site.store.fail(&["*"]);
    let health = site.send_with(&Method::GET, "/health", &[], Untouchable);
    assert_eq!(health.status, 200);
    // The keys are loaded, so access tokens can be checked. Whether logins can be stored is another question.
    site.platform.advance(Duration::from_secs(1));
    for (path, status) in [("/ready", 200), ("/status", 503)] {
        let reply = site.send_with(&Method::GET, path, &[], Untouchable);
        assert_eq!(reply.status, status, "{path}");
    }
}

#[test]
fn the_status_needs_an_api_key_and_names_what_fails() {
    let key = "k".repeat(32);
    let site = Site::new(&[("api_keys", &key)]);
    let ask = |key: &str| {
        let headers = [("api-key", key.as_bytes())];
        site.send_with(&Method::GET, "/status", &headers, Untouchable)
    };
    assert_eq!(ask("").status, 401);
    assert_eq!(ask(&key).status, 200);
    for (error, code) in [
        (StoreError::ReadOnly, "database_read_only"),
        (StoreError::Schema("x".to_owned()), "misconfigured"),
    ] {
        site.platform.advance(Duration::from_secs(1));
        site.store.fail_with(error);
        assert_eq!(ask(&key).error().1, code);
    }
}

/// RFC 9110 §9.1. The server leaves the body out.
#[test]
fn head_is_answered_as_get() {
    let key = "k".repeat(32);
    let site = Site::new(&[("api_keys", &key)]);
    for (path, needs_key) in [
        ("/health", false),
        ("/ready", false),
        ("/status", true),
        ("/session/data?sessionHandle=x", true),
        ("/session/all?userId=bob", true),
    ] {
        let reply = site.send_with(&Method::HEAD, path, &[], Untouchable);
        assert_eq!(reply.status, if needs_key { 401 } else { 200 }, "{path}");
        let headers = [("api-key", key.as_bytes())];
        let reply = site.send_with(&Method::HEAD, path, &headers, Untouchable);
        assert_eq!(reply.status, 200, "{path}");
    }
}
