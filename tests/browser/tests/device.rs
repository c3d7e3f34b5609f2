//! Sessions that the browser binds to a key: the examples by HTTPS, in a Chromium that does, and in one that does not.
//!
//! Chromium's keys are in software here; what a real one keeps them in cannot be had in a container. Its limit of signatures
//! is tried where it matters and switched off elsewhere.

#![expect(clippy::unwrap_used, reason = "all of this is a test")]

use std::{fs, str::FromStr};

use browser_tests::{BINDING, Browser, HttpsFront, MARKER, Page};
use fantoccini::{cookies::Cookie, wd::WebDriverCompatibleCommand};
use reqwest::{Client, Method, StatusCode, Url};
use serde_json::{Value, json};
use testbed::{
    folder::TempFolder,
    service::{Action, Control, FaultRule, On, ServiceProcess},
    workspace_root,
};

/// As it comes: six signatures in nine minutes.
const BINDING_WITH_QUOTA: &str = "--enable-features=DeviceBoundSessions,\
                                  EnableBoundSessionCredentialsSoftwareKeysForManualTesting";
const NOT_BINDING: &str = "--disable-features=DeviceBoundSessions";
const NO_SCRIPTS: &str = "--blink-settings=scriptEnabled=false";
const TOKENS: [&str; 2] = ["__Host-sAccessToken", "__Secure-sRefreshToken"];
const ADA: &str = "Hello, ada";
const NOBODY: &str = "Nobody is signed in";

struct World {
    service: ServiceProcess,
    front: HttpsFront,
    _folder: TempFolder,
}

impl World {
    fn start(binding: &str) -> Self {
        Self::of("gateway", binding)
    }

    /// An example with this `device_binding`, by HTTPS, and a log of what happens.
    fn of(example: &str, binding: &str) -> Self {
        let folder = TempFolder::new().unwrap();
        let manifest = folder.path().join("spin.toml");
        let text = format!("examples/{example}/spin.toml");
        let text = fs::read_to_string(workspace_root().join(text)).unwrap();
        let target = workspace_root().join("target");
        let text = text
            .replace("../../target", target.to_str().unwrap())
            .replace("\"offer\"", &format!("{binding:?}"))
            .replace(
                "session_binding = \"true\"",
                "session_binding = \"true\"\nlog_level = \"info\"",
            );
        fs::write(&manifest, text).unwrap();
        let service = ServiceProcess::builder()
            .manifest(&manifest)
            .start()
            .unwrap();
        let front = HttpsFront::start(service.url()).unwrap();
        Self {
            service,
            front,
            _folder: folder,
        }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.front.url())
    }

    fn control(&self) -> &Control {
        let control = self.service.control();
        control.expect("the development host has one")
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
        page.element_shows("h1", ADA).await;
        page.gets_cookie(MARKER).await;
        page
    }

    /// The access token expires, and so does its marker.
    async fn expire(&self, page: &Page) {
        self.control().advance_ms(3_600_000).await.unwrap();
        for cookie in [MARKER, "__Host-sRefreshed"] {
            page.client().delete_cookie(cookie).await.unwrap();
        }
    }

    /// Who the page says is signed in.
    async fn who(&self, page: &Page) -> String {
        page.goto(&self.url("/plain")).await;
        page.element_text("h1").await
    }

    /// All cookies, those of the refresh, too, which are listed where they are sent.
    async fn jar(&self, page: &Page) -> Vec<Cookie<'static>> {
        page.goto(&self.url("/auth/session/refresh")).await;
        page.cookies().await
    }

    /// The refreshes so far, and whatever is logged under this name.
    fn logged(&self, event: &str) -> usize {
        self.service.log().matches(event).count()
    }

    fn refreshes(&self) -> usize {
        self.logged("session_refreshed")
    }

    fn is_quiet(&self) {
        for alarm in ["device_proof", "token_theft_detected"] {
            assert_eq!(self.logged(alarm), 0, "{}", self.service.log());
        }
    }
}

