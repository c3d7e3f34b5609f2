//! The demo, as people use it. What the browser sees of a theft is what the service sees.

use std::time::Duration;

use browser_tests::{Browser, Demo, First, Page, THEMES, npm, tour};
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
    let (demo, browser) = (Demo::start().await, Browser::start().await.unwrap());
    let page = ada(&demo, &browser).await;
    page.shows("Her browser got R0").await;
    let plot = "You are Ada. Every 5 to 10 s your browser swaps its refresh token for a new one, now R0. Steal it, and see \
                who swaps first.";
    assert_eq!(page.text("#plot").await, plot);
    assert_eq!(focused(&page).await, "Signed in as Ada Lovelace");
    assert_eq!(page.text("#due").await, "Ada swaps in 10 s");
    let above = "document.querySelector('#drawing').getBoundingClientRect().bottom < \
                 document.querySelector('#facts').getBoundingClientRect().top";
    page.until(above).await;
    expire(&demo, &page, 1).await;
    page.shows("Ada’s browser swapped R0 for R1").await;
    expire(&demo, &page, 2).await;
    page.shows("Ada’s browser swapped R1 for R2").await;
    all_is_well(&page).await;

    // What happened can be read with the keyboard alone.
    page.run("document.activeElement.blur()").await;
    let is_there = "return document.activeElement.id === 'log'";
    let mut tabs = 0;
    while page.run(is_there).await != true {
        page.client()
            .active_element()
            .await
            .unwrap()
            .send_keys("\u{e004}")
            .await
            .unwrap();
        tabs += 1;
        assert!(tabs < 20, "the tab key never gets to the log");
    }
    browser.close().await;
}

