//! Takes the pictures in docs/demo from the real demo: `cargo run -p browser-tests --example screenshots`.

use browser_tests::{Browser, Demo};
use testbed::workspace_root;

#[tokio::main]
async fn main() {
    for (scheme, setting) in [("light", 1), ("dark", 0)] {
        let scheme_argument = format!("--blink-settings=preferredColorScheme={setting}");
        let arguments = [
            scheme_argument.as_str(),
            "--window-size=840,1180",
            "--force-prefers-reduced-motion",
        ];
        let browser = Browser::start_with(&arguments)
            .await
            .expect("the browser starts");
        let demo = Demo::start();
        let file = |name: &str| workspace_root().join(format!("docs/demo/{name}-{scheme}.png"));

        let page = browser.visit(&demo.url()).await;
        page.shows("Sign in. Then be the attacker.").await;
        page.photograph(&file("out")).await;

        page.click("#sign-in").await;
        page.shows("£ 1,842.00").await;
        demo.let_access_tokens_expire().await;
        page.shows("exchanged R0 for R1").await;
        page.click("#lose").await;
        page.shows("the reply was lost").await;
        demo.let_access_tokens_expire().await;
        page.shows("exchanged R1 for R2").await;
        page.photograph(&file("in")).await;

        let thief = page.click_for_window("#steal").await;
        thief.shows("The attacker exchanged R2 for R3").await;
        thief.shows("The attacker exchanged R3 for R4").await;
        thief.photograph(&file("attacker")).await;
        page.shows("The attacker exchanged R3 for R4").await;
        page.photograph(&file("stolen")).await;

        demo.let_access_tokens_expire().await;
        page.shows("Theft detected.").await;
        page.photograph(&file("theft")).await;
        thief.shows("Theft detected.").await;
        thief.photograph(&file("attacker-after")).await;
        browser.close().await;
    }
}
