//! The gateway example's pages without scripts, in a browser with JavaScript switched off, and what the script of the
//! edge knows afterwards where it is on.

use std::fs;

use browser_tests::Browser;
use serde_json::{Value, json};
use testbed::{
    folder::TempFolder,
    service::{Action, FaultRule, On, ServiceProcess},
    workspace_root,
};

const WITHOUT_SCRIPTS: &str = "--blink-settings=scriptEnabled=false";

#[tokio::test(flavor = "multi_thread")]
async fn a_site_needs_no_scripts() {
    let service = ServiceProcess::builder()
        .manifest("examples/gateway/spin.toml")
        .start()
        .unwrap();
    let url = service.url().replace("127.0.0.1", "localhost");
    let browser = Browser::start_with(&[WITHOUT_SCRIPTS]).await.unwrap();
    let page = browser.visit(&url).await;
    // No script runs.
    page.element_shows("h1", "…").await;
    page.goto(&format!("{url}/plain")).await;
    let expire = async || {
        let control = service.control().expect("the development host has one");
        control.advance_ms(3_600_000).await.unwrap();
        // Ten seconds later.
        page.client().delete_cookie("sRefreshed").await.unwrap();
    };
    page.element_shows("h1", "Nobody is signed in").await;
    page.press("#in").await;
    page.element_shows("h1", "Hello, ada").await;
    assert!(page.client().current_url().await.unwrap().path() == "/plain");

    expire().await;
    page.press("a").await;
    page.element_shows("h1", "Hello, ada").await;

    expire().await;
    page.type_into("input", "kept").await;
    page.press("#send").await;
    page.element_shows("p", "kept").await;
    assert!(page.client().current_url().await.unwrap().path() == "/plain/note");

    expire().await;
    page.press("#out").await;
    page.element_shows("h1", "Nobody is signed in").await;
    assert!(
        page.client()
            .get_all_cookies()
            .await
            .unwrap()
            .iter()
            .all(|c| !c.name().contains("Token"))
    );

    // The page of before is not shown from a cache.
    page.press("#in").await;
    page.element_shows("h1", "Hello, ada").await;
    page.press("#out").await;
    page.element_shows("h1", "Nobody is signed in").await;
    page.client().back().await.unwrap();
    page.element_shows("h1", "Nobody is signed in").await;
    browser.close().await;
}

const IMPORT: &str = "const edge = await import('/auth/client.js');";

#[tokio::test(flavor = "multi_thread")]
async fn the_script_knows_what_forms_have_done() {
    let service = ServiceProcess::builder()
        .manifest("examples/gateway/spin.toml")
        .start()
        .unwrap();
    let url = service.url().replace("127.0.0.1", "localhost");
    let browser = Browser::start().await.unwrap();
    let page = browser.visit(&format!("{url}/plain")).await;
    let user = async || {
        let script = format!("{IMPORT} return edge.session()?.userId ?? null");
        page.run_async(&script).await
    };
    page.press("#in").await;
    page.element_shows("h1", "Hello, ada").await;
    assert_eq!(user().await, "ada");
    page.press("#out").await;
    page.element_shows("h1", "Nobody is signed in").await;
    assert_eq!(user().await, Value::Null);

    let requests_after_a_401 = async || {
        let script = format!(
            "{IMPORT} const sent = [], real = window.fetch;\
             window.fetch = (input, init) => {{ sent.push(new URL(input.url ?? input).pathname); return real(input, init); }};\
             const {{ status }} = await edge.fetch('/password', {{ method: 'POST', body: 'x' }});\
             window.fetch = real; return [status, ...sent]"
        );
        page.run_async(&script).await
    };
    // A 401 of the site's own. Without a session there is nothing to refresh, and no retry.
    let refresh = "/auth/session/refresh";
    let sent = requests_after_a_401().await;
    assert_eq!(sent, json!([401, "/password", refresh]));
    page.press("#in").await;
    page.element_shows("h1", "Hello, ada").await;
    let sent = requests_after_a_401().await;
    assert_eq!(sent, json!([401, "/password", refresh, "/password"]));

    let no_cors = format!(
        "{IMPORT} return (await edge.fetch('{}/plain', {{ mode: 'no-cors' }})).type",
        service.url()
    );
    assert_eq!(page.run_async(&no_cors).await, "opaque");

    // A refresh that gets no answer does not hold a request that is given up.
    let hang = FaultRule::new(On::Any, Action::Hang).for_ever();
    let control = service.control().expect("the development host has one");
    control.set_faults(&[hang]).await.unwrap();
    let given_up = format!(
        "{IMPORT} const giveUp = new AbortController();\
         const reply = edge.fetch('/password', {{ method: 'POST', signal: giveUp.signal }}).catch((e) => e.name);\
         while (!(await navigator.locks.query()).held.some((lock) => lock.name === 'session-refresh'));\
         giveUp.abort(); return reply"
    );
    assert_eq!(page.run_async(&given_up).await, "AbortError");
    browser.close().await;
}

/// The edge's address is another one than the page's; the second time the browser has no storage for the page.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_a_trusted_origin_has_sessions() {
    let at_localhost = |service: &ServiceProcess| service.url().replace("127.0.0.1", "localhost");
    let site = ServiceProcess::builder().manifest("examples/gateway/spin.toml");
    let site = site.start().unwrap();
    let origin = at_localhost(&site);
    let text = fs::read_to_string(workspace_root().join("examples/gateway/spin.toml")).unwrap();
    let target = workspace_root().join("target");
    let trusting = format!("trusted_origins = \"{origin}\"\nupstream = ");
    let text = text
        .replace("../../target", target.to_str().unwrap())
        .replace("upstream = ", &trusting);
    let folder = TempFolder::new().unwrap();
    let file = folder.path().join("spin.toml");
    fs::write(&file, text).unwrap();
    let edge = ServiceProcess::builder().manifest(&file).start().unwrap();
    let url = at_localhost(&edge);
    let import = format!("const edge = await import('{url}/auth/client.js');");

    let browser = Browser::start().await.unwrap();
    let page = browser.visit(&format!("{origin}/plain")).await;
    for storage in [
        "",
        "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no', 'SecurityError'); } })",
    ] {
        page.goto(&format!("{origin}/plain")).await;
        page.run(storage).await;
        let log_in = format!(
            "{import} await edge.fetch('{url}/login', {{ method: 'POST' }}); return edge.session()?.userId"
        );
        assert_eq!(page.run_async(&log_in).await, "ada", "{storage}");
        let control = edge.control().expect("the development host has one");
        control.advance_ms(3_600_000).await.unwrap();
        let go_on = format!(
            "{import} return [(await edge.fetch('{url}/me')).status, await edge.signOut(), edge.session()]"
        );
        let went_on = page.run_async(&go_on).await;
        assert_eq!(went_on, json!([200, true, null]), "{storage}");
    }
    browser.close().await;
}
