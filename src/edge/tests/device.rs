//! Sessions that a browser binds to a key: the protocol as Chromium speaks it, and what a thief of its cookies gets.

use http::{Method, StatusCode};
use session_core::testing::Device;

use super::{ADA, Broken, Browser, Reply, World};

const BIND: &str = "/auth/session/refresh/bind";
const REFRESH: &str = "/auth/session/refresh/device";
const OWN: (&str, &str) = ("sec-fetch-mode", "no-cors");

fn world(binding: &str) -> World {
    let edge = [
        ("device_binding", binding),
        ("public_paths", "/, /static/*"),
    ];
    World::with_service(&edge, &[("session_binding", "true")])
}

/// A browser with a key, and what it knows of its bound session.
struct Bound {
    browser: Browser,
    device: Device,
    id: String,
    challenge: Option<String>,
}

fn https() -> Browser {
    Browser {
        https: true,
        ..Browser::default()
    }
}

/// The parameter of a header of the protocol.
fn parameter<'r>(reply: &'r Reply, header: &str, start: &str) -> Option<&'r str> {
    let (_, rest) = reply.header(header)?.split_once(start)?;
    rest.split('"').next()
}

/// Logs Ada in, and gives the challenge of the registration that is offered.
fn log_in(browser: &mut Browser, world: &World) -> Option<String> {
    let reply = browser.log_in(world, ADA);
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text);
    let challenge = parameter(&reply, "secure-session-registration", r#"challenge=""#)?;
    let header = reply.header("secure-session-registration").unwrap();
    assert_eq!(
        header,
        format!(r#"(ES256);path="{BIND}";challenge="{challenge}""#)
    );
    Some(challenge.to_owned())
}

fn register(browser: &mut Browser, world: &World, proof: &str) -> Reply {
    let headers = [OWN, ("secure-session-response", proof)];
    browser.send_with(world, Method::POST, BIND, "", &headers)
}

fn bound(world: &World) -> Bound {
    let (mut browser, device) = (https(), Device::new(1));
    let challenge = log_in(&mut browser, world).unwrap();
    let reply = register(&mut browser, world, &device.registration(&challenge));
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text);
    let id = reply.json()["session_identifier"]
        .as_str()
        .unwrap()
        .to_owned();
    let challenge = parameter(&reply, "secure-session-challenge", "\"").map(str::to_owned);
    Bound {
        browser,
        device,
        id,
        challenge,
    }
}

impl Bound {
    /// What the browser does before a request without the marker leaves.
    fn refresh(&mut self, world: &World) -> Reply {
        let proof = self
            .challenge
            .take()
            .map(|challenge| self.device.proof(&challenge));
        let mut headers = vec![OWN, ("sec-secure-session-id", &self.id)];
        headers.extend(
            proof
                .as_deref()
                .map(|proof| ("secure-session-response", proof)),
        );
        let reply = self
            .browser
            .send_with(world, Method::POST, REFRESH, "", &headers);
        if let Some(challenge) = parameter(&reply, "secure-session-challenge", "\"") {
            self.challenge = Some(challenge.to_owned());
        }
        reply
    }

    /// Where the edge sends a link to a page of which the access token has expired.
    fn navigate(&mut self, world: &World) -> Reply {
        let headers = [
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
        ];
        let path = "/auth/session/refresh?to=/account";
        self.browser
            .send_with(world, Method::GET, path, "", &headers)
    }

    fn has_marker(&self) -> bool {
        self.browser
            .jar
            .keys()
            .any(|(name, _)| name == "__Host-sDevice")
    }
}

#[test]
fn a_login_binds_and_the_browser_refreshes_by_itself() {
    let world = world("offer");
    let mut ada = bound(&world);
    assert!(ada.has_marker());
    for _ in 0..3 {
        world.wait(3600);
        let reply = ada.refresh(&world);
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.text);
        let marker = reply
            .cookies()
            .into_iter()
            .find(|cookie| cookie.starts_with("__Host-sDevice="));
        let age = marker
            .unwrap()
            .split("Max-Age=")
            .nth(1)
            .unwrap()
            .split(';')
            .next()
            .unwrap();
        assert!((2690..3595).contains(&age.parse::<u64>().unwrap()), "{age}");
        ada.browser.get(&world, "/account");
        assert_eq!(world.seen("x-session-user-id").as_deref(), Some("ada"));
        assert_eq!(world.seen("cookie").as_deref(), Some("theme=dark"));
    }
    // A restart forgets the challenge: one more round.
    ada.challenge = None;
    let reply = ada.refresh(&world);
    assert_eq!(reply.status, StatusCode::FORBIDDEN);
    assert!(reply.touches_nothing());
    let header = reply.header("secure-session-challenge").unwrap();
    assert_eq!(
        header,
        format!(r#""{}";id="{}""#, ada.challenge.clone().unwrap(), ada.id)
    );
    assert_eq!(ada.refresh(&world).status, StatusCode::OK);
    // An outage ends nothing.
    world.breaks(Broken::Refused);
    let challenge = ada.challenge.clone();
    assert_eq!(ada.refresh(&world).status, StatusCode::SERVICE_UNAVAILABLE);
    world.breaks(None);
    ada.challenge = challenge;
    assert_eq!(ada.refresh(&world).status, StatusCode::OK);
    // Sign-out clears the marker; the refresh that this starts ends the binding.
    assert!(ada.browser.post(&world, "/auth/signout").ends_session());
    assert!(!ada.has_marker());
    assert_eq!(ada.refresh(&world).status, StatusCode::UNAUTHORIZED);
}

