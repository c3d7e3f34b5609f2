//! TR1: with API keys configured every route asks for one, before it reads the body.

use bytes::Bytes;
use http::Method;
use http_body_util::Full;
use session_core::domain::secret::testing::comparisons_in;

use super::{ENDPOINTS, Site, Untouchable};

const ONE: &str = "the-first-api-key";
const TWO: &str = "the-second-api-key";

fn site() -> Site {
    Site::new(&[("api_keys", "the-first-api-key, the-second-api-key")])
}

/// Ways to show a key.
fn shown(key: &str) -> [(&'static str, Vec<u8>); 3] {
    [
        ("authorization", format!("Bearer {key}").into_bytes()),
        ("authorization", format!("bEARER {key}").into_bytes()),
        ("api-key", key.as_bytes().to_vec()),
    ]
}

#[test]
fn without_a_right_key_nothing_is_read_or_told() {
    let site = site();
    let mut wrong: Vec<Vec<(&str, Vec<u8>)>> = vec![
        Vec::new(),
        vec![("authorization", ONE.into())],
        vec![("authorization", b"Basic dGhlLWZpcnN0LWFwaS1rZXk=".to_vec())],
        vec![("authorization", b"Bearer".to_vec())],
        vec![(
            "authorization",
            b"\xff\xff\xff\xff\xff\xff\xff\xff".to_vec(),
        )],
        vec![("x-api-key", ONE.into())],
    ];
    let longer = format!("{ONE}x");
    for key in [
        "",
        &ONE[..16],
        &longer,
        &ONE.to_uppercase(),
        &format!("{ONE},{TWO}"),
        "the-third-api-key",
    ] {
        wrong.extend(shown(key).map(|header| vec![header]));
    }
    // A wrong bearer is not made good by a right key beside it.
    let [bearer, ..] = shown("wrong-wrong-wrong");
    wrong.push(vec![bearer, ("api-key", ONE.into())]);
    let others = [
        (Method::GET, "/nowhere", ""),
        (Method::PATCH, "/session", ""),
    ];
    for headers in &wrong {
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (*name, &value[..]))
            .collect();
        for (method, path, _) in ENDPOINTS.into_iter().chain(others.clone()) {
            let reply = site.send_with(&method, path, &headers, Untouchable);
            let message = "a valid API key is required, as authorization: Bearer or api-key";
            assert_eq!(
                reply.error(),
                (401, "unauthenticated", message),
                "{headers:?}"
            );
            assert_eq!(reply.headers["www-authenticate"], "Bearer");
        }
    }
    assert_eq!(site.store.calls(), [""; 0]);
}

#[test]
fn each_of_two_keys_opens_every_route() {
    let site = site();
    for key in [ONE, TWO] {
        for (header, value) in shown(key) {
            for (method, path, body) in ENDPOINTS {
                let body = Full::new(Bytes::from(body));
                let reply = site.send_with(&method, path, &[(header, &value[..])], body);
                assert_eq!(reply.status, 200, "{method} {path}");
            }
            let reply = site.send_with(
                &Method::GET,
                "/nowhere",
                &[(header, &value[..])],
                Untouchable,
            );
            assert_eq!(reply.status, 404);
        }
    }
}

/// SE3: the time does not tell which key came close.
#[test]
fn all_keys_are_compared_whichever_is_shown() {
    let site = site();
    for key in [ONE, TWO, "the-third-api-key"] {
        let header = [("api-key", key.as_bytes())];
        let send = || site.send_with(&Method::GET, "/nowhere", &header, Untouchable);
        assert_eq!(comparisons_in(send).1, [32, 32], "{key}");
    }
}

#[test]
fn probes_need_none() {
    let site = site();
    for path in ["/health", "/ready"] {
        assert_eq!(
            site.send_with(&Method::GET, path, &[], Untouchable).status,
            200
        );
    }
}
