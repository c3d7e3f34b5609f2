//! The service, or the site, does not answer.

use http::Method;
use http::StatusCode;

use super::{ADA, Broken, Browser, World, ada};

#[test]
fn while_the_service_is_away_no_cookie_is_touched() {
    let away = [
        Broken::Refused,
        Broken::Answers(503, r#"{"message":"x","code":"database_unavailable"}"#),
        Broken::Answers(502, "<html>"),
        Broken::Answers(200, "<html>"),
        Broken::Answers(200, r#"{"status":"OK"}"#),
        Broken::Answers(200, r#"{"status":"SOMETHING"}"#),
    ];
    for how in away {
        let mut world = World::new(&[]);
        let mut browser = ada(&world);
        let before = browser.jar.clone();
        world.breaks(how);
        for (method, path) in [
            (Method::GET, "/account"),
            (Method::POST, "/auth/session/refresh"),
            (Method::POST, "/auth/signout"),
            (Method::POST, "/auth/signout/all"),
            (Method::POST, "/auth/signout/others"),
        ] {
            let reply = browser.send(&world, method, path, "");
            assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
            assert_eq!(reply.header("retry-after"), Some("1"));
            assert_eq!(reply.json()["code"], "session_unavailable");
            assert!(reply.touches_nothing());
        }
        let reply = Browser::default().log_in(&world, ADA);
        assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(reply.touches_nothing());
        assert_eq!(browser.jar, before);
        world.has_site = false;
        let reply = browser.get(&world, "/auth/check");
        assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
        world.breaks(None);
        assert_eq!(browser.refresh(&world).status, StatusCode::OK);
    }
}

#[test]
fn a_database_that_is_away_is_a_503_too() {
    let world = World::new(&[]);
    let mut browser = ada(&world);
    world.store.fail(&["*"]);
    let reply = browser.refresh(&world);
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(reply.touches_nothing());
}

#[test]
fn a_theft_that_can_not_be_ended_is_seen_again() {
    let world = World::new(&[]);
    let mut owner = ada(&world);
    let mut thief = owner.clone();
    thief.refresh(&world);
    thief.get(&world, "/");
    world.wait(80);
    world.store.fail(&["delete"]);
    let reply = owner.refresh(&world);
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(reply.touches_nothing());
    world.store.fail(&[]);
    assert_eq!(owner.refresh(&world).json()["code"], "token_theft");
    assert_eq!(thief.refresh(&world).status, StatusCode::UNAUTHORIZED);
}

#[test]
fn a_wrong_api_key_is_the_operators_mistake_and_is_logged() {
    let service = [("api_keys", "0123456789abcdef")];
    let world = World::with_service(&[("session_api_key", "not-the-right-one")], &service);
    let reply = Browser::default().log_in(&world, ADA);
    assert_eq!(reply.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(reply.json()["code"], "misconfigured");
    let log = world.log.lock().unwrap();
    assert!(log[0].contains("401 unauthenticated"), "{log:?}");
    drop(log);

    let world = World::with_service(&[("session_api_key", "0123456789abcdef")], &service);
    ada(&world);
}

#[test]
fn a_site_that_does_not_answer_is_a_502() {
    let world = World::new(&[]);
    let reply = ada(&world).get(&world, "/down");
    assert_eq!(reply.status, StatusCode::BAD_GATEWAY);
    assert!(reply.touches_nothing());
}