/// Puts cookies into a browser, those of one host alone, too, which the driver's own command can't.
#[derive(Debug)]
struct Put(Vec<Value>);

impl WebDriverCompatibleCommand for Put {
    fn endpoint(&self, driver: &Url, session: Option<&str>) -> Result<Url, <Url as FromStr>::Err> {
        driver.join(&format!("session/{}/goog/cdp/execute", session.unwrap()))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        let command = json!({ "cmd": "Network.setCookies", "params": { "cookies": self.0 } });
        (Method::POST, Some(command.to_string()))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bound_session_lives_without_scripts_and_through_an_outage() {
    let world = World::start("offer");
    let mut browser = world.browser(&[BINDING, NO_SCRIPTS]).await;
    let mut page = world.log_in(&browser).await;
    for _ in 0..3 {
        world.expire(&page).await;
        assert_eq!(world.who(&page).await, ADA, "{}", world.service.log());
        // The browser refreshed before the request left: there was no redirect.
        assert!(!page.holds_cookie("__Host-sRefreshed").await);
    }
    // A link on another site's page starts no refresh of the browser's.
    world.expire(&page).await;
    let link = format!("data:text/html,<a id=link href={}>", world.url("/plain"));
    page.goto(&format!("{link}Back</a>")).await;
    page.press("#link").await;
    page.element_shows("h1", ADA).await;
    // It keeps the key, and asks for another challenge.
    browser.restart().await.unwrap();
    page = browser.visit(&world.url("/plain")).await;
    assert_eq!(page.element_text("h1").await, ADA);
    world.expire(&page).await;
    assert_eq!(world.who(&page).await, ADA);
    assert!(page.holds_cookie(MARKER).await);
    // While the service has no database the binding stays.
    world.expire(&page).await;
    let away = FaultRule::new(On::Any, Action::CutBefore).for_ever();
    world.control().set_faults(&[away]).await.unwrap();
    page.goto(&world.url("/plain")).await;
    assert!(!page.holds_cookie(MARKER).await);
    world.control().set_faults(&[]).await.unwrap();
    assert_eq!(world.who(&page).await, ADA);
    page.gets_cookie(MARKER).await;
    // The reply to a refresh does not arrive.
    world.expire(&page).await;
    let before = world.refreshes();
    world.front.lose_a_reply();
    assert_eq!(world.who(&page).await, ADA);
    assert!(world.refreshes() >= before + 2, "{}", world.service.log());
    assert!(page.holds_cookie(MARKER).await);
    // The refresh that clearing the marker starts changes nothing.
    page.press("#out").await;
    page.element_shows("h1", NOBODY).await;
    for _ in 0..2 {
        assert_eq!(world.who(&page).await, NOBODY);
    }
    // Another login has a binding of its own.
    page.press("#in").await;
    page.gets_cookie(MARKER).await;
    world.expire(&page).await;
    assert_eq!(world.who(&page).await, ADA);
    world.is_quiet();
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_edge_as_middleware_binds_too() {
    let world = World::of("middleware", "offer");
    let browser = world.browser(&[BINDING, NO_SCRIPTS]).await;
    let page = world.log_in(&browser).await;
    for _ in 0..2 {
        world.expire(&page).await;
        assert_eq!(world.who(&page).await, ADA);
    }
    world.is_quiet();
    browser.close().await;
}

/// The marker goes by the browser's clock, and the token by the service's: here two minutes before and after.
#[tokio::test(flavor = "multi_thread")]
async fn clocks_may_differ_by_minutes() {
    for ahead_ms in [120_000, -120_000] {
        let world = World::start("offer");
        world.control().advance_ms(ahead_ms).await.unwrap();
        let browser = world.browser(&[BINDING, NO_SCRIPTS]).await;
        let page = world.log_in(&browser).await;
        world.expire(&page).await;
        assert_eq!(world.who(&page).await, ADA);
        // The marker outlives the token: the edge takes it away, and the browser refreshes.
        world.control().advance_ms(3_600_000).await.unwrap();
        assert_eq!(world.who(&page).await, ADA);
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_tabs_make_one_refresh() {
    let world = World::start("offer");
    let browser = world.browser(&[BINDING]).await;
    let page = world.log_in(&browser).await;
    world.expire(&page).await;
    let before = world.refreshes();
    page.run("for (let n = 0; n < 6; n++) window.open('/plain', '_blank')")
        .await;
    let tabs = page.windows().await;
    assert_eq!(tabs.len(), 7);
    for tab in &tabs {
        tab.element_shows("h1", ADA).await;
    }
    assert_eq!(world.refreshes(), before + 1, "{}", world.service.log());
    world.expire(&page).await;
    let requests = "const all = Array.from({ length: 6 }, () => fetch('/me')); \
                    return (await Promise.all(all)).map((reply) => reply.status);";
    let all = json!([200, 200, 200, 200, 200, 200]);
    assert_eq!(page.run_async(requests).await, all);
    assert_eq!(world.refreshes(), before + 2, "{}", world.service.log());
    world.is_quiet();
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_may_not_sign_any_more_keeps_the_session() {
    let world = World::start("offer");
    let mut browser = world.browser(&[BINDING_WITH_QUOTA]).await;
    let mut page = world.log_in(&browser).await;
    let mut signed = 0;
    loop {
        world.expire(&page).await;
        if world.who(&page).await != ADA {
            break;
        }
        signed += 1;
        assert!(signed < 10, "there is no quota");
    }
    // Five beside the registration in Chromium 156.
    assert!(signed >= 3, "{signed}");
    let script = "const reply = await fetch('/auth/session/refresh', { method: 'POST' }); \
                  return [reply.status, (await reply.json()).code];";
    let refused = json!([503, "device_proof_needed"]);
    assert_eq!(page.run_async(script).await, refused);
    // What it has counted it forgets.
    browser.restart().await.unwrap();
    page = browser.visit(&world.url("/plain")).await;
    assert_eq!(page.element_text("h1").await, ADA);
    assert_eq!(world.logged("token_theft_detected"), 0);
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stolen_jar_is_worth_nothing_without_the_key() {
    let world = World::start("offer");
    let owner = world.browser(&[BINDING]).await;
    let page = world.log_in(&owner).await;
    let jar = world.jar(&page).await;
    let thief = world.browser(&[BINDING]).await;
    let stolen = thief.visit(&world.url("/auth/session/refresh")).await;
    let jar = jar.iter().map(|cookie| {
        json!({
            "name": cookie.name(), "value": cookie.value(), "path": cookie.path(), "secure": true,
            "httpOnly": cookie.http_only(), "sameSite": "Lax", "url": world.front.url(),
        })
    });
    let put = Put(jar.collect());
    stolen.client().issue_cmd(put).await.unwrap();
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
    let log = world.service.log();
    assert!(world.logged("device_proof_missing") >= 2, "{log}");
    // The owner goes on.
    page.client().delete_cookie(MARKER).await.unwrap();
    assert_eq!(world.who(&page).await, ADA);
    assert_eq!(world.logged("token_theft_detected"), 0);
    for browser in [owner, thief] {
        browser.close().await;
    }
}

/// What a script in the page can do (XSS): it reads the offer of the login that it makes, signs it with a key of its own, and
/// posts that in every mode while the browser does the same.
const REGISTER: &str = "
    const reply = await fetch('/login', { method: 'POST' });
    const challenge = reply.headers.get('secure-session-registration').match(/challenge=\"([^\"]+)\"/)[1];
    const base64 = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes)))
        .replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
    const bytes = (text) => new TextEncoder().encode(text);
    const keys = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign']);
    const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', keys.publicKey);
    const header = { alg: 'ES256', typ: 'dbsc+jwt', jwk: { kty, crv, x, y } };
    const message = [header, { jti: challenge }].map((part) => base64(bytes(JSON.stringify(part)))).join('.');
    const signature = await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, keys.privateKey, bytes(message));
    const proof = message + '.' + base64(signature);
    const register = (mode) => fetch('/auth/session/refresh/bind',
        { method: 'POST', mode, headers: { 'secure-session-response': proof } }).then((reply) => reply.status);
    return { proof, statuses: await Promise.all(['cors', 'same-origin', 'no-cors'].map(register)) };";

/// Whoever has the cookies of a browser, and asks as he likes.
struct Thief {
    cookies: String,
}

impl Thief {
    async fn of(world: &World, page: &Page) -> Self {
        let jar = world.jar(page).await;
        let tokens = jar
            .iter()
            .filter(|cookie| TOKENS.contains(&cookie.name()))
            .map(|cookie| format!("{}={}", cookie.name(), cookie.value()));
        let cookies = tokens.collect::<Vec<_>>().join("; ");
        Self { cookies }
    }

    async fn post(&self, world: &World, path: &str, proof: &str) -> StatusCode {
        let client = Client::builder().no_proxy().build().unwrap();
        let path = format!("{}/auth/session/refresh/{path}", world.service.url());
        let request = client
            .post(path)
            .header("x-forwarded-proto", "https")
            .header("sec-fetch-mode", "no-cors")
            .header("secure-session-skipped", "server_error")
            .header("secure-session-response", proof)
            .header("cookie", &self.cookies);
        request.send().await.unwrap().status()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_one_key_is_registered_and_none_by_a_script() {
    let world = World::start("offer");
    let browser = world.browser(&[BINDING]).await;
    let page = browser.visit(&world.url("/plain")).await;
    let found = page.run_async(REGISTER).await;
    assert_eq!(found["statuses"], json!([403, 403, 401]), "{found}");
    page.gets_cookie(MARKER).await;
    let proof = found["proof"].as_str().unwrap();
    // With the cookies as well, and no browser that keeps him from anything.
    let thief = Thief::of(&world, &page).await;
    for path in ["bind", "device"] {
        assert_eq!(thief.post(&world, path, proof).await, 401, "{path}");
    }
    assert!(world.logged("device_proof_wrong") > 0);
    assert_eq!(world.logged("device_bound"), 1);
    world.expire(&page).await;
    assert_eq!(world.who(&page).await, ADA);
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_can_not_bind_is_as_before_or_not_let_in_for_long() {
    for (binding, expected) in [("offer", ADA), ("require", NOBODY)] {
        let world = World::start(binding);
        let other = world.browser(&[NOT_BINDING, NO_SCRIPTS]).await;
        let page = other.visit(&world.url("/plain")).await;
        page.press("#in").await;
        page.element_shows("h1", ADA).await;
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

/// What binding can't stop: somebody who reads the login's reply and registers before the browser, here since the database
/// fails that. It lasts until the owner signs in again.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_keys_the_first_has_the_session() {
    let world = World::start("offer");
    let browser = world.browser(&[BINDING]).await;
    let page = browser.visit(&world.url("/plain")).await;
    let fails = FaultRule::new(On::Any, Action::CutBefore)
        .sql_contains("SET `device_key` =")
        .for_ever();
    world.control().set_faults(&[fails]).await.unwrap();
    let found = page.run_async(REGISTER).await;
    while world.logged("request_failed") == 0 {
        tokio::task::yield_now().await;
    }
    world.control().set_faults(&[]).await.unwrap();
    let thief = Thief::of(&world, &page).await;
    let proof = found["proof"].as_str().unwrap();
    assert_eq!(thief.post(&world, "bind", proof).await, 200);
    // Nothing of the owner's is touched before the access token expires.
    assert_eq!(world.who(&page).await, ADA);
    assert!(!page.holds_cookie(MARKER).await);
    world.expire(&page).await;
    assert_eq!(world.who(&page).await, NOBODY);
    assert!(world.logged("device_proof_missing") > 0);
    page.press("#in").await;
    page.gets_cookie(MARKER).await;
    world.expire(&page).await;
    assert_eq!(world.who(&page).await, ADA);
    browser.close().await;
}
