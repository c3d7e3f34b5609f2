//! What becomes of a request on its way to the site, and of the reply on its way back, whoever is signed in.

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};

use super::{BoxBody, Broken, Browser, World, ada};

#[test]
fn fields_of_one_connection_are_not_forwarded_in_either_direction() {
    let world = World::new(&[]);
    let mut browser = ada(&world);
    let hops = [
        ("connection", "x-hop, x-session-user-id"),
        ("x-hop", "1"),
        ("te", "trailers"),
        ("upgrade", "websocket"),
        ("transfer-encoding", "chunked"),
    ];
    let reply = browser.send_with(&world, Method::POST, "/hops", "text", &hops);
    for (name, _) in hops {
        assert_eq!(world.seen(name), None, "{name}");
        assert_eq!(reply.header(name), None, "{name}");
    }
    assert_eq!(world.seen("x-session-user-id").as_deref(), Some("ada"));
}

#[test]
fn trailers_of_a_request_are_discarded() {
    let world = World::new(&[]);
    let mut trailers = HeaderMap::new();
    trailers.insert("x-session-user-id", "root".parse().unwrap());
    let body = Full::new(Bytes::from("text")).with_trailers(async { Some(Ok(trailers)) });
    let request = Request::post("http://shop.example/").body(BoxBody::new(body));
    assert_eq!(world.send_body(request.unwrap()).text, "the site");
}

/// RFC 9113 §8.2.3.
#[test]
fn cookies_that_http_2_has_split_are_one_field_for_the_site() {
    let world = World::new(&[]);
    let token = ada(&world).jar[&("sAccessToken".to_owned(), "/".to_owned())].clone();
    let request = Request::get("http://shop.example/")
        .header("cookie", "a=1")
        .header("cookie", format!("sAccessToken={token}"))
        .header("cookie", "b=2; c=3");
    world.send(request.body(Full::default()).unwrap());
    assert_eq!(world.seen("cookie").as_deref(), Some("a=1; b=2; c=3"));
    assert_eq!(world.seen("x-session-user-id").as_deref(), Some("ada"));
}

#[test]
fn the_site_learns_the_address_that_a_trusted_proxy_reports() {
    let world = World::new(&[("trusted_proxies", "10.0.0.0/8")]);
    for (peer, address) in [("10.0.0.1:9", "192.0.2.7"), ("192.0.2.1:9", "192.0.2.1")] {
        let headers = [
            ("x-forwarded-for", "192.0.2.7"),
            ("x-real-ip", "192.0.2.9"),
            ("spin-client-addr", peer),
        ];
        Browser::default().send_with(&world, Method::GET, "/", "", &headers);
        assert_eq!(world.seen("x-forwarded-for").as_deref(), Some(address));
        assert_eq!(world.seen("x-real-ip"), None);
    }
}

#[test]
fn public_paths_need_no_service_and_have_no_user() {
    let world = World::new(&[("public_paths", "/, /static/*")]);
    let mut browser = ada(&world);
    world.breaks(Broken::Refused);
    for path in ["/", "/static/a.css"] {
        let reply = browser.get(&world, path);
        assert_eq!(
            (reply.status, reply.text.as_str()),
            (StatusCode::OK, "the site")
        );
        assert_eq!(world.seen("x-session-user-id"), None);
        assert_eq!(world.seen("cookie").as_deref(), Some("theme=dark"));
        assert_eq!(reply.header("cache-control"), None);
    }
    let cross = [("sec-fetch-site", "cross-site")];
    let request = Request::post("http://shop.example/").header(cross[0].0, cross[0].1);
    let forged = world.send(request.body(Full::default()).unwrap());
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
    assert_eq!(
        browser.get(&world, "/account").status,
        StatusCode::SERVICE_UNAVAILABLE
    );
}

#[test]
fn a_page_of_a_user_is_private_unless_the_site_says_otherwise() {
    let world = World::new(&[]);
    let mut browser = ada(&world);
    let cache = |reply: super::Reply| reply.header("cache-control").map(str::to_owned);
    let private = Some("private, no-cache".to_owned());
    assert_eq!(cache(browser.get(&world, "/account")), private);
    assert_eq!(
        cache(browser.get(&world, "/cached")).as_deref(),
        Some("max-age=60")
    );
    assert_eq!(cache(Browser::default().get(&world, "/account")), None);
}

#[test]
fn what_a_proxy_and_its_site_call_is_not_there_in_front_of_a_site() {
    let world = World::new(&[("session_api_key", "0123456789abcdef")]);
    for (method, path) in [
        (Method::GET, "/auth/check"),
        (Method::POST, "/auth/session"),
    ] {
        let reply = Browser::default().send(&world, method, path, "");
        assert_eq!(reply.text, "the site");
        assert_eq!(reply.header("x-session-payload"), None);
    }
}
