//! Requests from other sites: those that are refused, and those of trusted origins.

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::Full;

use super::{Reply, World};

fn send(world: &World, method: Method, path: &str, headers: &[(&str, &str)]) -> Reply {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    world.send(request.body(Full::<Bytes>::default()).unwrap())
}

#[test]
fn what_another_site_makes_a_browser_send_is_refused() {
    let world = World::new(&[("trusted_origins", "https://app.example")]);
    let host = ("host", "shop.example");
    for (headers, passes) in [
        (vec![host, ("sec-fetch-site", "same-origin")], true),
        (vec![host, ("sec-fetch-site", "none")], true),
        (vec![host, ("sec-fetch-site", "same-site")], false),
        (vec![host, ("sec-fetch-site", "cross-site")], false),
        (
            vec![
                host,
                ("sec-fetch-site", "cross-site"),
                ("origin", "https://shop.example"),
            ],
            false,
        ),
        (
            vec![
                host,
                ("sec-fetch-site", "cross-site"),
                ("origin", "https://app.example"),
            ],
            true,
        ),
        (vec![host, ("origin", "https://shop.example")], true),
        (vec![host, ("origin", "https://shop.example:444")], false),
        (vec![host, ("origin", "https://evil.example")], false),
        (vec![host, ("origin", "null")], false),
        (
            vec![
                ("host", "10.0.0.1"),
                ("x-forwarded-host", "shop.example"),
                ("origin", "https://shop.example"),
            ],
            true,
        ),
        (vec![("origin", "https://shop.example")], false),
        (vec![host], true),
    ] {
        for (method, path) in [
            (Method::POST, "/buy"),
            (Method::DELETE, "/account"),
            (Method::POST, "/auth/signout"),
            (Method::POST, "/auth/signout/others"),
            (Method::POST, "/auth/session/refresh"),
        ] {
            let reply = send(&world, method, path, &headers);
            let refused = reply.status == StatusCode::FORBIDDEN;
            assert_eq!(refused, !passes, "{path} {headers:?}");
            if refused {
                assert_eq!(reply.json()["code"], "cross_site");
                assert!(reply.touches_nothing());
            }
        }
        for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
            assert_eq!(send(&world, method, "/", &headers).status, StatusCode::OK);
        }
    }
}

#[test]
fn a_trusted_origin_may_read_replies_and_ask_first() {
    let world = World::new(&[("trusted_origins", "https://app.example")]);
    let asks = [
        ("origin", "https://app.example"),
        ("access-control-request-method", "POST"),
        (
            "access-control-request-headers",
            "fdi-version,rid,st-auth-mode",
        ),
    ];
    let reply = send(&world, Method::OPTIONS, "/auth/session/refresh", &asks);
    assert_eq!(reply.status, StatusCode::NO_CONTENT);
    assert_eq!(reply.header("content-length"), None, "RFC 9110 §8.6");
    assert_eq!(
        reply.header("access-control-allow-origin"),
        Some("https://app.example")
    );
    assert_eq!(
        reply.header("access-control-allow-credentials"),
        Some("true")
    );
    assert_eq!(reply.header("access-control-allow-methods"), Some("POST"));
    assert_eq!(
        reply.header("access-control-allow-headers"),
        Some("fdi-version,rid,st-auth-mode")
    );

    for path in ["/auth/session/refresh", "/buy"] {
        let reply = send(&world, Method::POST, path, &asks[..1]);
        assert_eq!(
            reply.header("access-control-allow-origin"),
            Some("https://app.example")
        );
        assert_eq!(
            reply.header("access-control-expose-headers"),
            Some("front-token")
        );
        assert_eq!(reply.header("vary"), Some("origin"));
    }
    // Loaded as an image, without an origin, and stored: it must not serve a later fetch of the trusted page.
    let image = send(&world, Method::GET, "/cached", &[]);
    assert_eq!(image.header("vary"), Some("origin"));
    let stranger = [("origin", "https://evil.example"), asks[1], asks[2]];
    let reply = send(&world, Method::OPTIONS, "/buy", &stranger);
    assert_eq!(
        (
            reply.text.as_str(),
            reply.header("access-control-allow-origin")
        ),
        ("the site", None)
    );
}
