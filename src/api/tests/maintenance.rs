//! A tick over HTTP: there only if the settings say so, and only with an API key.

use bytes::Bytes;
use http::Method;
use http_body_util::Full;
use serde_json::json;

use super::{Reply, Site, Untouchable};

const KEY: &str = "0123456789abcdef";

fn ask(site: &Site, method: &Method, headers: &[(&str, &[u8])]) -> Reply {
    site.send_with(method, "/maintenance", headers, Untouchable)
}

#[test]
fn without_its_setting_there_is_no_such_path() {
    for settings in [&[][..], &[("maintenance_endpoint_time_budget", "60")]] {
        let site = Site::new(settings);
        for method in [Method::POST, Method::GET] {
            assert_eq!(ask(&site, &method, &[]).error().0, 404);
        }
        assert!(site.store.calls().is_empty());
    }
    let with_keys = Site::new(&[("api_keys", KEY)]);
    let headers = [("api-key", KEY.as_bytes())];
    let reply = ask(&with_keys, &Method::POST, &headers);
    assert_eq!(reply.error().1, "not_found");
}

#[test]
fn it_answers_with_the_report() {
    let site = Site::new(&[("api_keys", KEY), ("maintenance_endpoint", "true")]);
    assert_eq!(ask(&site, &Method::POST, &[]).error().0, 401);
    assert!(site.store.calls().is_empty());

    let headers = [("api-key", KEY.as_bytes())];
    let reply = site.send_with(
        &Method::POST,
        "/maintenance",
        &headers,
        Full::new(Bytes::from_static(b"a body that nobody reads")),
    );
    let expected = json!({
        "message": "one tick of maintenance", "status": "OK",
        "rotated": null, "pruned": 0, "removed": 0, "remaining": 0, "took_ms": 0,
    });
    assert_eq!(reply.json, expected);
    let reply = ask(&site, &Method::GET, &headers);
    assert_eq!(reply.error().1, "method_not_allowed");
    assert_eq!(reply.headers["allow"], "POST");
}
