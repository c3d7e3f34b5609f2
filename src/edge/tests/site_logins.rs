//! What a site says of a login beyond the user: lifetimes, and how the user was authenticated, once and once more.

use http::{Method, StatusCode};
use serde_json::json;
use session_core::testing::START;

use super::{Broken, Browser, Reply, World, ada};

const CLAIMS: [(&str, &str); 2] = [
    ("access_token_authentication_claims", "true"),
    ("access_token_blacklisting", "true"),
];
const HEADERS: [&str; 3] = [
    "x-session-auth-time",
    "x-session-auth-amr",
    "x-session-auth-acr",
];
const STEP_UP: &str = r#"{"userId":"ada","reauthenticate":true,"authentication":{"methods":["pwd","otp"],"level":"2"}}"#;

/// What the site learns of the user's authentication.
fn known(browser: &mut Browser, world: &World) -> [Option<String>; 3] {
    browser.get(world, "/");
    HEADERS.map(|name| world.seen(name))
}

#[test]
fn the_site_learns_when_and_how_its_user_was_authenticated() {
    let start = START.as_secs();
    let (now, before) = (start.to_string(), (start - 60).to_string());
    for (claims, authentication, says) in [
        ("true", None, [None, None, None]),
        ("true", Some(json!({})), [Some(&now), None, None]),
        (
            "true",
            Some(json!({ "time": (start - 60) * 1000, "methods": ["pwd", "otp"], "level": "2" })),
            [
                Some(&before),
                Some(&"pwd,otp".to_owned()),
                Some(&"2".to_owned()),
            ],
        ),
        ("false", Some(json!({ "level": "2" })), [None, None, None]),
    ] {
        let service = [("access_token_authentication_claims", claims)];
        let mut world = World::with_service(&[], &service);
        let mut login = json!({ "userId": "ada" });
        if let Some(authentication) = &authentication {
            login["authentication"] = authentication.clone();
        }
        let mut browser = Browser::default();
        browser.log_in(&world, &login.to_string());
        let says = says.map(|text| text.cloned());
        assert_eq!(known(&mut browser, &world), says, "{login}");
        world.wait(3600);
        browser.refresh(&world);
        assert_eq!(
            known(&mut browser, &world),
            says,
            "after a refresh: {login}"
        );
        world.has_site = false;
        let forged = HEADERS.map(|name| (name, "9"));
        let reply = browser.send_with(&world, Method::GET, "/auth/check", "", &forged);
        let told = HEADERS.map(|name| reply.header(name).map(str::to_owned));
        assert_eq!(told, says, "at the proxy: {login}");
    }
}

#[test]
fn after_a_step_up_the_session_goes_on_as_a_new_one() {
    let world = World::with_service(&[], &CLAIMS);
    let mut browser = Browser::default();
    browser.log_in(
        &world,
        r#"{"userId":"ada","jwtPayload":[1],"authentication":{"level":"1"}}"#,
    );
    // With an access token that is still to be confirmed, too.
    for expired in [false, true] {
        browser.get(&world, "/");
        let handle = world.seen("x-session-handle");
        if expired {
            world.wait(3600);
            browser.refresh(&world);
        }
        let mut copy = browser.clone();
        let reply = browser.log_in(&world, STEP_UP);
        assert_eq!(
            (reply.status, reply.text.as_str()),
            (StatusCode::OK, "the site")
        );
        assert_eq!(reply.token_cookies().len(), 2);
        assert_eq!(reply.front_token()["uid"], "ada");
        let now = START.as_secs() + if expired { 3600 } else { 0 };
        let says = [now.to_string(), "pwd,otp".to_owned(), "2".to_owned()];
        assert_eq!(known(&mut browser, &world), says.map(Some));
        assert_eq!(world.seen("x-session-payload").as_deref(), Some("WzFd"));
        assert_ne!(world.seen("x-session-handle"), handle);
        assert_eq!(known(&mut copy, &world), [None, None, None]);
        assert!(copy.refresh(&world).status == StatusCode::UNAUTHORIZED);
    }
}

#[test]
fn a_site_behind_a_proxy_steps_up_by_its_call() {
    let key = "0123456789abcdef";
    let service = [CLAIMS[0], ("api_keys", key)];
    let world = World::behind_proxy(&[("session_api_key", key)], &service);
    let mut browser = ada(&world);
    let bearer = format!("Bearer {key}");
    let call = |browser: &mut Browser| {
        let headers = [("authorization", bearer.as_str())];
        browser.send_with(&world, Method::POST, "/auth/session", STEP_UP, &headers)
    };
    let reply = call(&mut Browser::default());
    assert_eq!(reply.json()["code"], "try_refresh_token");
    let reply = call(&mut browser);
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text);
    for pair in reply.json()["headers"].as_array().unwrap() {
        if pair[0] == "set-cookie" {
            browser.store(pair[1].as_str().unwrap());
        }
    }
    let reply = browser.get(&world, "/auth/check");
    assert_eq!(reply.header("x-session-auth-acr"), Some("2"));
}

