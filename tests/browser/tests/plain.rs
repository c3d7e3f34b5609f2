//! A browser with JavaScript switched off, in front of the gateway example.

use browser_tests::Browser;
use testbed::service::ServiceProcess;

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
    let heading = async || page.element_text("h1").await;
    assert_eq!(heading().await, "…", "no script runs");
    page.goto(&format!("{url}/plain")).await;
    let expire = async || {
        let control = service.control().expect("the development host has one");
        control.advance_ms(3_600_000).await.unwrap();
        // Ten seconds later.
        page.client().delete_cookie("sRefreshed").await.unwrap();
    };
    assert_eq!(heading().await, "Nobody is signed in");
    page.press("#in").await;
    assert_eq!(heading().await, "Hello, ada");
    assert!(page.client().current_url().await.unwrap().path() == "/plain");

    expire().await;
    page.press("a").await;
    assert_eq!(heading().await, "Hello, ada");

    expire().await;
    page.type_into("input", "kept").await;
    page.press("#send").await;
    assert_eq!(page.element_text("p").await, "kept");
    assert!(page.client().current_url().await.unwrap().path() == "/plain/note");

    expire().await;
    page.press("#out").await;
    assert_eq!(heading().await, "Nobody is signed in");
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
    assert_eq!(heading().await, "Hello, ada");
    page.press("#out").await;
    page.client().back().await.unwrap();
    assert_eq!(heading().await, "Nobody is signed in");
    browser.close().await;
}