/// The text of what has the keyboard's focus: a screen reader reads it out.
async fn focused(page: &Page) -> String {
    let text = page.run("return document.activeElement.innerText").await;
    text.as_str().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_screen_is_accessible_and_fits() {
    let axe = npm::axe().expect("axe-core can be had");
    for (theme, argument) in THEMES {
        let browser = Browser::start_with(&[argument, "--force-prefers-reduced-motion"]).await;
        let browser = browser.unwrap();
        tour(&browser, Demo::start().await, First::Ada, async |screen: &str, page: &Page| {
            let dark = "return matchMedia('(prefers-color-scheme: dark)').matches";
            assert_eq!(page.run(dark).await, theme == "dark");
            page.run(&axe).await;
            for (width, height) in [(1280, 800), (390, 800)] {
                page.resize(width, height).await;
                let findings = "return (await axe.run()).violations.map((v) => [v.id, v.nodes.map((n) => n.html)])";
                let found = page.run_async(findings).await;
                assert_eq!(found, json!([]), "{screen}, {theme}, {width} px");
                // On a small screen one scrolls down, and sideways in the drawing.
                let selector = if width == 390 { "html" } else { "html, .drawing, #log" };
                let too_large = format!(
                    "return [...document.querySelectorAll('{selector}')].filter((e) => e.scrollWidth > e.clientWidth \
                     || ({width} > 390 && e.scrollHeight > e.clientHeight)).map((e) => e.outerHTML.slice(0, 60))"
                );
                let found = page.run(&too_large).await;
                assert_eq!(found, json!([]), "{screen}, {theme}, {width} px");
            }
        })
        .await;
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_scripts_a_sentence_says_so() {
    let demo = Demo::start().await;
    let browser = Browser::start_with(&["--blink-settings=scriptEnabled=false"]).await;
    let browser = browser.unwrap();
    let page = browser.visit(&demo.url()).await;
    let text = page.element_text("main").await;
    assert!(text.starts_with("This demo needs JavaScript"), "{text}");
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_that_is_blocked_steals_nothing() {
    let demo = Demo::start().await;
    let browser = Browser::start_with_popups_blocked().await.unwrap();
    let page = ada(&demo, &browser).await;
    // The first window uses up what a click allows.
    page.run("open('about:blank'); document.querySelector('#steal').click()")
        .await;
    page.shows("Nothing was stolen").await;
    asks_again(&page).await;
    assert!(!page.text("#log").await.contains("stolen"));
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_theft_shortly_before_a_swap_waits_for_it() {
    let (demo, browser) = (Demo::start().await, Browser::start().await.unwrap());
    let page = ada(&demo, &browser).await;
    let due = "const key = 'session-front-token', token = JSON.parse(atob(localStorage.getItem(key)));\
               localStorage.setItem(key, btoa(JSON.stringify({ ...token, ate: Date.now() + 2000 })));";
    page.run(due).await;
    page.until("document.querySelector('#due').innerText === 'Ada swaps first'")
        .await;
    let thief = page.click_for_window("#steal").await;
    thief.shows("Two browsers hold R1 now").await;
    page.shows("Ada’s browser swapped R0 for R1").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tabs_share_a_session_over_several_expiries() {
    let (demo, browser) = (Demo::start().await, Browser::start().await.unwrap());
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
    let (demo, browser) = (Demo::start().await, Browser::start().await.unwrap());
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
    let (demo, browser) = (Demo::start().await, Browser::start().await.unwrap());
    let page = ada(&demo, &browser).await;
    let thief = page.click_for_window("#steal").await;
    thief.shows("You hold a copy of Ada’s cookies").await;
    thief
        .shows("The attacker’s browser swapped R0 for R1")
        .await;
    thief.shows("£ 1,842.00").await;
    page.shows("The attacker’s browser swapped R0 for R1").await;

    demo.let_access_tokens_expire().await;
    page.shows("Theft detected. This session was ended everywhere.")
        .await;
    assert_eq!(
        focused(&page).await,
        "Theft detected. This session was ended everywhere."
    );
    for window in [&page, &thief] {
        window.shows("Ada’s browser, which showed R0").await;
        window
            .shows("R0 had been swapped for R1 by the attacker")
            .await;
        window
            .until(
                "/^\\d+\\.\\d s after the copy$/.test(document.querySelector('#took').innerText)",
            )
            .await;
    }
    assert_eq!(
        focused(&thief).await,
        "You are out. Your copy is worthless."
    );
    both_are_out(&page, &thief).await;

    page.click("#again-in").await;
    page.shows("Ada Lovelace").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_theft_is_seen_when_ada_was_first() {
    let (demo, browser) = (Demo::start().await, Browser::start().await.unwrap());
    let page = ada(&demo, &browser).await;
    page.click("input[value=second]").await;
    let thief = page.click_for_window("#steal").await;
    thief.shows("wait until she has swapped it").await;
    // Either may load the page anew, with an expired token, too: that swaps nothing, and they find each other again.
    page.goto("about:blank").await;
    demo.let_access_tokens_expire().await;
    demo.thaw().await;
    thief.goto(demo.attackers_url()).await;
    thief.shows("wait until she has swapped it").await;
    page.goto(&demo.url()).await;
    page.shows("swapped R0 for R1").await;

    thief.shows("You are out. Your copy is worthless.").await;
    thief.shows("the attacker’s browser, which showed R0").await;
    thief.shows("R0 had been swapped for R1 by Ada").await;
    page.shows("Theft detected. This session was ended everywhere.")
        .await;
    both_are_out(&page, &thief).await;
    browser.close().await;
}

/// Ada has signed in with the session bound to a key of her browser.
async fn bound_ada(demo: &Demo, browser: &Browser) -> Page {
    let page = browser.visit(&demo.url()).await;
    page.click("#bind").await;
    page.click("#sign-in").await;
    page.shows("key in software: it stands for the key in the device’s chip")
        .await;
    page.shows("bound the session to its key").await;
    page.shows("£ 1,842.00").await;
    page
}

/// Lets the access token of a bound session expire, and its marker with it; waits until the page has refreshed and goes on.
async fn expire_bound(demo: &Demo, page: &Page) {
    let count = "Number(document.querySelector('#refreshes').innerText)";
    let before = page.run(&format!("return {count}")).await;
    demo.let_access_tokens_expire().await;
    page.run("document.cookie = 'sDevice=; Path=/; Max-Age=0'")
        .await;
    page.until(&format!("{count} > {before}")).await;
    asks_again(page).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_a_bound_session_is_refused_at_once() {
    let (demo, browser) = (Demo::start().await, Browser::start().await.unwrap());
    let page = bound_ada(&demo, &browser).await;
    let key = "const open = indexedDB.open('demo-key'); await new Promise((done) => { open.onsuccess = done; });\
               const get = open.result.transaction('keys').objectStore('keys').get(0);\
               await new Promise((done) => { get.onsuccess = done; });\
               open.result.close(); return crypto.subtle.exportKey('jwk', get.result.key)";
    let exported = page.run_async(key).await.to_string();
    assert!(exported.contains("InvalidAccessError"), "{exported}");
    assert_eq!(demo.logged("device_proof"), 0, "an honest page is no alarm");

    let thief = page.click_for_window("#steal").await;
    thief.shows("Your copy is worthless.").await;
    assert_eq!(focused(&thief).await, "Your copy is worthless.");
    let why = thief.text("#explained").await;
    let key = "This session is bound to a key that never leaves Ada’s browser.";
    assert!(why.starts_with(key), "{why}");
    page.shows("A copy of your cookies was tried, and refused")
        .await;
    for window in [&page, &thief] {
        window
            .shows("without a signature of Ada’s key, and was refused")
            .await;
    }
    assert!(demo.logged("device_proof_missing") > 0);

    for _ in 0..2 {
        expire_bound(&demo, &page).await;
        all_is_well(&page).await;
    }
    // The copied access token has expired with Ada's, and brings no other one, nor does a key of the attacker's own.
    let tries = "const post = (path, headers) => window.fetch(path, { method: 'POST', headers });\
                 const part = (json) => btoa(JSON.stringify(json)).replaceAll('=', '');\
                 const proof = [part({ alg: 'ES256', typ: 'dbsc+jwt' }), part({ jti: 'x' }), 'A'.repeat(86)].join('.');\
                 const headers = { 'secure-session-response': proof };\
                 const bind = '/auth/session/refresh/bind', route = '/auth/session/refresh/demo/browser';\
                 const all = [window.fetch('/api/account'), post('/auth/session/refresh'), post(bind, headers),\
                   post(route + bind, headers), post(route + '/auth/session/refresh/device', headers)];\
                 return (await Promise.all(all)).map((reply) => reply.status)";
    assert_eq!(
        thief.run_async(tries).await,
        json!([401, 503, 403, 401, 401])
    );
    asks_again(&page).await;
    all_is_well(&page).await;
    assert_eq!(demo.logged("token_theft_detected"), 0);
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bound_session_goes_on_in_tabs_and_by_a_fresh_login() {
    let (demo, browser) = (Demo::start().await, Browser::start().await.unwrap());
    let page = bound_ada(&demo, &browser).await;
    let second = page.click_for_window("#second-tab").await;
    second.shows("£ 1,842.00").await;
    expire_bound(&demo, &second).await;
    asks_again(&page).await;
    page.click("#show-devices").await;
    page.shows("bound to its key").await;
    demo.advance(Duration::from_secs(30)).await;
    page.run("document.cookie = 'sDevice=; Path=/; Max-Age=0'")
        .await;
    page.click("#close-account").await;
    page.click("#sign-in-again").await;
    page.shows("the account would be closed now").await;
    page.shows("bound to its key").await;
    page.click("#hide-devices").await;
    for window in [&page, &second] {
        expire_bound(&demo, window).await;
        all_is_well(window).await;
    }
    // The next session is bound only if that is asked for.
    page.click("#sign-out").await;
    second.shows("Sign in. Then be the attacker.").await;
    page.click("#bind").await;
    page.click("#sign-in").await;
    page.shows("£ 1,842.00").await;
    expire(&demo, &page, 1).await;
    assert!(!page.text("body").await.contains("key in software"));
    all_is_well(&page).await;
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
    let (demo, browser) = (Demo::start().await, Browser::start().await.unwrap());
    let page = ada(&demo, &browser).await;
    let second = page.click_for_window("#second-tab").await;
    second.shows("£ 1,842.00").await;
    page.click("#sign-out").await;
    page.shows("Sign in. Then be the attacker.").await;
    second.shows("Sign in. Then be the attacker.").await;
    assert_eq!(remains(&second).await, json!([null, null]));
    browser.close().await;
}

/// Ada in another browser, and how the list of devices says how many there are of them.
async fn on_two_devices(demo: &Demo) -> [(Browser, Page); 2] {
    let here = Browser::start().await.expect("a browser starts");
    let page = ada(demo, &here).await;
    let there = Browser::start().await.expect("a browser starts");
    let other = ada(demo, &there).await;
    page.click("#show-devices").await;
    devices(&page, 2).await;
    [(here, page), (there, other)]
}

async fn devices(page: &Page, count: usize) {
    page.until(&format!(
        "document.querySelectorAll('#device-list li').length === {count}"
    ))
    .await;
    let list = page.text("#device-list").await;
    assert!(
        list.starts_with("Chrome on Linux this one\nactive now, until "),
        "{list}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_device_signs_another_one_out() {
    let demo = Demo::start().await;
    let [(here, page), (there, other)] = on_two_devices(&demo).await;
    page.click("#device-list button").await;
    page.shows("That device is signed out.").await;
    devices(&page, 1).await;
    other.shows("This session has ended").await;
    assert_eq!(remains(&other).await, json!([null, null]));
    all_is_well(&page).await;
    // Whose session it is counts, and this one is nobody's.
    let status = "return (await window.fetch('/api/devices/end', { method: 'POST', body: '{\"handle\":\"x\"}' })).status";
    assert_eq!(page.run_async(status).await, 404);
    assert_eq!(other.run_async(status).await, 401);
    here.close().await;
    there.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_device_signs_all_others_out() {
    let demo = Demo::start().await;
    let [(here, page), (there, other)] = on_two_devices(&demo).await;
    page.click("#end-others").await;
    page.shows("All other devices are signed out.").await;
    devices(&page, 1).await;
    assert_eq!(
        page.run("return document.querySelector('#end-others').disabled")
            .await,
        true
    );
    other.shows("This session has ended").await;
    // Ended in its turn, the session closes the list.
    other.click("#again-in").await;
    other.shows("£ 1,842.00").await;
    other.click("#show-devices").await;
    other.click("#end-others").await;
    page.shows("This session has ended").await;
    page.until("!document.querySelector('#devices').open").await;
    here.close().await;
    there.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stays_signed_in_needs_no_requests() {
    let demo = Demo::start().await;
    for (stays, end) in [(true, "stays signed in"), (false, "at most")] {
        let browser = Browser::start().await.unwrap();
        let page = browser.visit(&demo.url()).await;
        if stays {
            page.click("#stay").await;
        }
        page.click("#sign-in").await;
        page.shows("£ 1,842.00").await;
        page.click("#show-devices").await;
        page.shows(end).await;
        // Half an hour in which the browser is off.
        page.goto("about:blank").await;
        demo.advance(Duration::from_secs(1801)).await;
        page.goto(&demo.url()).await;
        if stays {
            page.shows("swapped R0 for R1").await;
            all_is_well(&page).await;
        } else {
            page.shows("This session has ended").await;
            assert_eq!(remains(&page).await, json!([null, null]));
        }
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn something_dangerous_takes_a_fresh_login() {
    let (demo, browser) = (Demo::start().await, Browser::start().await.unwrap());
    let page = ada(&demo, &browser).await;
    let before = remains(&page).await;
    page.click("#show-devices").await;
    page.click("#close-account").await;
    page.shows("The login was fresh").await;
    // A refresh makes a login no fresher.
    expire(&demo, &page, 1).await;
    expire(&demo, &page, 2).await;
    page.click("#close-account").await;
    page.shows("Ada’s login is 22 s old. The account stays")
        .await;
    assert_eq!(focused(&page).await, "Sign in once more");
    page.click("#sign-in-again").await;
    page.shows("The login was fresh").await;
    assert_eq!(focused(&page).await, "Close the account");
    page.shows("Her session goes on as a new one, with R0")
        .await;
    assert_ne!(remains(&page).await, before);
    devices(&page, 1).await;
    expire(&demo, &page, 1).await;
    all_is_well(&page).await;
    browser.close().await;
}

/// Its reply would clear the cookies, whoever's they are by then.
#[tokio::test(flavor = "multi_thread")]
async fn a_click_waits_for_the_poll_that_is_on_its_way_in_any_tab() {
    let (demo, browser) = (Demo::start().await, Browser::start().await.unwrap());
    let page = ada(&demo, &browser).await;
    let second = page.click_for_window("#second-tab").await;
    second.shows("£ 1,842.00").await;
    for polls in [&page, &second] {
        // One poll is answered when the test says so.
        polls
            .run(
                "const send = window.fetch;\
                 window.fetch = async (input, init) => {\
                   if (new URL(input.url ?? input, location.href).pathname === '/api/account') {\
                     window.fetch = send;\
                     await new Promise((resolve) => { window.answer = resolve; });\
                   }\
                   return send(input, init);\
                 };",
            )
            .await;
        polls.until("window.answer").await;
        page.run(
            "const send = window.fetch; window.sent = [];\
             window.fetch = (input, init) => { window.sent.push(input.url); return send(input, init); };",
        )
        .await;
        page.click("#sign-out").await;
        assert_eq!(page.run("return window.sent").await, json!([]));
        polls.run("window.answer()").await;
        page.shows("Sign in. Then be the attacker.").await;
        page.until("window.sent.some((url) => url.endsWith('/auth/signout'))")
            .await;
        page.click("#sign-in").await;
        page.shows("£ 1,842.00").await;
    }
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_site_sends_is_refused() {
    let (demo, browser) = (Demo::start().await, Browser::start().await.unwrap());
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
    let (demo, browser) = (Demo::start().await, Browser::start().await.unwrap());
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