#[test]
fn a_step_up_of_no_session_or_another_users_changes_nothing() {
    let world = World::with_service(&[], &CLAIMS);
    let refused = |reply: &Reply, says: &str| {
        assert_eq!(reply.status, StatusCode::INTERNAL_SERVER_ERROR, "{says}");
        assert_eq!(reply.json()["code"], "invalid_login");
        let message = reply.json()["message"].as_str().unwrap().to_owned();
        assert!(
            message.contains(says) && reply.touches_nothing(),
            "{message}"
        );
    };
    let mut browser = ada(&world);
    for (login, says) in [
        (STEP_UP.replace("ada", "bob"), "not that of the session"),
        (
            r#"{"userId":"ada","reauthenticate":true}"#.to_owned(),
            "authentication is missing",
        ),
        (STEP_UP.replace("true", "1"), "reauthenticate must be"),
        (
            STEP_UP.replace("true", r#"true,"jwtPayload":1"#),
            "userId and authentication only",
        ),
        (STEP_UP.replace(r#""2""#, "2"), "authentication.level"),
        (
            r#"{"userId":"ada","authentication":1}"#.to_owned(),
            "authentication",
        ),
        (
            r#"{"userId":"ada","lifetime":{"idle":1}}"#.to_owned(),
            "lifetime.idle",
        ),
    ] {
        refused(&browser.log_in(&world, &login), says);
        assert_eq!(known(&mut browser, &world), [None, None, None], "{login}");
        assert_eq!(world.seen("x-session-user-id").as_deref(), Some("ada"));
    }
    let mut over = browser.clone();
    over.clone().post(&world, "/auth/signout");
    world.wait(3600);
    for browser in [&mut Browser::default(), &mut over, &mut browser] {
        let reply = browser.log_in(&world, STEP_UP);
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
        assert_eq!(reply.json()["code"], "try_refresh_token");
        assert!(reply.touches_nothing());
    }
    // `false` is a login.
    let reply = Browser::default().log_in(&world, &STEP_UP.replace("true", "false"));
    assert_eq!(reply.status, StatusCode::OK);
}

#[test]
fn cookies_are_kept_no_longer_than_the_session() {
    let world = World::new(&[]);
    let mut browser = Browser::default();
    let ages = |reply: &Reply| -> Vec<u64> {
        let cookies = reply.cookies();
        let ages = cookies
            .iter()
            .filter_map(|it| it.split("; Max-Age=").nth(1));
        ages.map(|it| it.split(';').next().unwrap().parse().unwrap())
            .collect()
    };
    let login = r#"{"userId":"ada","lifetime":{"absolute":7200}}"#;
    assert_eq!(ages(&browser.log_in(&world, login)), [7200; 3]);
    world.wait(3600);
    assert_eq!(ages(&browser.refresh(&world)), [3600; 3]);
    let idle = r#"{"userId":"ada","lifetime":{"idle":1800}}"#;
    let reply = Browser::default().log_in(&world, idle);
    assert_eq!(ages(&reply), [34_560_000, 1800, 34_560_000]);
}

/// The service has made a new session of the old one by then: nobody could use either, and both are over.
#[test]
fn a_step_up_that_no_cookie_holds_ends_the_session() {
    let world = World::with_service(&[], &CLAIMS);
    let long = json!({ "methods": vec!["x".repeat(32); 8], "level": "x".repeat(64) });
    let step_up = json!({ "userId": "ada", "reauthenticate": true, "authentication": long });
    let after = |bytes: usize| {
        let mut browser = Browser::default();
        let login = json!({ "userId": "ada", "jwtPayload": "x".repeat(bytes) });
        assert_eq!(
            browser.log_in(&world, &login.to_string()).status,
            StatusCode::OK
        );
        world.calls();
        let reply = browser.log_in(&world, &step_up.to_string());
        (browser, reply)
    };
    let (mut browser, reply) = after(2000);
    assert_eq!(reply.status, StatusCode::OK);
    browser.post(&world, "/auth/signout");
    let (mut browser, reply) = after(2500);
    assert_eq!(reply.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(reply.json()["code"], "invalid_login");
    assert!(reply.text.contains("4096 bytes") && reply.touches_nothing());
    assert_eq!(
        world.calls()[1..],
        ["PUT /session/authentication", "DELETE /session"]
    );
    let list = world.ask_service(Method::GET, "/session/all?userId=ada", &json!(null));
    assert!(list.contains(r#""sessions":[]"#), "{list}");
    assert!(browser.get(&world, "/").ends_session());
}

/// An instance of the release before would begin a session without the end.
#[test]
fn a_lifetime_that_an_older_service_ignores_is_no_login() {
    let world = World::new(&[]);
    world.breaks(Broken::Old);
    let login = r#"{"userId":"ada","lifetime":{"absolute":7200}}"#;
    let reply = Browser::default().log_in(&world, login);
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(reply.touches_nothing());
    let list = world.ask_service(Method::GET, "/session/all?userId=ada", &json!(null));
    assert!(list.contains(r#""sessions":[]"#), "{list}");
}

#[test]
fn a_login_beyond_the_limit_is_a_409() {
    let service = [
        ("max_sessions_per_user", "1"),
        ("on_session_limit", "refuse"),
    ];
    let world = World::with_service(&[], &service);
    ada(&world);
    world.wait(1);
    let reply = Browser::default().log_in(&world, super::ADA);
    assert_eq!(reply.status, StatusCode::CONFLICT);
    assert_eq!(reply.json()["code"], "too_many_sessions");
    assert!(reply.touches_nothing());
}