#[test]
fn what_a_registration_is_told() {
    let world = world("offer");
    let mut browser = https();
    let challenge = log_in(&mut browser, &world).unwrap();
    let reply = register(
        &mut browser,
        &world,
        &format!("\"{}\"", Device::new(1).registration(&challenge)),
    );
    let mut told = reply.json();
    let id = told["session_identifier"].take();
    assert_eq!(id.as_str().map(str::len), Some(64));
    let expected = r#"{"session_identifier":null,"refresh_url":"/auth/session/refresh/device","scope":{"include_site":false,"scope_specification":[{"type":"exclude","domain":"*","path":"/static/"}]},"credentials":[{"type":"cookie","name":"__Host-sDevice","attributes":"Path=/; HttpOnly; Secure; SameSite=Lax"}]}"#;
    assert_eq!(
        told,
        serde_json::from_str::<serde_json::Value>(expected).unwrap()
    );
    let [marker] = reply.cookies()[..] else {
        panic!("{:?}", reply.cookies())
    };
    let mark = &id.as_str().unwrap()[..16];
    let rest = "Path=/; Max-Age=3595; HttpOnly; Secure; SameSite=Lax";
    assert_eq!(marker, format!("__Host-sDevice={mark}; {rest}"));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
}

#[test]
fn a_stolen_jar_refreshes_nothing_and_the_owner_goes_on() {
    let world = world("offer");
    let mut ada = bound(&world);
    let mut thief = Bound {
        browser: ada.browser.clone(),
        device: Device::new(2),
        id: ada.id.clone(),
        challenge: None,
    };
    world.wait(3600);
    // As a script, as the browser, with a key of his own, and with excuses.
    for _ in 0..3 {
        let reply = thief.browser.send_with(
            &world,
            Method::POST,
            "/auth/session/refresh",
            "",
            &[("secure-session-skipped", "server_error")],
        );
        assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(
            (reply.header("retry-after"), &reply.json()["code"]),
            (Some("1"), &"device_proof_needed".into())
        );
        assert!(reply.touches_nothing());
        assert_eq!(thief.refresh(&world).status, StatusCode::FORBIDDEN);
    }
    // A navigation comes once more, from a page of ours, before which a browser with the key signs. Then it goes on without a
    // session, so that whoever has lost the key can sign in.
    for (status, header, next) in [
        (
            StatusCode::OK,
            "refresh",
            "0;url=/auth/session/refresh?to=/account",
        ),
        (StatusCode::SEE_OTHER, "location", "/account"),
    ] {
        let reply = thief.navigate(&world);
        assert_eq!((reply.status, reply.header(header)), (status, Some(next)));
    }
    thief.browser.get(&world, "/account");
    assert_eq!(world.seen("x-session-user-id"), None);
    assert_eq!(ada.refresh(&world).status, StatusCode::OK);
    ada.browser.get(&world, "/account");
    assert_eq!(world.seen("x-session-user-id").as_deref(), Some("ada"));
    let counted = world.ask_service(Method::GET, "/metrics", &().into());
    assert!(
        counted.contains("spin_sessions_device_proofs_missing_total 4"),
        "{counted}"
    );
    assert!(
        counted.contains("spin_sessions_device_proofs_wrong_total 2"),
        "{counted}"
    );
    assert!(counted.contains("spin_sessions_bound_rows 1"), "{counted}");
}

