//! What must not pass: the other protocol's things, forged keys, other algorithms.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use serde_json::{Value, json};

use super::{GET, Held, POST, PUT, Site, part, site};

/// What one API's callers present to the other is unknown there, and takes no look at the database.
#[test]
fn sessions_of_the_two_protocols_are_strangers() {
    let site = site();
    let (held, native) = (site.new_held(), site.login(""));
    site.forget_calls();
    let text = |path: &str| native.at(path).as_str().unwrap().to_owned();
    assert_eq!(
        site.verify(&json!(held.access)).at("status"),
        "TRY_REFRESH_TOKEN"
    );
    assert_eq!(
        site.refresh(&json!(held.refresh)).at("status"),
        "UNAUTHORISED"
    );
    assert_eq!(
        site.check(&text("accessToken.value"), true).json["status"],
        "TRY_REFRESH_TOKEN"
    );
    assert_eq!(
        site.renew(&text("refreshToken.value")).json["status"],
        "UNAUTHORISED"
    );
    let path = format!("/session/data?sessionHandle={}", held.handle);
    assert_eq!(site.send(&GET, &path, "").at("status"), "UNAUTHORISED");
    let body = json!({"sessionHandle": held.handle}).to_string();
    assert_eq!(
        site.send(&Method::DELETE, "/session", &body)
            .at("deletedAnyEntry"),
        false
    );
    for path in ["/session/data", "/session/payload"] {
        assert_eq!(site.send(&PUT, path, &body).at("status"), "UNAUTHORISED");
    }
    let handle = text("session.handle");
    let path = format!("/recipe/session?sessionHandle={handle}");
    assert_eq!(site.says(GET, &path, &Value::Null), "UNAUTHORISED");
    let body = json!({"sessionHandle": handle, "userDataInJWT": {}, "userDataInDatabase": {}});
    assert_eq!(site.says(PUT, "/recipe/jwt/data", &body), "UNAUTHORISED");
    assert_eq!(
        site.says(PUT, "/recipe/session/data", &body),
        "UNAUTHORISED"
    );
    let answer = site.call(
        POST,
        "/recipe/session/remove",
        &json!({"sessionHandles": [handle]}),
    );
    assert_eq!(answer.json["sessionHandlesRevoked"], json!([]));
    assert!(site.store.calls().is_empty());
    // A user's are removed by either.
    site.send(&Method::DELETE, "/session/all", r#"{"userId":"ada"}"#);
    assert_eq!(site.renew(&held.refresh).json["status"], "UNAUTHORISED");
    site.call(POST, "/recipe/session/remove", &json!({"userId": "bob"}));
    assert_eq!(site.verify_with_database(&handle), "UNAUTHORISED");
}

impl Site {
    /// Whether a native session is there.
    fn verify_with_database(&self, handle: &str) -> String {
        let path = format!("/session/data?sessionHandle={handle}");
        self.send(&GET, &path, "")
            .at("status")
            .as_str()
            .unwrap()
            .to_owned()
    }
}

/// Names of keys that don't exist cause a look at the key table now and then, not one each.
#[test]
fn forged_key_names_and_algorithms_do_no_work() {
    let site = site();
    let held = site.new_held();
    let (_, rest) = held.access.split_once('.').unwrap();
    site.platform.advance(Duration::from_secs(6));
    site.forget_calls();
    for number in 0..50 {
        for (alg, end) in [("EdDSA", "-ed"), ("ES256", "-es")] {
            let header =
                format!(r#"{{"alg":"{alg}","typ":"JWT","version":"5","kid":"d-{number}9{end}"}}"#);
            let forged = format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header));
            assert_eq!(
                site.check(&forged, true).json["status"],
                "TRY_REFRESH_TOKEN"
            );
        }
    }
    assert_eq!(site.store.calls(), ["keys"]);
    for header in [
        r#"{"alg":"none","typ":"JWT","version":"5","kid":"d-1-ed"}"#,
        r#"{"alg":"HS256","typ":"JWT","version":"5","kid":"d-1-ed"}"#,
        r#"{"alg":"ES256","typ":"JWT","version":"5","kid":"d-1-es"}"#,
        r#"{"alg":"EdDSA","typ":"JWT","version":"5","kid":"s-1-ed"}"#,
        r#"{"alg":"EdDSA","typ":"JWT","version":5,"kid":"d-1-ed"}"#,
    ] {
        let forged = format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header));
        assert_eq!(
            site.check(&forged, false).json["status"],
            "TRY_REFRESH_TOKEN",
            "{header}"
        );
    }
    site.platform.advance(Duration::from_secs(3600));
    assert_eq!(
        site.check(&held.access, true).json["status"],
        "TRY_REFRESH_TOKEN",
        "expired"
    );
}

#[test]
fn keys_are_published_for_both_classes_and_change_with_the_algorithm() {
    for master in [
        "",
        "a master key of thirty-two bytes!",
        "database,a master key of thirty-two bytes!",
    ] {
        for algorithm in ["", "EdDSA", "ES256"] {
            let settings = [
                ("cdi", "true"),
                ("access_token_algorithm", algorithm),
                ("master_key", master),
            ];
            let site = Site::new(&settings);
            let answer = site.cdi("", GET, "/.well-known/jwks.json", &Value::Null);
            assert_eq!(answer.cache.as_deref(), Some("max-age=60, must-revalidate"));
            let kids: Vec<_> = answer.json["keys"]
                .as_array()
                .unwrap()
                .iter()
                .map(|key| {
                    assert_eq!(key["use"], "sig");
                    assert!(key.get("d").is_none());
                    key["kid"].as_str().unwrap().to_owned()
                })
                .collect();
            for dynamic in [true, false] {
                let access = Held::of(&site.create_with("5.4", false, dynamic)).access;
                let kid = part(&access, 0)["kid"].as_str().unwrap().to_owned();
                assert!(kid.starts_with(if dynamic { "d-" } else { "s-" }), "{kid}");
                assert!(kids.contains(&kid), "{kid} of {kids:?}");
            }
            site.forget_calls();
            for _ in 0..20 {
                site.cdi("", GET, "/appid-public/.well-known/jwks.json", &Value::Null);
            }
            assert!(site.store.calls().is_empty());
        }
    }
}
