//! Browsers without scripts: what an expired access token makes of a link and of a form.

use http::{Method, StatusCode};
use proptest::prelude::*;

use super::super::navigation::Target;
use super::{Broken, Browser, Reply, World, ada};

const NAVIGATION: [(&str, &str); 2] = [
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-dest", "document"),
];

fn navigate(browser: &mut Browser, world: &World, method: Method, path: &str) -> Reply {
    browser.send_with(world, method, path, "form", &NAVIGATION)
}

/// Follows redirects as browsers do, and gives the way and the last reply.
fn follow(
    browser: &mut Browser,
    world: &World,
    mut method: Method,
    path: &str,
) -> (Vec<String>, Reply) {
    let mut way = vec![format!("{method} {path}")];
    loop {
        let path = way.last().unwrap().split_once(' ').unwrap().1.to_owned();
        let reply = navigate(browser, world, method.clone(), &path);
        let Some(location) = reply.header("location") else {
            return (way, reply);
        };
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        assert_eq!(reply.header("vary"), Some("cookie"));
        if reply.status == StatusCode::SEE_OTHER {
            method = Method::GET;
        }
        way.push(format!("{method} {location}"));
        assert!(way.len() < 8, "{way:?}");
    }
}

#[test]
fn a_link_with_an_expired_token_goes_to_the_refresh_and_comes_back() {
    let world = World::new(&[]);
    let mut browser = ada(&world);
    world.wait(3600);
    let path = "/search?q=a%20b&c=%2B+d";
    let (way, reply) = follow(&mut browser, &world, Method::GET, path);
    assert_eq!(
        way,
        [
            "GET /search?q=a%20b&c=%2B+d",
            "GET /auth/session/refresh?to=/search?q=a%2520b%26c=%252B%2Bd",
            "GET /search?q=a%20b&c=%2B+d",
        ]
    );
    assert_eq!(reply.text, "the site");
    assert_eq!(world.seen("x-session-user-id").as_deref(), Some("ada"));
}

#[test]
fn a_form_keeps_what_it_says() {
    let world = World::new(&[]);
    let mut browser = ada(&world);
    world.wait(3600);
    let (way, reply) = follow(&mut browser, &world, Method::POST, "/buy");
    assert_eq!(
        way,
        [
            "POST /buy",
            "POST /auth/session/refresh?to=/buy",
            "POST /buy"
        ]
    );
    assert_eq!(reply.text, "the site");
    assert_eq!(world.seen("x-session-user-id").as_deref(), Some("ada"));
}

#[test]
fn a_form_signs_out_whatever_has_become_of_the_token() {
    for path in ["/auth/signout?to=/bye", "/auth/signout/all?to=/bye"] {
        let world = World::new(&[]);
        let mut browser = ada(&world);
        let mut copy = browser.clone();
        world.wait(3600);
        browser.spoil_access_token();
        let (way, _) = follow(&mut browser, &world, Method::POST, path);
        let refresh = format!("POST /auth/session/refresh?to={path}");
        assert_eq!(
            way,
            [
                &*format!("POST {path}"),
                &*refresh,
                &*format!("POST {path}"),
                "GET /bye"
            ]
        );
        assert!(!browser.holds_tokens());
        assert_eq!(copy.refresh(&world).status, StatusCode::UNAUTHORIZED);
    }
}

#[test]
fn a_session_that_is_over_is_cleared_and_the_site_shows_its_login() {
    let world = World::new(&[]);
    let mut browser = ada(&world);
    browser.clone().post(&world, "/auth/signout");
    world.wait(3600);
    let (way, reply) = follow(&mut browser, &world, Method::GET, "/account");
    assert_eq!(way.len(), 3);
    assert_eq!(
        (reply.text.as_str(), browser.holds_tokens()),
        ("the site", false)
    );
    assert_eq!(world.seen("x-session-user-id"), None);
    assert_eq!(
        follow(&mut browser, &world, Method::GET, "/account")
            .0
            .len(),
        1
    );
}

/// A cookie of another domain that nothing removes, or a refresh that brings nothing.
#[test]
fn a_token_that_stays_stale_makes_no_loop() {
    let world = World::new(&[]);
    let browser = ada(&world);
    world.wait(3600);
    let stale = browser.jar.clone();
    for (method, path) in [
        (Method::GET, "/account"),
        (Method::POST, "/auth/signout/all"),
    ] {
        let mut browser = browser.clone();
        navigate(
            &mut browser,
            &world,
            Method::GET,
            "/auth/session/refresh?to=/account",
        );
        browser.jar.extend(stale.clone());
        let reply = navigate(&mut browser, &world, method, path);
        assert_eq!(
            (reply.status, reply.header("location")),
            (StatusCode::OK, None)
        );
    }
}

