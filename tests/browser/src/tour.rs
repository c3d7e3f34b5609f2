//! The way through every screen of the demo, for whoever looks at them: the pictures, and the test of accessibility.

use std::time::Duration;

use crate::{Browser, Demo, Page};

/// The two themes: their names, and what has Chromium ask for them.
pub const THEMES: [(&str, &str); 2] = [
    ("light", "--blink-settings=preferredColorScheme=1"),
    ("dark", "--blink-settings=preferredColorScheme=0"),
];

/// Who swaps the stolen token first.
#[derive(Clone, Copy, PartialEq)]
pub enum First {
    /// The attacker, who goes on every four seconds: what is seen of it passes.
    Attacker,
    /// Ada: until then the attacker waits, as long as one looks.
    Ada,
}

/// Visits every screen, and stops at each with its name.
pub async fn tour(
    browser: &Browser,
    mut demo: Demo,
    first: First,
    mut stop: impl AsyncFnMut(&str, &Page),
) {
    let page = browser.visit(&demo.url()).await;
    page.shows("Sign in. Then be the attacker.").await;
    stop("out", &page).await;

    // Bound, with a marker that stays: a bound session refreshes by the browser's clock.
    page.click("#bind").await;
    page.click("#sign-in").await;
    page.shows("£ 1,842.00").await;
    page.run("document.cookie = 'sDevice=stays; Path=/'").await;
    stop("bound", &page).await;
    let thief = page.click_for_window("#steal").await;
    thief.shows("Your copy is worthless.").await;
    stop("attacker-refused", &thief).await;
    page.shows("was tried, and refused").await;
    stop("refused", &page).await;
    thief.click("#again-in").await;
    page.click("#sign-out").await;
    page.click("#bind").await;

    page.click("#sign-in").await;
    page.shows("£ 1,842.00").await;
    stop("in", &page).await;

    page.click("#show-devices").await;
    page.shows("this one").await;
    demo.advance(Duration::from_secs(30)).await;
    page.click("#close-account").await;
    page.click("#sign-in-again").await;
    page.shows("the account would be closed now").await;
    stop("devices", &page).await;
    page.click("#hide-devices").await;

    page.click("#lose").await;
    page.shows("the reply was lost").await;
    demo.let_access_tokens_expire().await;
    page.shows("swapped R0 for R1").await;
    // Later than a race of Ada's tabs would be.
    demo.advance(Duration::from_secs(3)).await;
    let copy = match first {
        First::Attacker => "R2",
        First::Ada => {
            page.click("input[value=second]").await;
            "R1"
        }
    };
    let thief = page.click_for_window("#steal").await;
    thief.shows(&format!("You hold {copy}")).await;
    stop("attacker", &thief).await;
    page.shows(&format!("Another browser holds {copy}")).await;
    stop("stolen", &page).await;

    demo.thaw().await;
    demo.let_access_tokens_expire().await;
    page.shows("Theft detected.").await;
    stop("theft", &page).await;
    thief.shows("You are out. Your copy is worthless.").await;
    stop("attacker-after", &thief).await;

    page.click("#again-in").await;
    page.shows("£ 1,842.00").await;
    thief.shows("Another browser, with nothing in it").await;
    stop("idle", &thief).await;

    // Somebody else ends the session.
    page.run("window.fetch('/auth/signout', { method: 'POST' })")
        .await;
    page.shows("This session has ended").await;
    stop("ended", &page).await;

    demo.stop();
    page.click("#again-in").await;
    page.shows("server does not answer").await;
    stop("away", &page).await;
}
