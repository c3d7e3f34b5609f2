//! The demo, as people use it. What the browser sees of a theft is what the service sees.

use browser_tests::{Browser, Demo, Page};
use serde_json::{Value, json};

/// Ada has signed in.
async fn ada(demo: &Demo, browser: &Browser) -> Page {
    let page = browser.visit(&demo.url()).await;
    page.click("#sign-in").await;
    page.shows("Ada Lovelace").await;
    page.shows("£ 1,842.00").await;
    page
}

/// Lets the access token expire and waits until the page has refreshed so often in all, and goes on.
async fn expire(demo: &Demo, page: &Page, refreshes: u32) {
    demo.let_access_tokens_expire().await;
    page.until(&format!(
        "document.querySelector('#refreshes').innerText === '{refreshes}'"
    ))
    .await;
    asks_again(page).await;
}

/// Waits until the page has had two more answers about the account.
async fn asks_again(page: &Page) {
    page.run("performance.clearResourceTimings()").await;
    let answers = "performance.getEntriesByType('resource').filter((r) => r.name.endsWith('/api/account') && r.responseStatus === 200).length";
    page.until(&format!("{answers} >= 2")).await;
}

/// No alarm was raised, and Ada is still in.
async fn all_is_well(page: &Page) {
    let log = page.text("#log").await;
    assert!(!log.contains("Theft"), "{log}");
    assert!(page.text("#in").await.contains("Ada Lovelace"));
}