#[test]
fn only_the_browser_itself_registers_and_only_at_the_login() {
    let world = world("offer");
    let mut browser = https();
    let challenge = log_in(&mut browser, &world).unwrap();
    let proof = Device::new(2).registration(&challenge);
    // A script in the page can choose the header only in these modes.
    for mode in ["cors", "same-origin", "navigate"] {
        for path in [BIND, REFRESH] {
            let headers = [
                ("sec-fetch-mode", mode),
                ("secure-session-response", &*proof),
            ];
            let reply = browser.send_with(&world, Method::POST, path, "", &headers);
            assert_eq!(reply.status, StatusCode::FORBIDDEN);
        }
    }
    let mut ada = bound(&world);
    let reply = register(&mut ada.browser, &world, &proof);
    assert!(reply.status == StatusCode::UNAUTHORIZED && reply.touches_nothing());
    // No later reply offers one.
    world.wait(3600);
    for reply in [ada.refresh(&world), ada.browser.get(&world, "/account")] {
        assert_eq!(reply.header("secure-session-registration"), None);
    }
    // The binding of before, after another login: nothing of the new session is touched.
    log_in(&mut ada.browser, &world).unwrap();
    let reply = ada.refresh(&world);
    assert!(reply.status == StatusCode::UNAUTHORIZED && reply.touches_nothing());
    assert!(ada.browser.holds_tokens());
}

#[test]
fn whoever_comes_after_the_browser_finds_all_done() {
    let world = world("offer");
    let mut ada = bound(&world);
    world.wait(3600);
    // The marker was not gone yet.
    let reply = ada.browser.refresh(&world);
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(
        !ada.has_marker(),
        "the browser refreshes before the next request"
    );
    ada.refresh(&world);
    for _ in 0..2 {
        let reply = ada.browser.refresh(&world);
        assert_eq!(reply.status, StatusCode::OK);
        assert!(reply.front_token()["ate"].as_u64().unwrap() > 1_700_003_600_000);
    }
    // A link on another site's page, before which no browser signs.
    world.wait(3600);
    assert_eq!(ada.navigate(&world).status, StatusCode::OK);
    ada.refresh(&world);
    assert_eq!(ada.navigate(&world).header("location"), Some("/account"));
    ada.browser.get(&world, "/account");
    assert_eq!(world.seen("x-session-user-id").as_deref(), Some("ada"));
    let counted = world.ask_service(Method::GET, "/metrics", &().into());
    assert!(
        counted.contains("spin_sessions_device_proofs_missing_total 1\n"),
        "{counted}"
    );
}

#[test]
fn a_fresh_login_in_a_session_is_offered_a_binding_as_well() {
    for binding in ["offer", "require"] {
        let world = world(binding);
        let mut ada = bound(&world);
        let again =
            r#"{"userId":"ada","authentication":{"methods":["hwk"]},"reauthenticate":true}"#;
        let reply = ada.browser.log_in(&world, again);
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.text);
        let challenge = parameter(&reply, "secure-session-registration", r#"challenge=""#);
        let proof = ada.device.registration(challenge.unwrap());
        let reply = register(&mut ada.browser, &world, &proof);
        let old = ada.id;
        ada.id = reply.json()["session_identifier"]
            .as_str()
            .unwrap()
            .to_owned();
        assert_ne!(ada.id, old);
        ada.challenge = parameter(&reply, "secure-session-challenge", "\"").map(str::to_owned);
        world.wait(3600);
        assert_eq!(ada.refresh(&world).status, StatusCode::OK);
    }
}

#[test]
fn where_nothing_is_offered() {
    for (binding, service, site, is_https) in [
        ("off", "true", "lax", true),
        ("offer", "false", "lax", true),
        ("offer", "true", "none", true),
        ("offer", "true", "lax", false),
        ("require", "true", "lax", false),
    ] {
        let edge = [("device_binding", binding), ("same_site", site)];
        let world = World::with_service(&edge, &[("session_binding", service)]);
        let mut browser = Browser {
            https: is_https,
            ..Browser::default()
        };
        assert_eq!(
            log_in(&mut browser, &world),
            None,
            "{binding} {service} {site}"
        );
        world.wait(3600);
        let reply = browser.refresh(&world);
        assert_eq!(reply.status, StatusCode::OK);
        assert!(
            !reply
                .cookies()
                .iter()
                .any(|cookie| cookie.contains("sDevice"))
        );
    }
}

#[test]
fn require_ends_what_is_not_bound_in_time() {
    let world = world("require");
    let mut ada = bound(&world);
    world.wait(3600);
    assert_eq!(ada.refresh(&world).status, StatusCode::OK);
    let mut other = https();
    log_in(&mut other, &world).unwrap();
    other.get(&world, "/account");
    assert_eq!(world.seen("x-session-user-id").as_deref(), Some("ada"));
    world.wait(3600);
    assert!(other.refresh(&world).ends_session());
    // Without the service's consent nobody is signed in.
    let refusing = World::with_service(&[("device_binding", "require")], &[]);
    let reply = https().log_in(&refusing, ADA);
    assert_eq!(
        reply.status,
        StatusCode::INTERNAL_SERVER_ERROR,
        "{}",
        reply.text
    );
}
