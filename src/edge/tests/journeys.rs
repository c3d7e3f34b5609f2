//! SessionClient from login to their ends.

use http::{Method, StatusCode};
use serde_json::json;

use super::{ADA, Browser, World, ada};

#[test]
fn a_login_becomes_cookies_and_the_site_learns_who_asks() {
    let world = World::new(&[]);
    let mut browser = Browser::default();
    let reply = browser.log_in(&world, ADA);
    assert_eq!(
        (reply.status, reply.text.as_str()),
        (StatusCode::OK, "the site")
    );
    assert_eq!(reply.header("x-session-create"), None);
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert_eq!(reply.cookies().len(), 4, "the site's own and three of ours");
    let expires = session_core::testing::START.as_millis() + 3_600_000;
    assert_eq!(
        reply.front_token(),
        json!({ "uid": "ada", "ate": expires, "up": { "role": "admin" } })
    );

    let reply = browser.get(&world, "/account");
    assert_eq!(reply.text, "the site");
    assert!(reply.touches_nothing());
    assert_eq!(world.seen("x-session-user-id").as_deref(), Some("ada"));
    assert_eq!(
        world.seen("x-session-payload").as_deref(),
        Some("eyJyb2xlIjoiYWRtaW4ifQ==")
    );
    assert_eq!(world.seen("x-session-handle").unwrap().len(), 32);
    assert_eq!(
        world.seen("cookie").as_deref(),
        Some("theme=dark"),
        "the tokens are not the site's"
    );
}

#[test]
fn without_a_session_the_site_decides() {
    let world = World::new(&[]);
    let reply = Browser::default().get(&world, "/account");
    assert_eq!(reply.text, "the site");
    assert_eq!(world.seen("x-session-user-id"), None);
    assert!(world.calls().is_empty());
}

#[test]
fn an_expired_access_token_is_refreshed_and_the_child_confirmed() {
    let world = World::new(&[]);
    let mut browser = ada(&world);
    world.wait(3600);
    let reply = browser.get(&world, "/account");
    assert!(reply.touches_nothing());
    assert_eq!(world.seen("x-session-user-id"), None);

    let reply = browser.refresh(&world);
    assert_eq!(
        (reply.status, reply.json()),
        (StatusCode::OK, json!({ "status": "OK" }))
    );
    assert_eq!(reply.token_cookies().len(), 2);
    assert_eq!(reply.front_token()["uid"], "ada");
    assert_eq!(reply.header("cache-control"), Some("no-store"));

    let reply = browser.get(&world, "/account");
    assert_eq!(world.seen("x-session-user-id").as_deref(), Some("ada"));
    let cookies = reply.token_cookies();
    assert!(
        cookies.len() == 1 && cookies[0].starts_with("sAccessToken=e"),
        "{cookies:?}"
    );
    assert_eq!(reply.front_token()["up"], json!({ "role": "admin" }));
    assert!(
        browser.get(&world, "/account").touches_nothing(),
        "the child is confirmed"
    );
}

#[test]
fn a_lost_reply_costs_nothing() {
    let world = World::new(&[]);
    let mut browser = ada(&world);
    for _ in 0..3 {
        world.wait(3600);
        let mut lost = browser.clone();
        assert_eq!(lost.refresh(&world).status, StatusCode::OK);
        world.wait(60);
        assert_eq!(browser.refresh(&world).status, StatusCode::OK);
        browser.get(&world, "/");
        assert_eq!(world.seen("x-session-user-id").as_deref(), Some("ada"));
    }
}

#[test]
fn every_visitors_first_refresh_is_answered_without_the_service() {
    let world = World::new(&[]);
    let reply = Browser::default().refresh(&world);
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
    assert!(reply.cookies().is_empty() && reply.header("front-token") == Some("remove"));
    assert!(world.calls().is_empty());

    let mut browser = ada(&world);
    browser.jar.retain(|(name, _), _| name != "sRefreshToken");
    assert!(
        browser.refresh(&world).ends_session(),
        "what is left can't be refreshed"
    );
    assert!(!browser.holds_tokens());
}

#[test]
fn a_revoked_session_ends_at_the_next_request_or_refresh() {
    let world = World::with_service(&[], &[("access_token_blacklisting", "true")]);
    let mut browser = ada(&world);
    let mut other = browser.clone();
    browser.post(&world, "/auth/signout");
    assert!(!browser.holds_tokens());

    let mut refreshing = other.clone();
    let reply = other.get(&world, "/account");
    assert_eq!(reply.text, "the site");
    assert!(reply.ends_session());
    assert_eq!(world.seen("x-session-user-id"), None);
    let reply = refreshing.refresh(&world);
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
    assert!(reply.ends_session());
}