/// What is left of a session in a browser: what its page may know, and its refresh token.
async fn remains(page: &Page) -> Value {
    page.run_async(
        "const reply = await window.fetch('/auth/session/refresh/demo/token');\
         return [localStorage.getItem('session-front-token'), await reply.json()];",
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn signs_in_and_refreshes_by_itself() {
    let (demo, browser) = (Demo::start(), Browser::start().await.unwrap());
    let page = ada(&demo, &browser).await;
    page.shows("Her browser got R0").await;
    expire(&demo, &page, 1).await;
    page.shows("Her browser exchanged R0 for R1").await;
    expire(&demo, &page, 2).await;
    page.shows("Her browser exchanged R1 for R2").await;
    all_is_well(&page).await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tabs_share_a_session_over_several_expiries() {
    let (demo, browser) = (Demo::start(), Browser::start().await.unwrap());
    let page = ada(&demo, &browser).await;
    let second = page.click_for_window("#second-tab").await;
    second.shows("£ 1,842.00").await;
    for round in 1..=4 {
        expire(&demo, &page, round).await;
        second
            .until(&format!(
                "document.querySelector('#refreshes').innerText === '{round}'"
            ))
            .await;
        asks_again(&second).await;
        asks_again(&page).await;
    }
    all_is_well(&page).await;
    all_is_well(&second).await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_reply_costs_nothing() {
    let (demo, browser) = (Demo::start(), Browser::start().await.unwrap());
    let page = ada(&demo, &browser).await;
    for round in 1..=2 {
        page.click("#lose").await;
        page.shows(&format!(
            "asked for a successor of R{}, and the reply was lost",
            round - 1
        ))
        .await;
        expire(&demo, &page, round).await;
    }
    all_is_well(&page).await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_theft_is_seen_when_the_attacker_was_first() {
    let (demo, browser) = (Demo::start(), Browser::start().await.unwrap());
    let page = ada(&demo, &browser).await;
    let thief = page.click_for_window("#steal").await;
    thief.shows("You hold a copy of Ada’s cookies").await;
    thief.shows("The attacker exchanged R0 for R1").await;
    thief.shows("£ 1,842.00").await;
    page.shows("The attacker exchanged R0 for R1").await;

    demo.let_access_tokens_expire().await;
    page.shows("Theft detected. This session was ended everywhere.")
        .await;
    assert_eq!(page.text("#second").await, "Ada");
    let against = page.text("#against").await;
    assert!(
        against.starts_with("R0 was presented; the line had gone on to R"),
        "{against}"
    );
    thief
        .shows("Theft detected. This session was ended everywhere.")
        .await;
    both_are_out(&page, &thief).await;

    page.click("#again-in").await;
    page.shows("Ada Lovelace").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_theft_is_seen_when_ada_was_first() {
    let (demo, browser) = (Demo::start(), Browser::start().await.unwrap());
    let page = ada(&demo, &browser).await;
    page.click("input[value=second]").await;
    let thief = page.click_for_window("#steal").await;
    thief.shows("wait until Ada has refreshed").await;
    expire(&demo, &page, 1).await;

    thief
        .shows("Theft detected. This session was ended everywhere.")
        .await;
    assert_eq!(thief.text("#second").await, "The attacker");
    assert_eq!(
        thief.text("#against").await,
        "R0 was presented; the line had gone on to R1"
    );
    page.shows("Theft detected. This session was ended everywhere.")
        .await;
    both_are_out(&page, &thief).await;
    browser.close().await;
}

/// Neither browser knows or holds anything any more, as soon as each has asked once.
async fn both_are_out(page: &Page, thief: &Page) {
    for window in [page, thief] {
        window
            .until("localStorage.getItem('session-front-token') === null")
            .await;
    }
    assert_eq!(remains(page).await, json!([null, null]));
    for window in [page, thief] {
        let status = window
            .run_async("return (await window.fetch('/api/account')).status")
            .await;
        assert_eq!(status, 401);
        let status = window
            .run_async(
                "return (await window.fetch('/auth/session/refresh', { method: 'POST' })).status",
            )
            .await;
        assert_eq!(status, 401);
        assert_eq!(remains(window).await, json!([null, null]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_in_one_tab_ends_the_other() {
    let (demo, browser) = (Demo::start(), Browser::start().await.unwrap());
    let page = ada(&demo, &browser).await;
    let second = page.click_for_window("#second-tab").await;
    second.shows("£ 1,842.00").await;
    page.click("#sign-out").await;
    page.shows("Sign in. Then be the attacker.").await;
    second.shows("Sign in. Then be the attacker.").await;
    assert_eq!(remains(&second).await, json!([null, null]));
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_site_sends_is_refused() {
    let (demo, browser) = (Demo::start(), Browser::start().await.unwrap());
    let page = ada(&demo, &browser).await;
    let evil = page.click_for_window("#second-tab").await;
    evil.goto(demo.attackers_url()).await;
    for path in ["/auth/signout/all", "/auth/session/refresh", "/api/login"] {
        let form = format!(
            "const form = document.createElement('form'); form.method = 'post'; form.action = '{}{path}';\
             document.body.append(form); form.submit();",
            demo.url()
        );
        evil.run(&form).await;
        evil.shows("this request comes from another site").await;
        evil.goto(demo.attackers_url()).await;
    }
    asks_again(&page).await;
    all_is_well(&page).await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_script_can_read_a_token() {
    let (demo, browser) = (Demo::start(), Browser::start().await.unwrap());
    let page = ada(&demo, &browser).await;
    expire(&demo, &page, 1).await;
    let readable = page.run("return [document.cookie, JSON.stringify(localStorage), JSON.stringify(sessionStorage)]").await;
    let cookies = readable[0].as_str().unwrap();
    assert!(
        cookies.starts_with("sFrontTokenHash=") && cookies.len() == 32,
        "{cookies}"
    );
    assert_eq!(page.text("#readable").await, "no token: both are HttpOnly");

    let mut access = page.cookies().await;
    access.retain(|cookie| cookie.name() != "sFrontTokenHash");
    assert_eq!(access.len(), 1, "the refresh token is for one path only");
    page.goto(&format!("{}/auth/session/refresh/demo/token", demo.url()))
        .await;
    let mut all = page.cookies().await;
    all.retain(|cookie| cookie.name() != "sFrontTokenHash");
    all.sort_by(|a, b| a.name().cmp(b.name()));
    let names: Vec<_> = all
        .iter()
        .map(|cookie| (cookie.name(), cookie.path()))
        .collect();
    assert_eq!(
        names,
        [
            ("sAccessToken", Some("/")),
            ("sRefreshToken", Some("/auth/session/refresh"))
        ]
    );
    for cookie in &all {
        assert_eq!(cookie.http_only(), Some(true));
        assert_eq!(
            cookie.same_site().map(|site| site.to_string()).as_deref(),
            Some("Lax")
        );
        assert!(
            !readable.to_string().contains(cookie.value()),
            "{}",
            cookie.name()
        );
    }
    browser.close().await;
}
