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

#[test]
fn an_optional_check_lets_everybody_pass_and_names_who_is_signed_in() {
    let world = World::behind_proxy(&[], &[("access_token_blacklisting", "true")]);
    let optional = |browser: &mut Browser| {
        let reply = browser.get(&world, "/auth/check?optional");
        assert_eq!(reply.status, StatusCode::OK);
        reply.header("x-session-user-id").map(str::to_owned)
    };
    let mut browser = ada(&world);
    assert_eq!(optional(&mut browser).as_deref(), Some("ada"));
    assert_eq!(optional(&mut Browser::default()), None);
    world.wait(3600);
    assert_eq!(optional(&mut browser), None);
    browser.refresh(&world);
    browser.clone().post(&world, "/auth/signout");
    assert_eq!(optional(&mut browser), None);
    let headers = [
        ("sec-fetch-site", "cross-site"),
        ("x-original-method", "POST"),
    ];
    let request = http::Request::get("http://shop.example/auth/check?optional")
        .header(headers[0].0, headers[0].1)
        .header(headers[1].0, headers[1].1);
    let forged = world.send(request.body(http_body_util::Full::default()).unwrap());
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
}

/// A preflight carries no cookie; the proxy hands it to the edge before it asks who is signed in.
#[test]
fn a_trusted_origins_preflight_gets_its_answer_for_any_path() {
    let world = World::behind_proxy(&[("trusted_origins", "https://app.example")], &[]);
    for (origin, status) in [
        ("https://app.example", StatusCode::NO_CONTENT),
        ("https://evil.example", StatusCode::NOT_FOUND),
    ] {
        let headers = [("origin", origin), ("access-control-request-method", "PUT")];
        let reply = Browser::default().send_with(&world, Method::OPTIONS, "/cart", "", &headers);
        assert_eq!(reply.status, status);
        let allowed = reply.header("access-control-allow-methods");
        assert_eq!(allowed.is_some(), status == StatusCode::NO_CONTENT);
    }
}