#[test]
fn only_navigations_are_redirected() {
    let world = World::new(&[("public_paths", "/public")]);
    let mut browser = ada(&world);
    world.wait(3600);
    let mode = |mode| vec![("sec-fetch-mode", mode), ("sec-fetch-dest", "document")];
    let cases = [
        (Method::GET, "/", mode("navigate"), true),
        (
            Method::GET,
            "/",
            vec![("accept", "text/html,*/*;q=0.8")],
            true,
        ),
        (Method::GET, "/", mode("cors"), false),
        (
            Method::GET,
            "/",
            vec![("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")],
            false,
        ),
        (
            Method::GET,
            "/",
            [mode("navigate"), vec![("sec-purpose", "prefetch")]].concat(),
            false,
        ),
        (Method::GET, "/", vec![("accept", "*/*")], false),
        (Method::PUT, "/", mode("navigate"), false),
        (Method::HEAD, "/", mode("navigate"), false),
        (Method::GET, "/public", mode("navigate"), false),
        // What could not come back.
        (Method::GET, "//evil.example", mode("navigate"), false),
        (Method::GET, "/auth/unknown", mode("navigate"), false),
    ];
    for (method, path, headers, redirected) in cases {
        let mut browser = browser.clone();
        let reply = browser.send_with(&world, method, path, "", &headers);
        let is_redirect = reply.header("location").is_some();
        assert_eq!(is_redirect, redirected, "{path} {headers:?}");
    }
    let mut visitor = Browser::default();
    assert_eq!(
        navigate(&mut visitor, &world, Method::GET, "/").text,
        "the site"
    );
    browser.jar.clear();
    world.calls();
    assert_eq!(
        navigate(&mut browser, &world, Method::GET, "/").text,
        "the site"
    );
    assert!(world.calls().is_empty());
}

#[test]
fn while_the_service_is_away_nothing_is_redirected() {
    let world = World::new(&[]);
    let mut browser = ada(&world);
    world.wait(3600);
    world.breaks(Broken::Refused);
    for path in ["/account", "/auth/session/refresh?to=/account"] {
        let reply = navigate(&mut browser, &world, Method::GET, path);
        assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(reply.touches_nothing());
    }
}

#[test]
fn nothing_redirects_to_another_site() {
    let world = World::new(&[]);
    for to in [
        "",
        "account",
        "//evil.example",
        "/%5Cevil.example",
        "%5C%5Cevil.example",
        "https://evil.example",
        "https:evil.example",
        "/%09/evil.example",
        "/%0D%0Aset-cookie:a=b",
        "/a%20b",
        "%2F%2Fevil.example",
        "/%C3%A4",
        "/auth/session/refresh?to=/",
        "/auth/client.js",
        "/a&to=/b",
        "javascript:alert(1)",
    ] {
        for (method, path) in [
            (Method::GET, "/auth/session/refresh"),
            (Method::POST, "/auth/session/refresh"),
            (Method::POST, "/auth/signout"),
            (Method::POST, "/auth/signout/all"),
            (Method::POST, "/auth/signout/others"),
        ] {
            let mut browser = ada(&world);
            let reply = navigate(&mut browser, &world, method, &format!("{path}?to={to}"));
            assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{path} {to}");
            assert_eq!(reply.json()["code"], "invalid_redirect");
            assert!(reply.header("location").is_none() && reply.touches_nothing());
        }
    }
    let mut browser = ada(&world);
    let reply = navigate(&mut browser, &world, Method::GET, "/auth/session/refresh");
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
}

proptest! {
    /// A target as browsers resolve it (WHATWG URL): backslashes are slashes, tabs and line breaks are not there, and two
    /// slashes begin a host.
    #[test]
    fn a_target_stays_on_its_host(text in "[/\\\\a.:@?#%\t\n\r \u{0}\u{e4}0-9-]{0,8}") {
        if Target::parse(&text).is_some() {
            let read = text.replace(['\t', '\n', '\r'], "").replace('\\', "/");
            prop_assert!(read.starts_with('/') && !read.starts_with("//"), "{:?}", text);
        }
    }
}

/// A proxy that hands redirects on (Caddy, Traefik), and one that knows only 401 (nginx).
#[test]
fn a_proxy_is_sent_to_the_refresh_too() {
    let world = World::behind_proxy(&[], &[]);
    let mut browser = ada(&world);
    world.wait(3600);
    for (method, names, status) in [
        (
            "GET",
            ["x-forwarded-method", "x-forwarded-uri"],
            StatusCode::SEE_OTHER,
        ),
        (
            "POST",
            ["x-forwarded-method", "x-forwarded-uri"],
            StatusCode::TEMPORARY_REDIRECT,
        ),
        (
            "GET",
            ["x-original-method", "x-original-uri"],
            StatusCode::UNAUTHORIZED,
        ),
    ] {
        let headers = [
            NAVIGATION[0],
            NAVIGATION[1],
            (names[0], method),
            (names[1], "/a?b"),
        ];
        for query in ["", "?optional"] {
            let path = format!("/auth/check{query}");
            let reply = browser.send_with(&world, Method::GET, &path, "", &headers);
            assert_eq!(reply.status, status, "{names:?}");
            assert_eq!(
                reply.header("location"),
                Some("/auth/session/refresh?to=/a?b")
            );
        }
        let script = [("sec-fetch-mode", "cors"), headers[2], headers[3]];
        let reply = browser.send_with(&world, Method::GET, "/auth/check", "", &script);
        assert_eq!(
            (reply.status, reply.header("location")),
            (StatusCode::UNAUTHORIZED, None)
        );
    }
}
