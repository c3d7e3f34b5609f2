//! Versions, forms of requests, and errors.

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{GET, Held, POST, PUT, Site, part, site};

#[test]
fn without_the_setting_there_are_no_such_paths() {
    let site = Site::new(&[]);
    for path in [
        "/recipe/session",
        "/apiversion",
        "/hello",
        "/.well-known/jwks.json",
    ] {
        assert_eq!(
            site.call(GET, path, &Value::Null).status,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
}

#[test]
fn versions_are_announced_and_others_refused() {
    let site = site();
    let answer = site.cdi("", GET, "/apiversion?websiteDomain=x", &Value::Null);
    let eight = ["3.0", "3.1", "4.0", "5.0", "5.1", "5.2", "5.3", "5.4"];
    assert_eq!(answer.json, json!({"versions": eight}));
    for version in eight.into_iter().chain([""]) {
        let access = Held::of(&site.create_with(version, false, true)).access;
        let has_recipe_user = !version.starts_with('3');
        let header = part(&access, 0);
        assert_eq!(
            header["version"],
            if has_recipe_user { "5" } else { "4" },
            "{version}"
        );
        assert_eq!(part(&access, 1).get("rsub").is_some(), has_recipe_user);
        let body = json!({"refreshToken": "x", "enableAntiCsrf": false});
        let refresh = site.cdi(version, POST, "/recipe/session/refresh", &body);
        let needs_choice = version.is_empty() || version.starts_with('5');
        assert_eq!(
            refresh.status == StatusCode::BAD_REQUEST,
            needs_choice,
            "{version}"
        );
    }
    for wrong in ["2.21", "5.5", "5.6", "5", "x"] {
        let answer = site.cdi(wrong, GET, "/recipe/session?sessionHandle=x", &Value::Null);
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
}

#[test]
fn protected_claims_are_refused_in_all_three_places() {
    let site = site();
    let held = site.new_held();
    let text = "The user payload contains protected field\n";
    for name in [
        "sub",
        "rsub",
        "iat",
        "exp",
        "tId",
        "sessionHandle",
        "refreshTokenHash1",
        "parentRefreshTokenHash1",
        "antiCsrfToken",
    ] {
        let mut payload = json!({"role": "admin"});
        payload[name] = Value::Null;
        let create = json!({"userId": "eve", "userDataInJWT": payload, "userDataInDatabase": {},
            "enableAntiCsrf": false});
        let regenerate = json!({"accessToken": held.access, "userDataInJWT": payload});
        let write = json!({"sessionHandle": held.handle, "userDataInJWT": payload});
        for (method, path, body) in [
            (POST, "/recipe/session", create),
            (POST, "/recipe/session/regenerate", regenerate),
            (PUT, "/recipe/jwt/data", write),
        ] {
            let answer = site.call(method, path, &body);
            assert_eq!(
                (answer.status.as_u16(), &*answer.text),
                (400, text),
                "{name} {path}"
            );
        }
    }
    assert_eq!(
        site.check(&held.access, true).json["session"]["userDataInJWT"]["role"],
        "admin"
    );
}

#[test]
fn malformed_requests_are_400_and_nothing_is_null() {
    let site = site();
    let held = site.new_held();
    let good = json!({"userId": "", "userDataInJWT": {}, "userDataInDatabase": {},
        "enableAntiCsrf": false, "useDynamicSigningKey": true, "unknown": 1});
    let empty = site.call(POST, "/recipe/session", &good);
    assert_eq!(empty.status, StatusCode::OK, "an empty user id is one");
    assert!(!empty.text.contains("null"), "{}", empty.text);
    for (field, wrong) in [
        ("userId", json!(null)),
        ("userId", json!("x".repeat(129))),
        ("userDataInJWT", json!(null)),
        ("userDataInJWT", json!([])),
        ("userDataInDatabase", json!("{}")),
        ("userDataInDatabase", json!(null)),
        ("enableAntiCsrf", json!(null)),
        ("enableAntiCsrf", json!("true")),
        ("useDynamicSigningKey", json!(null)),
    ] {
        let mut body = good.clone();
        body[field] = wrong;
        assert_eq!(
            site.call(POST, "/recipe/session", &body).status,
            400,
            "{body}"
        );
    }
    for missing in [
        "userId",
        "userDataInJWT",
        "userDataInDatabase",
        "enableAntiCsrf",
    ] {
        let mut body = good.clone();
        body.as_object_mut().unwrap().remove(missing);
        assert_eq!(
            site.call(POST, "/recipe/session", &body).status,
            400,
            "{missing}"
        );
    }
    let null = json!({"accessToken": held.access, "antiCsrfToken": null, "doAntiCsrfCheck": false,
        "enableAntiCsrf": false, "checkDatabase": false});
    assert_eq!(site.call(POST, "/recipe/session/verify", &null).status, 400);
    for (path, body) in [
        (
            "/recipe/session/user?userId=a&fetchAcrossAllTenants=1",
            Value::Null,
        ),
        ("/recipe/session", Value::Null),
        ("/other/recipe/session?sessionHandle=x", Value::Null),
        ("/appid-x/recipe/session?sessionHandle=x", Value::Null),
    ] {
        assert_eq!(site.call(GET, path, &body).status, 400, "{path}");
    }
    assert_eq!(
        site.says(GET, "/user/id?userId=ada", &Value::Null),
        "UNKNOWN_USER_ID_ERROR"
    );
    assert_eq!(
        site.call(GET, "/recipe/session/verify", &Value::Null)
            .status,
        405
    );
    assert_eq!(site.call(POST, "/recipe/jwt", &json!({})).status, 404);
}

#[test]
fn errors_are_text_and_an_outage_is_429() {
    let site = Site::new(&[("cdi", "true"), ("api_keys", "0123456789abcdef")]);
    let answer = site.call(GET, "/recipe/session?sessionHandle=x", &Value::Null);
    assert_eq!(
        (answer.status.as_u16(), &*answer.text),
        (401, "Invalid API key\n")
    );
    for method in [GET, POST, PUT, Method::DELETE] {
        for path in ["/", "/hello", "/appid-public/public/hello"] {
            assert_eq!(
                site.call(method.clone(), path, &Value::Null).text,
                "Hello\n"
            );
        }
    }
    let site = super::site();
    let held = site.new_held();
    site.platform.advance(Duration::from_secs(2));
    site.store.fail(&["*"]);
    let answer = site.renew(&held.refresh);
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    // As `/ready`: checks go on. A new instance would have no keys.
    assert_eq!(site.call(GET, "/hello", &Value::Null).status, 200);
    assert_eq!(site.check(&held.access, false).json["status"], "OK");
}
