//! Public keys: who keeps the set for as long as `cache-control` says can check every token; PyJWT is the judge.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use session_tests::forge::base64url;
use session_tests::prelude::*;
use session_tests::python::{self, PYJWT};

use crate::cdi::{Sdk, kids};

/// The service makes a set once a second of the monotonic clock, which no test can move.
async fn fetch(service: &Service) -> Value {
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let sdk = Sdk(service);
    let reply = sdk.send("GET", "/.well-known/jwks.json", Value::Null).await;
    assert_eq!(reply.header("cache-control"), "max-age=60, must-revalidate");
    serde_json::from_slice(&reply.body).expect("a set is JSON")
}

/// One process signs, another one is asked for the keys, and no tick makes the next one ahead of time.
#[test_on(sqlite)]
async fn a_set_of_a_minute_ago_has_the_key_of_every_token(db: Backend) {
    let place = db.place().await;
    let start = || {
        place
            .service()
            .real_timers()
            .set("cdi", true)
            .set("access_token_signing_key_update_interval", 1)
            .one_instance()
    };
    let (signs, publishes) = (start().start().await, start().start().await);
    let start = signs.freeze().await;
    publishes.freeze_at(start).await;
    Sdk(&signs).create("ada").await;
    let (mut set, mut seen) = (Value::Null, BTreeSet::new());
    let mut last = None;
    for step in 0..30 {
        let now = start + 59 * MINUTE + step * 10 * SECOND;
        for process in [&signs, &publishes] {
            process.freeze_at(now).await;
        }
        if step % 6 == 1 {
            set = fetch(&publishes).await;
        }
        let held = Sdk(&signs).create("ada").await;
        // So that its keys are those of another moment than the set.
        assert_eq!(
            Sdk(&publishes).verify(&held.access, true).await["status"],
            "OK"
        );
        let kid = Jwt::parse(&held.access).kid();
        if step > 0 {
            assert!(kids(&set).contains(&kid), "step {step}: {kid} of {set}");
            if seen.insert(kid) && seen.len() == 2 {
                let before: String = last.take().expect("another key signed before");
                for token in [before, held.access.clone()] {
                    assert_eq!(judged(&token, &set).await["sub"], "ada");
                }
            }
            last = Some(held.access);
        }
    }
    assert_eq!(seen.len(), 2, "the key has changed: {seen:?}");
}

#[test_on(everywhere)]
async fn pyjwt_checks_tokens_of_both_apis_and_all_algorithms(db: Backend) {
    for algorithm in ["HS256", "EdDSA", "ES256"] {
        let public = algorithm != "HS256";
        let setup = db.service().set("cdi", public);
        let setup = setup.set("access_token_algorithm", algorithm);
        let service = setup.start().await;
        let payload = r#"{"role":"admin","name":"Zoë 🦀","n":9007199254740993}"#;
        let native = service.create_with_payload("ada 🦀", payload).await;
        let child = service.child(&native).await;
        let confirmed = service.expect_good(&child).await;
        let replaced = confirmed.string("newAccessToken.value");
        let mut tokens = vec![native.access.value, child.access.value, replaced];
        let set = if public {
            tokens.push(Sdk(&service).create("ada 🦀").await.access);
            Sdk(&service).key_set().await
        } else {
            let key = service.tables().signing_keys().await.remove(0);
            let secret = base64url(&key.bytes());
            json!({"keys": [{"kty": "oct", "alg": "HS256", "kid": key.kid(), "k": secret}]})
        };
        for token in tokens {
            let parsed = Jwt::parse(&token);
            assert!(parsed.header.contains(&format!(r#""alg":"{algorithm}""#)));
            assert_eq!(judged(&token, &set).await, parsed.claims);
        }
    }
}

const JUDGE: &str = "
import json, jwt, sys
token, keys = sys.argv[1:]
header = jwt.get_unverified_header(token)
key = jwt.PyJWKSet.from_dict(json.loads(keys))[header['kid']]
times = {'verify_exp': False, 'verify_iat': False, 'require': ['exp', 'iat', 'sub']}
print(json.dumps(jwt.decode(token, key, algorithms=[header['alg']], options=times)))
end = 'B' if token[-9] == 'A' else 'A'
try:
    jwt.decode(token[:-9] + end + token[-8:], key, algorithms=[header['alg']], options=times)
    sys.exit('another signature was accepted')
except jwt.InvalidSignatureError:
    pass
";

/// The claims of a token as PyJWT reads them with the keys of a set. Times are not judged: the service's clock was moved.
async fn judged(token: &str, set: &Value) -> Value {
    let arguments = vec![token.to_owned(), set.to_string()];
    let claims = python::run(PYJWT, JUDGE, arguments).await;
    serde_json::from_str(&claims).expect("the script prints JSON")
}
