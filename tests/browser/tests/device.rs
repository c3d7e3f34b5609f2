//! Sessions that the browser binds to a key: the gateway example by HTTPS, in a Chromium that does, and in one that does not.

use browser_tests::{Browser, HttpsFront, Page};
use serde_json::json;
use testbed::service::{Action, FaultRule, On, ServiceProcess};

/// Chromium binds sessions, with keys in software, and signs as often as it likes.
const BINDING: &str = "--enable-features=DeviceBoundSessions:RefreshQuota/false,\
                       EnableBoundSessionCredentialsSoftwareKeysForManualTesting";
const NO_SCRIPTS: &str = "--blink-settings=scriptEnabled=false";
const MARKER: &str = "__Host-sDevice";

struct World {
    service: ServiceProcess,
    front: HttpsFront,
}

impl World {
    fn start(binding: &str) -> Self {
        let service = ServiceProcess::builder()
            .manifest("examples/gateway/spin.toml")
            .variable("device_binding", binding)
            .start()
            .unwrap();
        let front = HttpsFront::start(service.url()).unwrap();
        Self { service, front }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.front.url())
    }

    async fn browser(&self, more: &[&str]) -> Browser {
        let trust = self.front.argument();
        let arguments: Vec<&str> = more.iter().copied().chain([&*trust]).collect();
        Browser::start_with(&arguments).await.unwrap()
    }

    /// Logs Ada in, where that binds.
    async fn log_in(&self, browser: &Browser) -> Page {
        let page = browser.visit(&self.url("/plain")).await;
        page.press("#in").await;
        assert_eq!(page.element_text("h1").await, "Hello, ada");
        self.is_bound(&page).await;
        page
    }

    async fn is_bound(&self, page: &Page) {
        for _ in 0..400 {
            if page
                .cookies()
                .await
                .iter()
                .any(|cookie| cookie.name() == MARKER)
            {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("the session is not bound:\n{}", self.service.log());
    }

    /// The access token expires, and so does its marker.
    async fn expire(&self, page: &Page) {
        let control = self
            .service
            .control()
            .expect("the development host has one");
        control.advance_ms(3_600_000).await.unwrap();
        for cookie in [MARKER, "__Host-sRefreshed"] {
            page.client().delete_cookie(cookie).await.unwrap();
        }
    }

    /// Who the page says is signed in.
    async fn who(&self, page: &Page) -> String {
        page.goto(&self.url("/plain")).await;
        page.element_text("h1").await
    }

    fn logged(&self, event: &str) -> usize {
        self.service.log().matches(event).count()
    }
}

const ADA: &str = "Hello, ada";
const NOBODY: &str = "Nobody is signed in";

#[tokio::test(flavor = "multi_thread")]
async fn a_bound_session_lives_without_scripts_and_through_an_outage() {
    let world = World::start("offer");
    let browser = world.browser(&[BINDING, NO_SCRIPTS]).await;
    let page = world.log_in(&browser).await;
    for _ in 0..3 {
        world.expire(&page).await;
        assert_eq!(world.who(&page).await, ADA);
        let cookies = page.cookies().await;
        // The browser refreshed before the request left: there was no redirect.
        assert!(
            !cookies
                .iter()
                .any(|cookie| cookie.name().ends_with("sRefreshed"))
        );
    }
    // While the service has no database the binding stays.
    let control = world
        .service
        .control()
        .expect("the development host has one");
    world.expire(&page).await;
    let away = FaultRule::new(On::Any, Action::CutBefore).for_ever();
    control.set_faults(&[away]).await.unwrap();
    page.goto(&world.url("/plain")).await;
    control.set_faults(&[]).await.unwrap();
    assert_eq!(world.who(&page).await, ADA);
    world.is_bound(&page).await;
    world.expire(&page).await;
    assert_eq!(world.who(&page).await, ADA);
    // The refresh that clearing the marker starts changes nothing.
    page.press("#out").await;
    for _ in 0..2 {
        assert_eq!(world.who(&page).await, NOBODY);
    }
    // Another login has a binding of its own.
    page.press("#in").await;
    world.is_bound(&page).await;
    world.expire(&page).await;
    assert_eq!(world.who(&page).await, ADA);
    for alarm in ["device_proof", "token_theft_detected"] {
        assert_eq!(world.logged(alarm), 0, "{}", world.service.log());
    }
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stolen_jar_is_worth_nothing_without_the_key() {
    let world = World::start("offer");
    let owner = world.browser(&[BINDING]).await;
    let page = world.log_in(&owner).await;
    // The refresh token is listed where it is sent.
    page.goto(&world.url("/auth/session/refresh")).await;
    let jar = page.cookies().await;
    assert!(
        jar.iter()
            .any(|cookie| cookie.name() == "__Secure-sRefreshToken")
    );
    let thief = world.browser(&[BINDING]).await;
    let stolen = thief.visit(&world.url("/auth/session/refresh")).await;
    for cookie in jar {
        stolen.client().add_cookie(cookie).await.unwrap();
    }
    // The access token is good until it expires; then it is over.
    assert_eq!(world.who(&stolen).await, ADA);
    world.expire(&stolen).await;
    for _ in 0..2 {
        assert_eq!(world.who(&stolen).await, NOBODY);
    }
    let script = "const reply = await fetch('/auth/session/refresh', { method: 'POST' }); \
                  return [reply.status, (await reply.json()).code];";
    assert_eq!(
        stolen.run_async(script).await,
        json!([503, "device_proof_needed"])
    );
    assert!(
        world.logged("device_proof_missing") >= 2,
        "{}",
        world.service.log()
    );
    // The owner goes on.
    page.client().delete_cookie(MARKER).await.unwrap();
    assert_eq!(world.who(&page).await, ADA);
    // Many requests at once make one refresh, and all of them are answered.
    world.expire(&page).await;
    let tabs = "const all = Array.from({ length: 6 }, () => fetch('/me')); \
                return (await Promise.all(all)).map((reply) => reply.status);";
    assert_eq!(
        page.run_async(tabs).await,
        json!([200, 200, 200, 200, 200, 200])
    );
    // A script can't register a key: in the one mode the header is not its own, and in the others not allowed.
    let register = "const ask = (mode) => fetch('/auth/session/refresh/bind', { method: 'POST', mode, \
                    headers: { 'secure-session-response': 'a.b.c' } }).then((reply) => reply.status, () => 0); \
                    return [await ask('cors'), await ask('same-origin'), await ask('no-cors')];";
    assert_eq!(page.run_async(register).await, json!([403, 403, 401]));
    assert_eq!(
        world.logged("token_theft_detected"),
        0,
        "{}",
        world.service.log()
    );
    for browser in [owner, thief] {
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_can_not_bind_is_as_before_or_not_let_in_for_long() {
    for (binding, expected) in [("offer", ADA), ("require", NOBODY)] {
        let world = World::start(binding);
        let other = world
            .browser(&["--disable-features=DeviceBoundSessions", NO_SCRIPTS])
            .await;
        let page = other.visit(&world.url("/plain")).await;
        page.press("#in").await;
        assert_eq!(page.element_text("h1").await, ADA);
        world.expire(&page).await;
        assert_eq!(world.who(&page).await, expected, "{binding}");
        other.close().await;
        if binding == "require" {
            assert_eq!(world.logged("device_binding_missing"), 1);
            let browser = world.browser(&[BINDING]).await;
            let page = world.log_in(&browser).await;
            world.expire(&page).await;
            assert_eq!(world.who(&page).await, ADA);
            browser.close().await;
        }
    }
}
