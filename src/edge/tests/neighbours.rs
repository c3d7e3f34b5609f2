//! What can be tried by those who have no session of the victim's: another site, a subdomain that sets cookies for
//! the whole domain, a client that makes up headers.

use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode};
use http_body_util::Full;

use super::{Broken, Browser, Reply, World, ada};

/// By HTTPS, with this `Cookie`.
fn send(world: &World, method: Method, path: &str, cookie: impl AsRef<[u8]>) -> Reply {
    let request = Request::builder()
        .method(method)
        .uri(format!("https://shop.example{path}"))
        .header("cookie", HeaderValue::from_bytes(cookie.as_ref()).unwrap());
    world.send(request.body(Full::<Bytes>::default()).unwrap())
}

fn refresh(world: &World, cookie: &str) -> Reply {
    send(world, Method::POST, "/auth/session/refresh", cookie)
}

/// The two cookies of a login by HTTPS.
fn tokens(world: &World, user: &str) -> [String; 2] {
    let mut browser = Browser {
        https: true,
        ..Browser::default()
    };
    browser.log_in(world, &format!(r#"{{"userId":"{user}"}}"#));
    ["__Host-sAccessToken", "__Secure-sRefreshToken"].map(|name| {
        let mut jar = browser.jar.iter();
        let (_, value) = jar.find(|((of, _), _)| of == name).unwrap();
        format!("{name}={value}")
    })
}

/// A page of evil.shop.example can set `__Secure-sRefreshToken` for shop.example, though not a `__Host-` cookie.
#[test]
fn a_refresh_token_that_a_subdomain_has_planted_logs_nobody_in() {
    let world = World::new(&[]);
    let [access, own] = tokens(&world, "ada");
    world.wait(60);
    // The younger of the two.
    let [_, planted] = tokens(&world, "mallory");
    for both in [format!("{own}; {planted}"), format!("{planted}; {own}")] {
        let reply = refresh(&world, &format!("{access}; {both}"));
        assert_eq!(reply.front_token()["uid"], "ada");
    }
    world.calls();
    for cookies in [planted.clone(), format!("{access}; {planted}")] {
        let reply = refresh(&world, &cookies);
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{}", reply.text);
        assert!(world.calls().is_empty(), "there is nothing to ask");
    }
    let many = format!("{planted}; ").repeat(20);
    let reply = refresh(&world, &format!("{access}; {many}{own}"));
    assert_eq!(reply.front_token()["uid"], "ada");
}

/// A cookie of whatever name with a letter beyond ASCII in it, as scripts of any subdomain may set.
#[test]
fn a_strange_cookie_beside_the_tokens_signs_nobody_out() {
    let world = World::new(&[]);
    let [access, own] = tokens(&world, "ada");
    for strange in ["name=Zoë", "\u{2000}__Host-sAccessToken=x", "=", "a", ";;"] {
        for cookie in [
            format!("{strange}; {access}"),
            format!("{access}; {strange}"),
        ] {
            send(&world, Method::GET, "/", &cookie);
            assert_eq!(
                world.seen_bytes("x-session-user-id").unwrap(),
                b"ada",
                "{cookie}"
            );
        }
        let reply = refresh(&world, &format!("{strange}; {access}; {own}"));
        assert_eq!(reply.status, StatusCode::OK, "{strange}");
    }
}

#[test]
fn what_can_not_be_a_token_is_not_asked_about() {
    let world = World::new(&[]);
    let [good, _] = tokens(&world, "ada");
    world.calls();
    for value in [
        "a b".to_owned(),
        "\"quoted\"".to_owned(),
        "{}".to_owned(),
        "x".repeat(4096),
        "x".repeat(200_000),
    ] {
        let junk = format!("__Host-sAccessToken={value}");
        let reply = send(&world, Method::GET, "/", &junk);
        assert_eq!(reply.text, "the site");
        assert_eq!(refresh(&world, &junk).status, StatusCode::UNAUTHORIZED);
        assert!(world.calls().is_empty());
        send(&world, Method::GET, "/", format!("{junk}; {good}"));
        assert_eq!(world.seen("x-session-user-id").as_deref(), Some("ada"));
        world.calls();
    }
}

/// CGI, and WSGI after it, take `_` for `-`.
#[test]
fn nobody_passes_for_someone_by_another_spelling() {
    let world = World::new(&[]);
    for name in [
        "X_Session_User_Id",
        "x-session_user-id",
        "x_session-payload",
        "X-SESSION-HANDLE",
    ] {
        Browser::default().send_with(&world, Method::GET, "/", "", &[(name, "root")]);
        assert_eq!(world.seen(name), None, "{name}");
        ada(&world).send_with(&world, Method::GET, "/", "", &[(name, "root")]);
        assert_ne!(world.seen(name).as_deref(), Some("root"), "{name}");
    }
}

/// Browsers that send no `Sec-Fetch-Site`, and somebody on the way who writes pages of http://shop.example.
#[test]
fn a_page_by_plain_http_is_another_site_to_https() {
    let world = World::new(&[]);
    for (origin, status) in [
        ("http://shop.example", StatusCode::FORBIDDEN),
        ("https://shop.example", StatusCode::OK),
    ] {
        let request = Request::post("https://shop.example/buy").header("origin", origin);
        let reply = world.send(request.body(Full::<Bytes>::default()).unwrap());
        assert_eq!(reply.status, status, "{origin}");
    }
    // By plain HTTP nobody can tell whether TLS ended at a proxy that does not say so.
    let request = Request::post("http://shop.example/buy").header("origin", "https://shop.example");
    let reply = world.send(request.body(Full::<Bytes>::default()).unwrap());
    assert_eq!(reply.status, StatusCode::OK);
}

/// The handshake of a WebSocket is a GET that any page may make a browser send, cookies included.
#[test]
fn a_web_socket_of_another_site_is_refused() {
    let (front, proxy) = (World::new(&[]), World::behind_proxy(&[], &[]));
    for (path, origin, status) in [
        ("/live", "https://evil.shop.example", StatusCode::FORBIDDEN),
        ("/live", "https://shop.example", StatusCode::OK),
        (
            "/auth/check",
            "https://evil.shop.example",
            StatusCode::FORBIDDEN,
        ),
        (
            "/auth/check",
            "https://shop.example",
            StatusCode::UNAUTHORIZED,
        ),
    ] {
        let request = Request::get(format!("https://shop.example{path}"))
            .header("origin", origin)
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
            .header("x-original-method", "GET");
        let world = if path == "/live" { &front } else { &proxy };
        let reply = world.send(request.body(Full::<Bytes>::default()).unwrap());
        assert_eq!(reply.status, status, "{path} {origin}");
    }
}

#[test]
fn no_cache_keeps_what_the_edge_says() {
    let world = World::new(&[]);
    let mut browser = ada(&world);
    for (method, path) in [
        (Method::GET, "/auth/session/refresh"),
        (Method::POST, "/auth/session/refresh"),
        (Method::GET, "/down"),
    ] {
        let reply = browser.send(&world, method, path, "");
        assert_eq!(reply.header("cache-control"), Some("no-store"), "{path}");
    }
    world.breaks(Broken::Refused);
    let reply = browser.get(&world, "/");
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(reply.header("cache-control"), Some("no-store"));
}

/// A site that says what its page depends on says it in a header that no cache before the edge ever sees.
#[test]
fn a_page_that_varies_by_user_varies_by_cookie() {
    let world = World::new(&[]);
    let mut browser = ada(&world);
    for (says, then) in [
        ("x-session-user-id", true),
        ("Accept, X-Session-Payload", true),
        ("accept-encoding", false),
    ] {
        let reply = browser.send(&world, Method::GET, "/varies", says);
        let vary: Vec<_> = reply.headers.get_all("vary").iter().collect();
        assert_eq!(vary[0], says);
        assert_eq!(
            vary.get(1).is_some_and(|vary| vary == &"cookie"),
            then,
            "{says}"
        );
    }
}
