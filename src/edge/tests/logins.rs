//! What a site may say of a login, and what must not become of it.

use http::{Method, StatusCode};
use serde_json::json;

use super::{ADA, Browser, World, ada};

const BOB: &str = r#"{"userId":"bob"}"#;

/// A login whose `jwtPayload` is so many bytes of JSON.
fn login_with(bytes: usize) -> String {
    format!(
        r#"{{"userId":"ada","jwtPayload":"{}"}}"#,
        "x".repeat(bytes - 2)
    )
}

#[test]
fn a_payload_that_no_cookie_holds_is_refused_at_login() {
    let world = World::new(&[]);
    let fits =
        |bytes| Browser::default().log_in(&world, &login_with(bytes)).status == StatusCode::OK;
    let longest = (2000..4000).rev().find(|bytes| fits(*bytes)).unwrap();
    assert!(longest > 2600, "{longest}");

    let mut browser = Browser::default();
    let reply = browser.log_in(&world, &login_with(longest + 1));
    assert_eq!(reply.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(reply.json()["code"], "invalid_login");
    assert!(
        reply.json()["message"]
            .as_str()
            .unwrap()
            .contains("4096 bytes")
    );
    assert!(reply.touches_nothing() && !browser.holds_tokens());
    assert!(
        world.calls().last().unwrap().starts_with("DELETE /session"),
        "it leaves no session"
    );

    let reply = browser.log_in(&world, &login_with(longest));
    let access = reply.token_cookies()[0].split(';').next().unwrap().len();
    assert!("sFrontToken=".len() + reply.header("front-token").unwrap().len() < access);
    for _ in 0..3 {
        world.wait(3600);
        assert_eq!(browser.refresh(&world).status, StatusCode::OK);
        browser.get(&world, "/");
        for ((name, _), value) in &browser.jar {
            assert!(name.len() + value.len() <= 4096, "{name}");
        }
    }
}

#[test]
fn the_front_token_can_hide_the_payload() {
    let world = World::new(&[("front_token_payload", "false")]);
    let reply = Browser::default().log_in(&world, ADA);
    assert_eq!(reply.front_token()["up"], json!({}));
    assert_eq!(reply.front_token()["uid"], "ada");
}

#[test]
fn logging_in_over_a_session_ends_the_old_one_expired_or_not() {
    for secs in [0, 3600] {
        let world = World::with_service(&[], &[("access_token_blacklisting", "true")]);
        let mut browser = ada(&world);
        let mut old = browser.clone();
        world.wait(secs);
        browser.log_in(&world, BOB);
        browser.get(&world, "/");
        assert_eq!(world.seen("x-session-user-id").as_deref(), Some("bob"));
        assert!(old.refresh(&world).ends_session(), "after {secs} s");
    }
}

/// Cookies have no order: whichever reply comes last wins. So the refreshed session must be of no use by then.
#[test]
fn a_refresh_that_crosses_a_login_does_not_bring_the_old_user_back() {
    let world = World::new(&[]);
    let mut browser = ada(&world);
    world.wait(3600);
    let mut late = browser.clone();
    assert_eq!(late.refresh(&world).status, StatusCode::OK);
    browser.log_in(&world, BOB);
    // The reply to the refresh arrives.
    browser.jar.extend(late.jar);
    let reply = browser.get(&world, "/");
    assert_eq!(world.seen("x-session-user-id"), None);
    assert!(reply.ends_session() && !browser.holds_tokens());
}

#[test]
fn a_site_may_redirect_after_a_login() {
    let world = World::new(&[]);
    let mut browser = Browser::default();
    let reply = browser.send(&world, Method::POST, "/callback", ADA);
    assert_eq!(reply.status, StatusCode::SEE_OTHER);
    assert_eq!(reply.header("location"), Some("/account"));
    browser.get(&world, "/account");
    assert_eq!(world.seen("x-session-user-id").as_deref(), Some("ada"));
}

/// No script sees the headers of a redirect. What it can read is whether its front token is the latest.
#[test]
fn a_cookie_for_scripts_changes_with_the_front_token_and_only_then() {
    let world = World::new(&[]);
    let mut browser = Browser::default();
    let hash = |browser: &Browser| {
        let mut jar = browser.jar.iter();
        let found = jar.find(|((name, _), _)| name == "sFrontTokenHash")?;
        Some(found.1.clone())
    };
    let reply = browser.log_in(&world, ADA);
    let set: Vec<_> = reply
        .cookies()
        .into_iter()
        .filter(|c| c.contains("Hash"))
        .collect();
    assert!(!set[0].contains("HttpOnly"), "{set:?}");
    let first = hash(&browser).unwrap();
    assert_eq!(first.len(), 16);
    browser.get(&world, "/");
    assert_eq!(hash(&browser).as_ref(), Some(&first));
    world.wait(3600);
    browser.refresh(&world);
    let second = hash(&browser);
    assert_ne!(second, Some(first));
    browser.get(&world, "/");
    assert_eq!(hash(&browser), second, "confirmed, with the same expiry");
    assert_eq!(world.seen("cookie").as_deref(), Some("theme=dark"));
    browser.post(&world, "/auth/signout");
    assert_eq!(hash(&browser), None);
}

#[test]
fn a_payload_that_has_grown_beyond_a_cookie_ends_the_session_at_its_refresh() {
    let world = World::new(&[]);
    let mut browser = ada(&world);
    browser.get(&world, "/");
    let handle = world.seen("x-session-handle").unwrap();
    let body = json!({ "sessionHandle": handle, "jwtPayload": "x".repeat(5000) });
    assert!(
        world
            .ask_service(Method::PUT, "/session/payload", &body)
            .contains("OK")
    );
    world.wait(3600);
    let mut other_tab = browser.clone();
    let reply = browser.refresh(&world);
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
    assert_eq!(reply.json()["code"], "payload_too_large");
    assert!(reply.ends_session());
    assert!(world.log.lock().unwrap()[0].contains("session_too_large"));
    assert_eq!(other_tab.refresh(&world).json()["code"], "unauthorised");
}

#[test]
fn a_payload_that_grows_before_a_confirmation_costs_no_cookie() {
    let world = World::new(&[]);
    let mut browser = ada(&world);
    browser.get(&world, "/");
    let handle = world.seen("x-session-handle").unwrap();
    world.wait(3600);
    browser.refresh(&world);
    let body = json!({ "sessionHandle": handle, "jwtPayload": "x".repeat(5000) });
    world.ask_service(Method::PUT, "/session/payload", &body);
    let reply = browser.get(&world, "/");
    assert!(reply.touches_nothing());
    assert_eq!(world.seen("x-session-user-id").as_deref(), Some("ada"));
}

#[test]
fn a_login_that_can_not_be_read_is_the_sites_mistake() {
    let world = World::new(&[]);
    for (path, body, says) in [
        ("/raw-login", "!", "base64"),
        ("/login", "[\"ada\",1,2]", "object"),
        ("/login", "{}", "userId is missing"),
        ("/login", "{\"userId\":424242}", "userId must be a string"),
        (
            "/login",
            "{\"userId\":[\"424242\"]}",
            "userId must be a string",
        ),
        (
            "/login",
            "{\"userId\":\"a\",\"payload\":424242}",
            "unknown field `payload`",
        ),
        ("/login", "{\"userId\":\"\"}", "userId"),
    ] {
        let reply = Browser::default().send(&world, Method::POST, path, body);
        assert_eq!(reply.status, StatusCode::INTERNAL_SERVER_ERROR);
        let message = reply.json()["message"].as_str().unwrap().to_owned();
        assert!(message.contains(says), "{message}");
        assert!(reply.touches_nothing());
    }
    let log = world.log.lock().unwrap().join("\n");
    assert!(!log.contains("424242"), "{log}");
}

#[test]
fn any_user_id_and_payload_reach_the_site() {
    let world = World::new(&[]);
    let mut browser = Browser::default();
    let login = json!({ "userId": "Zoë %\r\n\u{1F980}", "jwtPayload": "a\nb" });
    browser.log_in(&world, &login.to_string());
    browser.get(&world, "/");
    let user_id = world.seen("x-session-user-id").unwrap();
    assert_eq!(user_id, "Zo%C3%AB%20%25%0D%0A%F0%9F%A6%80");
    assert_eq!(world.seen("x-session-payload").as_deref(), Some("ImFcbmIi"));
}

#[test]
fn a_payload_that_is_no_object_is_none_in_the_front_token() {
    let world = World::new(&[]);
    let reply = Browser::default().log_in(&world, r#"{"userId":"a","jwtPayload":[1]}"#);
    assert_eq!(reply.front_token()["up"], json!({}));
}

#[test]
fn nobody_passes_for_someone_by_sending_the_edges_headers() {
    let world = World::new(&[]);
    let forged = [
        ("x-session-user-id", "root"),
        ("x-session-anything", "1"),
        ("x-session-payload", "e30="),
        ("x-session-auth-time", "9999999999"),
        ("x_session_auth_amr", "hwk"),
        ("x-session-auth-acr", "3"),
    ];
    Browser::default().send_with(&world, Method::GET, "/", "", &forged);
    for (name, _) in forged {
        assert_eq!(world.seen(name), None);
    }
    let mut browser = ada(&world);
    browser.send_with(&world, Method::GET, "/", "", &forged);
    assert_eq!(world.seen("x-session-user-id").as_deref(), Some("ada"));
    for (name, _) in &forged[1..] {
        assert_ne!(world.seen(name).as_deref(), Some("e30="));
        assert!(*name == "x-session-payload" || world.seen(name).is_none());
    }
}

#[test]
fn a_site_that_the_edge_does_not_front_logs_in_by_a_call() {
    let key = "0123456789abcdef";
    let world = World::behind_proxy(&[("session_api_key", key)], &[("api_keys", key)]);
    let mut site = Browser::default();
    let bearer = format!("Bearer {key}");
    let call = [
        ("authorization", bearer.as_str()),
        ("x-forwarded-proto", "https"),
    ];
    let reply = site.send_with(&world, Method::POST, "/auth/session", ADA, &call);
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text);
    let list = reply.json()["headers"].as_array().unwrap().clone();
    let mut browser = Browser {
        https: true,
        ..Browser::default()
    };
    for pair in &list {
        if pair[0] == "set-cookie" {
            browser.store(pair[1].as_str().unwrap());
        }
    }
    let names: Vec<&str> = list.iter().map(|pair| pair[0].as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "set-cookie",
            "set-cookie",
            "set-cookie",
            "cache-control",
            "front-token"
        ]
    );
    assert_eq!(
        browser
            .get(&world, "/auth/check")
            .header("x-session-user-id"),
        Some("ada")
    );

    let reply = site.send_with(&world, Method::POST, "/auth/session", "{}", &call);
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
    let reply = site.send_with(
        &world,
        Method::POST,
        "/auth/session",
        &login_with(5000),
        &call,
    );
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
    for wrong in ["Bearer 0123456789abcdeF", "Basic 0123456789abcdef", ""] {
        let call = [("authorization", wrong)];
        let reply = site.send_with(&world, Method::POST, "/auth/session", ADA, &call);
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{wrong}");
    }
    let keyless = World::behind_proxy(&[], &[]);
    let reply = site.send(&keyless, Method::POST, "/auth/session", ADA);
    assert_eq!(reply.status, StatusCode::NOT_FOUND);
}