#[test]
fn theft_ends_the_session_of_both_whatever_the_service_does_about_it() {
    for policy in ["report", "revoke_session", "revoke_user"] {
        let service = [
            ("on_token_theft", policy),
            ("access_token_blacklisting", "true"),
        ];
        let world = World::with_service(&[], &service);
        let mut owner = ada(&world);
        let mut thief = owner.clone();
        assert_eq!(thief.refresh(&world).status, StatusCode::OK);
        thief.get(&world, "/account");
        assert_eq!(world.seen("x-session-user-id").as_deref(), Some("ada"));

        world.wait(80);
        let reply = owner.refresh(&world);
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
        assert_eq!(
            reply.json(),
            json!({ "message": "token theft detected", "code": "token_theft" })
        );
        assert!(reply.ends_session());
        assert!(thief.get(&world, "/account").ends_session(), "{policy}");
    }
}

#[test]
fn signing_out_ends_this_session_and_only_this() {
    let world = World::new(&[]);
    let (mut browser, mut other) = (ada(&world), ada(&world));
    let reply = browser.post(&world, "/auth/signout");
    assert_eq!(
        (reply.status, reply.json()),
        (StatusCode::OK, json!({ "status": "OK" }))
    );
    assert!(reply.ends_session());
    world.wait(3600);
    assert_eq!(other.refresh(&world).status, StatusCode::OK);
}

#[test]
fn signing_out_everywhere_ends_all_of_the_users_sessions() {
    let world = World::new(&[]);
    let (mut browser, mut other) = (ada(&world), ada(&world));
    let mut bob = Browser::default();
    bob.log_in(&world, r#"{"userId":"bob"}"#);
    assert!(browser.post(&world, "/auth/signout/all").ends_session());
    world.wait(3600);
    assert_eq!(other.refresh(&world).status, StatusCode::UNAUTHORIZED);
    assert_eq!(bob.refresh(&world).status, StatusCode::OK);
}

#[test]
fn signing_out_with_an_expired_access_token_ends_its_session() {
    let world = World::new(&[]);
    let mut browser = ada(&world);
    let mut copy = browser.clone();
    world.wait(3600);
    assert!(browser.post(&world, "/auth/signout").ends_session());
    assert_eq!(copy.refresh(&world).status, StatusCode::UNAUTHORIZED);
    // Over twice is over.
    let reply = browser.post(&world, "/auth/signout");
    assert!(reply.status == StatusCode::OK && reply.ends_session());
}

/// A token whose signing key has been removed proves nothing; and no expired one is enough to end all sessions.
#[test]
fn signing_out_with_a_token_that_proves_too_little_asks_for_a_refresh_first() {
    for path in ["/auth/signout", "/auth/signout/all"] {
        let world = World::new(&[]);
        let mut browser = ada(&world);
        world.wait(3600);
        if path == "/auth/signout" {
            browser.spoil_access_token();
        }
        let reply = browser.post(&world, path);
        assert_eq!(reply.json()["code"], "try_refresh_token");
        assert!(reply.touches_nothing());
        assert_eq!(browser.refresh(&world).status, StatusCode::OK);
        assert!(browser.post(&world, path).ends_session());
    }
}

#[test]
fn sign_out_may_redirect() {
    let world = World::new(&[]);
    let mut browser = ada(&world);
    let reply = browser.post(&world, "/auth/signout?to=/bye%3Fa=b");
    assert_eq!(reply.status, StatusCode::SEE_OTHER);
    assert_eq!(reply.header("location"), Some("/bye?a=b"));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert!(!browser.holds_tokens());
}

#[test]
fn own_routes_take_their_methods_only() {
    let world = World::new(&[]);
    for (path, allow) in [
        ("/auth/session/refresh", "GET, POST"),
        ("/auth/signout", "POST"),
        ("/auth/signout/all", "POST"),
        ("/auth/signout/others", "POST"),
        ("/auth/client.js", "GET, HEAD"),
    ] {
        let reply = Browser::default().send(&world, Method::PUT, path, "");
        assert_eq!(reply.status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(reply.header("allow"), Some(allow));
    }
    let proxy = World::behind_proxy(&[], &[]);
    let reply = Browser::default().send(&proxy, Method::PUT, "/auth/check", "");
    assert_eq!(reply.header("allow"), Some("GET, HEAD"));
    assert_eq!(
        Browser::default().get(&world, "/auth/signouts").text,
        "the site"
    );
}

#[test]
fn the_script_for_pages_comes_from_the_edge() {
    let world = World::new(&[]);
    let reply = Browser::default().get(&world, "/auth/client.js");
    assert_eq!(
        reply.header("content-type"),
        Some("text/javascript; charset=utf-8")
    );
    assert!(reply.text.contains("export function session()"));
}
