//! The front-end library itself, from npm, in front of the edge: supertokens-website 20.1.6, unchanged.

use browser_tests::{Browser, Demo, Page, npm};
use serde_json::{Value, json};

/// A page of the site with the library in it, and nothing else.
async fn page(demo: &Demo, browser: &Browser) -> Page {
    let script = npm::front_end_library().expect("the library can be had");
    let page = browser
        .visit(&format!("{}/static/icon.svg", demo.url()))
        .await;
    page.run(&script).await;
    page.run("supertokens.init({ apiDomain: location.origin, apiBasePath: '/auth' })")
        .await;
    page
}

async fn status(page: &Page, method: &str, path: &str) -> Value {
    page.run_async(&format!(
        "return (await fetch('{path}', {{ method: '{method}' }})).status"
    ))
    .await
}

async fn exists(page: &Page) -> Value {
    page.run_async("return supertokens.doesSessionExist()")
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_front_end_library_works_unchanged() {
    let (demo, browser) = (Demo::start().await, Browser::start().await.unwrap());
    let page = page(&demo, &browser).await;
    assert_eq!(exists(&page).await, false);
    assert_eq!(status(&page, "GET", "/api/account").await, 401);

    assert_eq!(status(&page, "POST", "/api/login").await, 200);
    assert_eq!(exists(&page).await, true);
    assert_eq!(
        page.run_async("return supertokens.getUserId()").await,
        "ada"
    );
    let payload = page
        .run_async("return supertokens.getAccessTokenPayloadSecurely()")
        .await;
    assert_eq!(payload, json!({ "name": "Ada Lovelace" }));

    // Expiry: the library refreshes by itself, each time.
    for _ in 0..3 {
        demo.let_access_tokens_expire().await;
        assert_eq!(status(&page, "GET", "/api/account").await, 200);
    }
    // A reply that is lost.
    let lost = page.run_async(
        "return (await fetch('/auth/session/refresh/demo/lose', { method: 'POST' })).status",
    );
    assert_eq!(lost.await, 504);
    demo.let_access_tokens_expire().await;
    assert_eq!(status(&page, "GET", "/api/account").await, 200);
    // Many requests at once.
    demo.let_access_tokens_expire().await;
    let all = page.run_async(
        "return Promise.all([...Array(8)].map(() => fetch('/api/account').then((r) => r.status)))",
    );
    assert_eq!(all.await, json!([200, 200, 200, 200, 200, 200, 200, 200]));

    page.run_async("await supertokens.signOut()").await;
    assert_eq!(exists(&page).await, false);
    assert_eq!(status(&page, "GET", "/api/account").await, 401);
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_front_end_library_learns_of_a_theft() {
    let (demo, browser) = (Demo::start().await, Browser::start().await.unwrap());
    let owner = page(&demo, &browser).await;
    assert_eq!(status(&owner, "POST", "/api/login").await, 200);
    owner
        .run_async("return (await fetch('/api/account')).status")
        .await;

    // The attacker's browser is the other name of this machine.
    let form = "const form = document.createElementNS('http://www.w3.org/1999/xhtml', 'form');\
                form.method = 'post'; form.action = '/auth/session/refresh/demo/copy';\
                document.documentElement.append(form); form.submit();";
    owner.run(form).await;
    owner
        .until("location.hostname === '127.0.0.1' && document.readyState === 'complete'")
        .await;
    assert_eq!(status(&owner, "POST", "/auth/session/refresh").await, 200);
    assert_eq!(status(&owner, "GET", "/api/account").await, 200);

    let owner = page(&demo, &browser).await;
    assert_eq!(exists(&owner).await, true);
    demo.let_access_tokens_expire().await;
    assert_eq!(status(&owner, "GET", "/api/account").await, 401);
    assert_eq!(exists(&owner).await, false);
    browser.close().await;
}
