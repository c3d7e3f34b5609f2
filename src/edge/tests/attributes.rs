//! The cookies as browsers see them.

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Full;

use super::{ADA, Browser, World, ada};

/// What a login by HTTPS, or not, stores, with the values cut.
fn stored(settings: &[(&str, &str)], https: bool) -> Vec<String> {
    let mut browser = Browser {
        https,
        ..Browser::default()
    };
    let reply = browser.log_in(&World::new(settings), ADA);
    let cut = |cookie: &&str| {
        let (name, rest) = cookie.split_once('=').unwrap();
        format!("{name}{}", &rest[rest.find(';').unwrap()..])
    };
    reply.token_cookies().iter().map(cut).collect()
}

#[test]
fn names_and_attributes_follow_the_settings() {
    let plain = stored(&[], false);
    assert_eq!(
        plain,
        [
            "sAccessToken; Path=/; Max-Age=34560000; HttpOnly; SameSite=Lax",
            "sRefreshToken; Path=/auth/session/refresh; Max-Age=8640000; HttpOnly; SameSite=Lax",
        ]
    );
    assert_eq!(
        stored(&[], true),
        [
            "__Host-sAccessToken; Path=/; Max-Age=34560000; HttpOnly; Secure; SameSite=Lax",
            "__Secure-sRefreshToken; Path=/auth/session/refresh; Max-Age=8640000; HttpOnly; Secure; SameSite=Lax",
        ]
    );
    let domain = stored(
        &[("cookie_domain", "shop.example"), ("same_site", "strict")],
        true,
    );
    assert!(
        domain[0].starts_with("__Secure-sAccessToken; "),
        "a domain and __Host- exclude each other"
    );
    assert!(
        domain
            .iter()
            .all(|cookie| cookie.ends_with("; SameSite=Strict; Domain=shop.example"))
    );
    let foreign = stored(&[("same_site", "none")], false);
    assert!(
        foreign
            .iter()
            .all(|cookie| cookie.ends_with("; Secure; SameSite=None; Partitioned"))
    );
    assert_eq!(stored(&[("cookie_prefix", "never")], true), plain);
    assert_eq!(
        stored(&[("cookie_prefix", "always")], false),
        stored(&[], true)
    );
}

#[test]
fn a_proxy_that_ended_tls_says_so() {
    let world = World::new(&[]);
    for (proto, name) in [
        ("https", "__Host-s"),
        ("HTTPS, http", "__Host-s"),
        ("wss", "__Host-s"),
        ("http", "sAccess"),
    ] {
        let request = Request::post("http://shop.example/login").header("x-forwarded-proto", proto);
        let reply = world.send(request.body(Full::new(Bytes::from(ADA))).unwrap());
        assert!(reply.token_cookies()[0].starts_with(name), "{proto}");
    }
}

#[test]
fn cookies_are_removed_as_they_were_stored() {
    for settings in [
        vec![],
        vec![("cookie_domain", "shop.example")],
        vec![("same_site", "none")],
    ] {
        for https in [true, false] {
            let world = World::new(&settings);
            let mut browser = Browser {
                https,
                ..Browser::default()
            };
            let attributes = |reply: &super::Reply| -> Vec<Vec<String>> {
                let part = |cookie: &&str| {
                    let parts = cookie.split("; ").enumerate();
                    let kept = parts.filter(|(_, part)| !part.starts_with("Max-Age="));
                    let name = |(i, part): (usize, &str)| match i {
                        0 => part.split('=').next().unwrap().to_owned(),
                        _ => part.to_owned(),
                    };
                    kept.map(name).collect()
                };
                reply.token_cookies().iter().map(part).collect()
            };
            let set = attributes(&browser.log_in(&world, ADA));
            let cleared = browser.post(&world, "/auth/signout");
            assert!(cleared.ends_session());
            assert_eq!(attributes(&cleared), set);
        }
    }
}

#[test]
fn a_cookie_by_plain_http_does_not_count_by_https() {
    let world = World::new(&[]);
    let mut browser = ada(&world);
    browser.https = true;
    browser.get(&world, "/");
    assert_eq!(world.seen("x-session-user-id"), None);
    assert_eq!(
        world.seen("cookie").as_deref(),
        Some("theme=dark"),
        "nor is it the site's"
    );
}

/// A change of the domain leaves the older cookie beside the younger one, and browsers send the older first.
#[test]
fn of_twins_the_first_access_token_that_is_good_and_the_younger_refresh_token_count() {
    let world = World::new(&[]);
    let mut browser = ada(&world);
    let token = |browser: &Browser, name: &str| {
        let found = browser.jar.iter().find(|((of, _), _)| of == name);
        found.unwrap().1.clone()
    };
    let (old_a, old_r) = (
        token(&browser, "sAccessToken"),
        token(&browser, "sRefreshToken"),
    );
    world.wait(3600);
    browser.refresh(&world);
    browser.get(&world, "/");
    let (new_a, new_r) = (
        token(&browser, "sAccessToken"),
        token(&browser, "sRefreshToken"),
    );
    let send = |path: &str, cookie: String| {
        let request = Request::post(format!("http://shop.example{path}")).header("cookie", cookie);
        world.send(request.body(Full::<Bytes>::default()).unwrap())
    };
    for (first, second) in [(&old_a, &new_a), (&new_a, &old_a)] {
        send(
            "/",
            format!("sAccessToken={first}; a=b; sAccessToken={second}"),
        );
        assert_eq!(world.seen("x-session-user-id").as_deref(), Some("ada"));
        assert_eq!(world.seen("cookie").as_deref(), Some("a=b"));
    }
    world.wait(60);
    for (first, second) in [(&old_r, &new_r), (&new_r, &old_r)] {
        let reply = send(
            "/auth/session/refresh",
            format!("sAccessToken={new_a}; sRefreshToken={first}; sRefreshToken={second}"),
        );
        assert_eq!(reply.status, StatusCode::OK, "no theft: {}", reply.text);
    }
    let reply = send(
        "/auth/session/refresh",
        format!("sAccessToken={old_a}; sRefreshToken=junk; sRefreshToken={new_r}"),
    );
    assert_eq!(reply.status, StatusCode::OK);
}
