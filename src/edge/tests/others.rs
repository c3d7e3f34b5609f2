//! Sign-out of a user's other sessions.

use http::{Method, StatusCode};
use serde_json::json;

use super::{Broken, Browser, World, ada};

const PATH: &str = "/auth/signout/others";
const CHECKED: [(&str, &str); 1] = [("access_token_blacklisting", "true")];

fn user(browser: &mut Browser, world: &World) -> Option<String> {
    browser.get(world, "/");
    world.seen("x-session-user-id")
}

#[test]
fn all_sessions_of_the_user_end_but_this_one() {
    for (path, status, location) in [
        (PATH, StatusCode::OK, None),
        (
            "/auth/signout/others?to=/devices",
            StatusCode::SEE_OTHER,
            Some("/devices"),
        ),
    ] {
        let world = World::with_service(&[], &CHECKED);
        let (mut browser, mut other, mut expired) = (ada(&world), ada(&world), ada(&world));
        let mut bob = Browser::default();
        bob.log_in(&world, r#"{"userId":"bob"}"#);
        let reply = browser.post(&world, path);
        assert_eq!((reply.status, reply.header("location")), (status, location));
        assert!(reply.touches_nothing());
        assert_eq!(user(&mut browser, &world).as_deref(), Some("ada"));
        assert_eq!(user(&mut other, &world), None);
        assert_eq!(user(&mut bob, &world).as_deref(), Some("bob"));
        world.wait(3600);
        assert_eq!(expired.refresh(&world).status, StatusCode::UNAUTHORIZED);
        assert_eq!(browser.refresh(&world).status, StatusCode::OK);
        // Its first request after a refresh brings the confirmed token.
        let reply = browser.post(&world, path);
        assert_eq!(reply.token_cookies().len(), 1);
        assert!(reply.header("front-token").is_some_and(|it| it != "remove"));
    }
}

#[test]
fn only_a_valid_access_token_is_enough() {
    let world = World::with_service(&[], &CHECKED);
    let mut visitor = Browser::default();
    let mut browser = ada(&world);
    let mut over = browser.clone();
    over.clone().post(&world, "/auth/signout");
    for (browser, code, ends) in [
        (&mut visitor, "unauthorised", true),
        (&mut over, "unauthorised", true),
    ] {
        let reply = browser.post(&world, PATH);
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
        assert_eq!(
            (reply.json()["code"].as_str(), reply.ends_session()),
            (Some(code), ends)
        );
    }
    browser.log_in(&world, super::ADA);
    world.wait(3600);
    let reply = browser.post(&world, PATH);
    assert_eq!(reply.json()["code"], "try_refresh_token");
    assert!(reply.touches_nothing());

    let navigation = [
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
    ];
    let form = |browser: &mut Browser, path| {
        let reply = browser.send_with(&world, Method::POST, path, "", &navigation);
        reply.header("location").map(str::to_owned)
    };
    let refresh = "/auth/session/refresh?to=/auth/signout/others?to=/devices";
    let path = "/auth/signout/others?to=/devices";
    let stale = browser.jar.clone();
    assert_eq!(form(&mut browser, path).as_deref(), Some(refresh));
    assert_eq!(form(&mut browser, refresh).as_deref(), Some(path));
    let mut stuck = browser.clone();
    stuck.jar.extend(stale);
    assert_eq!(form(&mut stuck, path), None, "no loop");
    assert_eq!(form(&mut browser, path).as_deref(), Some("/devices"));
}

/// An instance of the release before ends this session, too, and its reply does not say that it excepted one.
#[test]
fn an_older_service_is_found_out() {
    let world = World::with_service(&[], &CHECKED);
    let (mut browser, mut other) = (ada(&world), ada(&world));
    world.breaks(Broken::Old);
    let mut copy = browser.clone();
    let reply = browser.post(&world, "/auth/signout/others?to=/devices");
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
    assert_eq!(reply.json()["code"], "signed_out_everywhere");
    assert!(reply.ends_session() && !browser.holds_tokens());
    assert_eq!(user(&mut other, &world), None);
    assert_eq!(user(&mut copy, &world), None);
}

#[test]
fn a_browsers_name_is_stored_only_if_a_setting_says_so() {
    let long = "\"".repeat(600);
    let cut = "\"".repeat(500);
    for (setting, login, sent, stored) in [
        ("false", json!({}), Some("Firefox/157"), None),
        (
            "true",
            json!({}),
            Some("Firefox/157"),
            Some(json!({ "userAgent": "Firefox/157" })),
        ),
        (
            "true",
            json!({ "client": "kiosk" }),
            Some("Firefox/157"),
            Some(json!("kiosk")),
        ),
        ("false", json!({ "client": null }), None, Some(json!(null))),
        (
            "true",
            json!({}),
            Some(&*long),
            Some(json!({ "userAgent": cut })),
        ),
        ("true", json!({}), None, None),
    ] {
        let world = World::new(&[("send_user_agent", setting)]);
        let mut body = json!({ "userId": "ada" });
        let fields = body.as_object_mut().unwrap();
        fields.extend(login.as_object().unwrap().clone());
        let mut headers = vec![("x-forwarded-for", "192.0.2.7")];
        headers.extend(sent.map(|agent| ("user-agent", agent)));
        let text = body.to_string();
        let reply = Browser::default().send_with(&world, Method::POST, "/login", &text, &headers);
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.text);
        let list = world.ask_service(Method::GET, "/session/all?userId=ada", &json!(null));
        let list: serde_json::Value = serde_json::from_str(&list).unwrap();
        let client = list["sessions"][0].get("client").cloned();
        assert_eq!(client, stored, "{text}");
    }
}
