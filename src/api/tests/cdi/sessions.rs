//! What sessions go through, and what each call asks of the database.

use std::time::Duration;

use serde_json::{Value, json};

use super::{GET, Held, POST, PUT, part, site};

#[test]
fn a_session_lives_as_the_sdks_expect() {
    let site = site();
    let created = site.create_with("5.4", false, true);
    let session = &created.json["session"];
    assert_eq!(session["recipeUserId"], "ada");
    assert_eq!(session["tenantId"], "public");
    assert_eq!(
        session["userDataInJWT"],
        json!({"role": "admin", "n": {"a": null}})
    );
    assert!(created.json.get("antiCsrfToken").is_none());
    let held = Held::of(&created);
    assert_eq!(part(&held.access, 0)["typ"], "JWT");
    assert!(
        part(&held.access, 0)["kid"]
            .as_str()
            .unwrap()
            .starts_with("d-")
    );
    let claims = part(&held.access, 1);
    assert_eq!(
        claims["exp"].as_u64().unwrap() * 1000,
        created.json["accessToken"]["expiry"]
    );
    assert_eq!(claims["parentRefreshTokenHash1"], Value::Null);
    assert_eq!(claims["antiCsrfToken"], Value::Null);
    site.forget_calls();

    let plain = site.check(&held.access, false);
    assert_eq!(
        (plain.json["status"].as_str(), plain.json.get("accessToken")),
        (Some("OK"), None)
    );
    assert!(site.store.calls().is_empty(), "verify");
    let child = Held::of(&site.renew(&held.refresh));
    assert_eq!(site.store.calls(), ["find"], "refresh of the current token");
    assert!(part(&child.access, 1)["parentRefreshTokenHash1"].is_string());
    let confirmed = site.check(&child.access, false);
    assert_eq!(site.store.calls(), ["confirm"], "verify a child");
    let access = confirmed.json["accessToken"]["token"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(part(&access, 1)["parentRefreshTokenHash1"], Value::Null);
    assert_eq!(part(&access, 1)["exp"], part(&child.access, 1)["exp"]);

    let path = format!("/recipe/session?sessionHandle={}", held.handle);
    let information = site.call(GET, &path, &Value::Null);
    assert_eq!(site.store.calls(), ["record"], "information");
    assert_eq!(information.json["userDataInDatabase"], json!({"cart": [1]}));
    assert_eq!(information.json["sessionHandle"], *held.handle);
    let data = json!({"sessionHandle": held.handle, "userDataInDatabase": {"cart": null}});
    assert_eq!(site.says(PUT, "/recipe/session/data", &data), "OK");
    let payload = json!({"sessionHandle": held.handle, "userDataInJWT": {"role": "user"}});
    assert_eq!(site.says(PUT, "/recipe/jwt/data", &payload), "OK");
    assert_eq!(site.store.calls(), ["write_data", "write_payload"]);
    // Known without the database: the old payload. With it: a new token.
    assert_eq!(
        site.check(&access, false).json["session"]["userDataInJWT"]["role"],
        "admin"
    );
    let replaced = site.check(&access, true);
    assert_eq!(site.store.calls(), ["find"], "checkDatabase");
    assert_eq!(
        replaced.json["session"]["userDataInJWT"],
        json!({"role": "user"})
    );
    let access = replaced.json["accessToken"]["token"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(site.check(&access, true).json.get("accessToken").is_none());

    let body = json!({"accessToken": access, "userDataInJWT": {"role": "guest"}});
    let regenerated = site.call(POST, "/recipe/session/regenerate", &body);
    let token = regenerated.json["accessToken"]["token"].as_str().unwrap();
    let (mut before, mut after) = (part(&access, 1), part(token, 1));
    assert_eq!(after["role"], "guest");
    before["role"].take();
    after["role"].take();
    assert_eq!(before, after, "nothing else changes");
    site.platform.advance(Duration::from_secs(3601));
    let expired = site.call(POST, "/recipe/session/regenerate", &body);
    assert_eq!(expired.json["status"], "OK");
    assert!(expired.json.get("accessToken").is_none());
}

#[test]
fn theft_is_told_and_the_session_left_to_the_site() {
    let site = site();
    let held = site.new_held();
    let child = Held::of(&site.renew(&held.refresh));
    site.check(&child.access, false);
    let grandchild = Held::of(&site.renew(&child.refresh));
    site.check(&grandchild.access, false);
    // Also in the slot in which the children were made.
    let theft = site.renew(&held.refresh).json;
    let session = json!({"handle": held.handle, "userId": "ada", "recipeUserId": "ada"});
    assert_eq!(
        theft,
        json!({"status": "TOKEN_THEFT_DETECTED", "session": session})
    );
    assert_eq!(site.renew(&grandchild.refresh).json["status"], "OK");
    // An access token of a line that lost.
    let lost = Held::of(&site.renew(&grandchild.refresh));
    site.platform.advance(Duration::from_secs(20));
    let won = Held::of(&site.renew(&grandchild.refresh));
    site.check(&won.access, false);
    assert_eq!(
        site.check(&lost.access, false).json["status"],
        "TRY_REFRESH_TOKEN"
    );
}

#[test]
fn sessions_are_listed_and_removed() {
    let site = site();
    let handles: Vec<_> = (0..4).map(|_| site.new_held().handle).collect();
    site.login("");
    let list = || {
        site.call(
            GET,
            "/public/recipe/session/user?userId=ada&fetchAcrossAllTenants=false",
            &Value::Null,
        )
        .json["sessionHandles"]
            .clone()
    };
    assert_eq!(list().as_array().unwrap().len(), 4);
    let remove = |body: Value| {
        let answer = site.call(POST, "/recipe/session/remove", &body);
        (
            answer.status.as_u16(),
            answer.json["sessionHandlesRevoked"]
                .as_array()
                .map(Vec::len),
        )
    };
    assert_eq!(
        remove(json!({"sessionHandles": [handles[0]]})),
        (200, Some(1))
    );
    assert_eq!(
        remove(json!({"sessionHandles": [handles[0]]})),
        (200, Some(0))
    );
    site.forget_calls();
    assert_eq!(
        remove(json!({"sessionHandles": [handles[0], handles[1], "x"]})),
        (200, Some(1))
    );
    assert_eq!(site.store.calls(), ["delete_batch"]);
    assert_eq!(remove(json!({"sessionHandles": []})), (200, Some(0)));
    let flags = json!({"userId": "ada", "revokeAcrossAllTenants": true});
    assert_eq!(remove(flags), (200, Some(2)));
    assert_eq!(list(), json!([]));
    for wrong in [
        json!({}),
        json!({"userId": "ada", "sessionHandles": []}),
        json!({"sessionHandles": [], "revokeAcrossAllTenants": true}),
        json!({"sessionHandles": [1]}),
        json!({"sessionHandles": null}),
        json!({"userId": "ada", "revokeAcrossAllTenants": "yes"}),
    ] {
        assert_eq!(remove(wrong.clone()).0, 400, "{wrong}");
    }
}

#[test]
fn anti_csrf_tokens_are_asked_for_where_they_were_given() {
    let site = site();
    let held = Held::of(&site.create_with("5.4", true, true));
    let shown = held.anti_csrf.clone().unwrap();
    assert_eq!(part(&held.access, 1)["antiCsrfToken"], *shown);
    let verify = |token: Option<&str>, check: bool, enable: bool| {
        let mut body = json!({"accessToken": held.access, "doAntiCsrfCheck": check,
            "enableAntiCsrf": enable, "checkDatabase": false});
        if let Some(token) = token {
            body["antiCsrfToken"] = token.into();
        }
        site.says(POST, "/recipe/session/verify", &body)
    };
    assert_eq!(verify(Some(&shown), true, true), "OK");
    for (token, check, enable, says) in [
        (None, true, true, "TRY_REFRESH_TOKEN"),
        (Some("x"), true, true, "TRY_REFRESH_TOKEN"),
        (None, false, true, "OK"),
        (Some("x"), true, false, "OK"),
    ] {
        assert_eq!(verify(token, check, enable), says, "{token:?}");
    }
    let refresh = |of: &Held, token: Option<&str>| {
        let mut body = json!({"refreshToken": of.refresh, "enableAntiCsrf": true,
            "useDynamicSigningKey": true});
        if let Some(token) = token {
            body["antiCsrfToken"] = token.into();
        }
        site.call(POST, "/recipe/session/refresh", &body).json
    };
    site.forget_calls();
    assert_eq!(refresh(&held, None)["status"], "UNAUTHORISED");
    assert_eq!(refresh(&held, Some("x"))["status"], "UNAUTHORISED");
    assert!(site.store.calls().is_empty());
    let child = refresh(&held, Some(&shown));
    assert_eq!(
        child["antiCsrfToken"],
        refresh(&held, Some(&shown))["antiCsrfToken"]
    );
    assert_ne!(child["antiCsrfToken"], *shown);
    // One that began without passes, and has one from then on.
    let without = site.new_held();
    assert!(refresh(&without, None)["antiCsrfToken"].is_string());
}
