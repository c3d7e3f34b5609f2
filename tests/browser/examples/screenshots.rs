//! Takes the pictures in docs/demo from the real demo: `cargo run -p browser-tests --example screenshots`, or all screens
//! in both sizes into another folder, to look at: `… --example screenshots FOLDER`.

use std::path::PathBuf;

use browser_tests::{Browser, Demo, First, Page, THEMES, tour};
use testbed::workspace_root;

const IN_DOCUMENTS: [&str; 7] = [
    "out",
    "attacker-refused",
    "in",
    "attacker",
    "stolen",
    "theft",
    "attacker-after",
];

#[tokio::main]
async fn main() {
    let all = std::env::args_os().nth(1).map(PathBuf::from);
    let folder = all
        .clone()
        .unwrap_or_else(|| workspace_root().join("docs/demo"));
    for (theme, argument) in THEMES {
        let browser = Browser::start_with(&[argument, "--force-prefers-reduced-motion"])
            .await
            .expect("the browser starts");
        tour(
            &browser,
            Demo::start().await,
            First::Attacker,
            async |screen: &str, page: &Page| {
                if all.is_some() {
                    page.resize(390, 800).await;
                    let file = format!("{screen}-{theme}-390.png");
                    page.photograph(&folder.join(file)).await;
                }
                if all.is_some() || IN_DOCUMENTS.contains(&screen) {
                    page.resize(1280, 800).await;
                    let file = format!("{screen}-{theme}.png");
                    page.photograph(&folder.join(file)).await;
                }
            },
        )
        .await;
        browser.close().await;
    }
}
