//! The question of a proxy: may this request go on, and whose is it?

use http::{Method, StatusCode};

use super::{Browser, World, ada};

fn check(browser: &mut Browser, world: &World, headers: &[(&str, &str)]) -> super::Reply {
    browser.send_with(world, Method::GET, "/auth/check", "", headers)
}

#[test]
fn a_good_session_passes_with_its_identity() {
    let world = World::behind_proxy(&[], &[]);
    let reply = check(&mut ada(&world), &world, &[]);
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(reply.header("x-session-user-id"), Some("ada"));
    assert_eq!(
        reply.header("x-session-payload"),
        Some("eyJyb2xlIjoiYWRtaW4ifQ==")
    );
    assert!(reply.header("x-session-handle").is_some() && reply.touches_nothing());
}

#[test]
fn no_session_and_an_expired_token_are_a_401_that_touches_nothing() {
    let world = World::behind_proxy(&[], &[]);
    let reply = check(&mut Browser::default(), &world, &[]);
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
    assert!(reply.touches_nothing());
    let mut browser = ada(&world);
    world.wait(3600);
    let reply = check(&mut browser, &world, &[]);
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
    assert_eq!(reply.json()["code"], "try_refresh_token");
    assert!(reply.touches_nothing());
}

#[test]
fn at_most_one_cookie_is_set_since_some_proxies_hand_on_one() {
    let world = World::behind_proxy(&[], &[("access_token_blacklisting", "true")]);
    let mut browser = ada(&world);
    world.wait(3600);
    browser.refresh(&world);
    let reply = check(&mut browser, &world, &[]);
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(reply.token_cookies().len(), 1);
    assert_eq!(reply.front_token()["uid"], "ada");

    browser.clone().post(&world, "/auth/signout");
    let reply = check(&mut browser, &world, &[]);
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
    assert_eq!(reply.token_cookies().len(), 1);
    assert_eq!(reply.header("front-token"), Some("remove"));
    assert!(
        browser.refresh(&world).ends_session(),
        "the refresh that follows clears the rest"
    );
    assert!(!browser.holds_tokens());
}

#[test]
fn the_original_method_decides_about_requests_from_elsewhere() {
    let world = World::behind_proxy(&[], &[]);
    let mut browser = ada(&world);
    let cross = ("sec-fetch-site", "cross-site");
    for (headers, status) in [
        (vec![("x-original-method", "GET")], StatusCode::OK),
        (vec![("x-forwarded-method", "HEAD")], StatusCode::OK),
        (vec![("x-original-method", "POST")], StatusCode::FORBIDDEN),
        (
            vec![("x-forwarded-method", "DELETE")],
            StatusCode::FORBIDDEN,
        ),
        // A browser can't send both, but whoever could must not get by with the safe one.
        (
            vec![("x-original-method", "GET"), ("x-forwarded-method", "POST")],
            StatusCode::FORBIDDEN,
        ),
        (vec![("x-original-method", "G T")], StatusCode::FORBIDDEN),
        (vec![], StatusCode::FORBIDDEN),
    ] {
        let mut request =
            http::Request::get("http://shop.example/auth/check").header(cross.0, cross.1);
        for (name, value) in &headers {
            request = request.header(*name, *value);
        }
        let cookie = format!(
            "sAccessToken={}",
            browser.jar[&("sAccessToken".to_owned(), "/".to_owned())]
        );
        let request = request
            .header("cookie", cookie)
            .body(http_body_util::Full::default());
        assert_eq!(world.send(request.unwrap()).status, status, "{headers:?}");
    }
    assert_eq!(
        check(&mut browser, &world, &[("x-original-method", "POST")]).status,
        StatusCode::OK
    );
}
