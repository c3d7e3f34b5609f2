//! What holds of every request: properties of the edge's pure rules.

use std::time::Duration;

use http::header::COOKIE;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::super::cookies::{Cookies, remove_tokens};
use super::super::{Settings, csrf, identity};
use super::{Browser, World};

/// What a client may put between two semicolons.
fn pair() -> impl Strategy<Value = Vec<u8>> {
    let ours = "(__Host-|__Secure-)?s((Access|Refresh)Token|FrontTokenHash|Refreshed)=[a-zA-Z0-9._~-]{0,9}";
    let similar = "[ \t]{0,2}(__host-|__Secure-|x)?s(Access|Refresh)Tokens?[ \t]?[=x]?[a-z\"]{0,5}";
    prop_oneof![
        ours.prop_map(String::into_bytes),
        similar.prop_map(String::into_bytes),
        vec(
            select(
                (b'!'..=255)
                    .filter(|b| ![b';', 127].contains(b))
                    .collect::<Vec<_>>()
            ),
            0..12
        ),
    ]
}

/// The `Cookie` lines of a request.
fn cookie_lines() -> impl Strategy<Value = HeaderMap> {
    vec(vec(pair(), 0..6), 0..3).prop_map(|lines| {
        let lines = lines.iter().map(|pairs| pairs.join(&b"; "[..]));
        let lines = lines.filter_map(|line| Some((COOKIE, HeaderValue::from_bytes(&line).ok()?)));
        lines.collect()
    })
}

fn pairs(headers: &HeaderMap) -> Vec<Vec<u8>> {
    let lines = headers.get_all(COOKIE).iter();
    let pairs = lines.flat_map(|line| line.as_bytes().split(|b| *b == b';'));
    let pairs = pairs.map(|pair| pair.trim_ascii().to_vec());
    pairs.filter(|pair| !pair.is_empty()).collect()
}

/// By the standard's words rather than the code's: the name ends at the first `=`, and spaces around it don't count.
fn is_ours(pair: &[u8]) -> bool {
    let text = String::from_utf8_lossy(pair);
    let name = text
        .split('=')
        .next()
        .unwrap_or_default()
        .trim_matches([' ', '\t']);
    let names = [
        "sAccessToken",
        "sRefreshToken",
        "sFrontTokenHash",
        "sRefreshed",
    ];
    ["", "__Host-", "__Secure-"]
        .iter()
        .any(|prefix| names.iter().any(|n| format!("{prefix}{n}") == name))
}

proptest! {
    #[test]
    fn the_site_sees_every_cookie_but_the_tokens(headers in cookie_lines()) {
        let expected: Vec<_> = pairs(&headers).into_iter().filter(|pair| !is_ours(pair)).collect();
        let mut left = headers;
        remove_tokens(&mut left);
        prop_assert_eq!(pairs(&left), expected);
    }

    /// Whatever stands beside it, the edge reads what it wrote.
    #[test]
    fn an_access_token_is_read_as_it_was_set(
        before in cookie_lines(),
        token in "[a-zA-Z0-9._~-]{1,200}",
        https: bool,
    ) {
        let cookies = Cookies::new(&Settings::default(), https);
        let set = cookies.set_access(&token);
        let written = set.to_str().unwrap().split(';').next().unwrap();
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, written.try_into().unwrap());
        headers.extend(before.into_iter().map(|(_, value)| (COOKIE, value)));
        let read = cookies.access_tokens(&headers);
        prop_assert_eq!(read[0].expose(), token);
    }

    /// No name that a site could take for one of ours is left, however it is written and how often.
    #[test]
    fn nothing_that_a_client_says_of_itself_reaches_the_site(
        names in vec("[xX][-_][sS][eE][sS][sS][iI][oO][nN][-_][a-zA-Z_-]{1,12}|[a-zA-Z_-]{1,20}", 0..8),
    ) {
        let mut headers = HeaderMap::new();
        for name in &names {
            let name = HeaderName::try_from(name.as_str()).unwrap();
            headers.append(name, HeaderValue::from_static("root"));
        }
        let others = |headers: &HeaderMap| -> Vec<String> {
            let cgi = |name: &HeaderName| name.as_str().to_uppercase().replace('-', "_");
            let ours = |name: &&HeaderName| cgi(name).starts_with("X_SESSION_");
            let mut kept: Vec<_> = headers.keys().filter(|name| !ours(name)).map(cgi).collect();
            kept.sort();
            kept
        };
        let expected = others(&headers);
        identity::strip(&mut headers);
        prop_assert_eq!(headers.keys_len(), expected.len());
        prop_assert_eq!(others(&headers), expected);
    }

    /// A browser of another site never changes anything, whatever else it sends and whichever of the two headers it has.
    #[test]
    fn what_another_site_sends_changes_nothing(
        method in select(vec!["POST", "PUT", "PATCH", "DELETE", "FOO", "get"]),
        site in select(vec![None, Some("cross-site"), Some("same-site"), Some("SAME-ORIGIN"), Some("")]),
        origin in "https?://([a-z]{1,5}\\.)?(shop|evil)\\.(example|com)(:[0-9]{1,5})?|null||shop\\.example",
        more in vec(("[a-z-]{1,12}", "[a-z:/. -]{0,12}"), 0..4),
    ) {
        prop_assume!(site.is_some() || origin != "https://shop.example");
        let mut headers: HeaderMap = more
            .iter()
            .filter(|(name, _)| !name.starts_with("x-") && name != "origin" && name != "sec-fetch-site")
            .filter_map(|(name, value)| Some((name.parse().ok()?, value.parse().ok()?)))
            .collect::<Vec<(HeaderName, HeaderValue)>>()
            .into_iter()
            .collect();
        headers.insert("origin", origin.parse().unwrap());
        if let Some(site) = site {
            headers.insert("sec-fetch-site", site.parse().unwrap());
        }
        let uri = Uri::from_static("https://shop.example/buy");
        prop_assert!(csrf::is_forged(&Method::from_bytes(method.as_bytes()).unwrap(), &uri, &headers, &[]));
        prop_assert!(csrf::is_forged_original(&uri, &headers, &[]));
    }
}

/// What can happen to one browser, and to a service that comes and goes.
#[derive(Clone, Copy, Debug)]
enum Step {
    Wait(u64),
    Ask,
    Refresh,
    /// The reply does not arrive.
    LoseRefresh,
    LogIn,
    SignOut,
    ServiceFails(bool),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => select(vec![1, 61, 1800, 3600]).prop_map(Step::Wait),
        3 => Just(Step::Ask),
        3 => Just(Step::Refresh),
        1 => Just(Step::LoseRefresh),
        1 => Just(Step::LogIn),
        1 => Just(Step::SignOut),
        1 => any::<bool>().prop_map(Step::ServiceFails),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// The table of the protocol as a machine of three states: signed out, in, and in with an access token that has
    /// expired. An honest browser never loses its session, and no reply of a failing service changes what it holds.
    #[test]
    fn a_browser_is_signed_out_by_nothing_but_signing_out(steps in vec(step(), 1..25)) {
        let world = World::new(&[]);
        let mut browser = Browser::default();
        let (mut signed_in, mut fails) = (false, false);
        // The access token is good before this; what a refresh draws is only known to the front token.
        let mut good_until = 0;
        let mut now = Duration::ZERO;
        for step in steps {
            let held = browser.jar.clone();
            let fresh = signed_in && now.as_millis() < u128::from(good_until);
            let reply = match step {
                Step::Wait(secs) => {
                    world.wait(secs);
                    now += Duration::from_secs(secs);
                    continue;
                }
                Step::ServiceFails(does) => {
                    fails = does;
                    world.breaks(does.then_some(super::Broken::Answers(503, "{}")));
                    continue;
                }
                Step::LoseRefresh => {
                    browser.clone().refresh(&world);
                    continue;
                }
                Step::Ask => browser.get(&world, "/"),
                Step::Refresh => browser.refresh(&world),
                Step::LogIn => browser.log_in(&world, super::ADA),
                Step::SignOut => browser.post(&world, "/auth/signout"),
            };
            let asked = signed_in || matches!(step, Step::LogIn);
            let (status, then) = match step {
                _ if fails && asked => (StatusCode::SERVICE_UNAVAILABLE, signed_in),
                Step::Ask => {
                    let user = world.seen("x-session-user-id");
                    prop_assert_eq!(user.is_some(), fresh, "{:?}", step);
                    (StatusCode::OK, signed_in)
                }
                Step::LogIn => (StatusCode::OK, true),
                Step::Refresh if signed_in => (StatusCode::OK, true),
                Step::SignOut => (StatusCode::OK, false),
                _ => (StatusCode::UNAUTHORIZED, signed_in),
            };
            prop_assert_eq!(reply.status, status, "{:?}", step);
            signed_in = then;
            prop_assert_eq!(browser.holds_tokens(), signed_in);
            if status == StatusCode::SERVICE_UNAVAILABLE {
                prop_assert_eq!(&browser.jar, &held);
            }
            if signed_in && reply.header("front-token").is_some() {
                let start = session_core::testing::START.as_millis();
                good_until = reply.front_token()["ate"].as_u64().unwrap() - start;
            }
        }
    }
}
