//! The native API: the fields of each answer, and refusals that tell no reasons.

use std::time::Duration;

use http::Method;
use serde_json::Value;

use super::{Reply, Site};

const UNAUTHORISED: &str =
    r#"{"message":"there is no such session, or its token is not valid","status":"UNAUTHORISED"}"#;
const NOT_REFRESHED: &str = r#"{"message":"there is no such session, or its token is not valid","status":"UNAUTHORISED","sessionTheftDetected":{"value":false}}"#;
const TRY_REFRESH: &str = r#"{"message":"the access token is not valid; refresh the session","status":"TRY_REFRESH_TOKEN"}"#;

fn fields(value: &Value) -> Vec<&str> {
    let mut names: Vec<_> = value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    names.sort_unstable();
    names
}

fn check_token(reply: &Reply, name: &str, expires: u64) {
    let token = reply.at(name);
    assert_eq!(fields(token), ["expires", "value"]);
    assert_eq!(token["expires"], expires);
    assert!(token["value"].as_str().unwrap().is_ascii());
}

const ISSUED: u64 = 1_700_000_000_000;
const ACCESS: u64 = ISSUED + 3_600_000;
const REFRESH: u64 = ISSUED + 2400 * 3_600_000;

#[test]
fn post_session() {
    let site = Site::new(&[]);
    let reply = site.login(r#","jwtPayload":{"a":1}"#);
    assert_eq!(
        fields(&reply.json),
        [
            "accessToken",
            "idRefreshToken",
            "message",
            "refreshToken",
            "session",
            "status"
        ]
    );
    assert_eq!(
        (reply.at("message"), reply.at("status")),
        (&"session created".into(), &"OK".into())
    );
    assert_eq!(
        fields(reply.at("session")),
        ["handle", "jwtPayload", "userId"]
    );
    assert_eq!(reply.at("session.userId"), "bob");
    check_token(&reply, "accessToken", ACCESS);
    check_token(&reply, "refreshToken", REFRESH);
    check_token(&reply, "idRefreshToken", REFRESH);
    let refresh = reply.at("refreshToken.value").as_str().unwrap();
    assert!(refresh.len() <= 400);
}

#[test]
fn put_session() {
    let site = Site::new(&[]);
    let login = site.login("");
    let reply = site.verify(login.at("accessToken.value"));
    assert_eq!(fields(&reply.json), ["message", "session", "status"]);
    assert_eq!(reply.at("session"), login.at("session"));
    let child = site.refresh(login.at("refreshToken.value"));
    let reply = site.verify(child.at("newAccessToken.value"));
    assert_eq!(
        fields(&reply.json),
        ["message", "newAccessToken", "session", "status"]
    );
    assert_eq!(reply.at("status"), "OK");
    let expires = child.at("newAccessToken.expires").as_u64().unwrap();
    check_token(&reply, "newAccessToken", expires);
}

#[test]
fn put_refresh() {
    let site = Site::new(&[]);
    let login = site.login("");
    let reply = site.refresh(login.at("refreshToken.value"));
    assert_eq!(
        fields(&reply.json),
        [
            "message",
            "newAccessToken",
            "newIdRefreshToken",
            "newRefreshToken",
            "session",
            "status"
        ]
    );
    assert_eq!(reply.at("session"), login.at("session"));
    // Drawn from the last quarter.
    let expires = reply.at("newAccessToken.expires").as_u64().unwrap();
    assert!((ACCESS - 900_000..=ACCESS).contains(&expires));
    check_token(&reply, "newAccessToken", expires);
    check_token(&reply, "newRefreshToken", REFRESH);
    check_token(&reply, "newIdRefreshToken", REFRESH);
    // The child is used, and its parent presented again.
    site.verify(reply.at("newAccessToken.value"));
    site.platform.advance(Duration::from_secs(80));
    let handle = login.at("session.handle");
    assert_eq!(
        site.refresh(login.at("refreshToken.value")).text,
        format!(
            r#"{{"message":"there is no such session, or its token is not valid","status":"UNAUTHORISED","sessionTheftDetected":{{"value":true,"session":{{"handle":{handle},"userId":"bob"}}}}}}"#
        )
    );
}

#[test]
fn delete_session() {
    let site = Site::new(&[]);
    let handle = site.login("").at("session.handle").to_string();
    let body = format!(r#"{{"sessionHandle":{handle}}}"#);
    for expected in [
        r#"{"message":"session deleted","status":"OK","deletedAnyEntry":true}"#,
        r#"{"message":"there was no such session","status":"OK","deletedAnyEntry":false}"#,
    ] {
        assert_eq!(site.send(&Method::DELETE, "/session", &body).text, expected);
    }
}

#[test]
fn delete_session_by_a_token_that_may_have_expired() {
    let deleted = r#"{"message":"session deleted","status":"OK","deletedAnyEntry":true}"#;
    let gone = r#"{"message":"there was no such session","status":"OK","deletedAnyEntry":false}"#;
    for (field, secs) in [
        ("accessToken", 0),
        ("accessToken", 3601),
        ("refreshToken", 3601),
    ] {
        let site = Site::new(&[]);
        let delete = |body: &str| site.send(&Method::DELETE, "/session", body).text;
        let (login, other) = (site.login(""), site.login(""));
        // A refresh token that has been replaced names its session, too.
        site.verify(
            site.refresh(login.at("refreshToken.value"))
                .at("newAccessToken.value"),
        );
        site.platform.advance(Duration::from_secs(secs));
        let token = login.at(&format!("{field}.value"));
        for expected in [deleted, gone] {
            assert_eq!(
                delete(&format!(r#"{{"{field}":{token}}}"#)),
                expected,
                "{field}"
            );
        }
        assert_eq!(
            site.refresh(login.at("refreshToken.value")).text,
            NOT_REFRESHED
        );
        assert_eq!(
            site.refresh(other.at("refreshToken.value")).at("status"),
            "OK"
        );

        let forged = token.as_str().unwrap().to_owned() + "AAAA";
        assert_eq!(
            delete(&format!(r#"{{"{field}":"{forged}"}}"#)),
            UNAUTHORISED
        );
        assert_eq!(delete(&format!(r#"{{"{field}":""}}"#)), UNAUTHORISED);
        let wrong = site.send(&Method::DELETE, "/session", &format!(r#"{{"{field}":1}}"#));
        let message = format!("{field} must be a string");
        assert_eq!(wrong.error(), (400, "invalid_input", message.as_str()));
    }
    let site = Site::new(&[]);
    for two in [
        r#"{"sessionHandle":"x","accessToken":"y"}"#,
        r#"{"sessionHandle":"x","refreshToken":"y"}"#,
        r#"{"accessToken":"x","refreshToken":"y"}"#,
    ] {
        let reply = site.send(&Method::DELETE, "/session", two);
        let message = "sessionHandle, accessToken and refreshToken exclude each other";
        assert_eq!(reply.error(), (400, "invalid_input", message));
    }
}

#[test]
fn delete_session_all() {
    let site = Site::new(&[]);
    let (one, two) = (site.login(""), site.login(""));
    let body = r#"{"userId":"bob"}"#;
    for _ in 0..2 {
        assert_eq!(
            site.send(&Method::DELETE, "/session/all", body).text,
            r#"{"message":"the user's sessions are deleted","status":"OK"}"#
        );
    }
    for login in [one, two] {
        assert_eq!(
            site.refresh(login.at("refreshToken.value")).text,
            NOT_REFRESHED
        );
    }
}

#[test]
fn session_data() {
    let site = Site::new(&[]);
    let handle = site
        .login(r#","sessionData":[1]"#)
        .at("session.handle")
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/session/data?sessionHandle={handle}");
    let read = || site.send(&Method::GET, &path, "").text;
    assert_eq!(
        read(),
        r#"{"message":"session data","status":"OK","sessionData":[1]}"#
    );
    let body = format!(r#"{{"sessionHandle":"{handle}","sessionData":null}}"#);
    assert_eq!(
        site.send(&Method::PUT, "/session/data", &body).text,
        r#"{"message":"session data replaced","status":"OK"}"#
    );
    assert_eq!(
        read(),
        r#"{"message":"session data","status":"OK","sessionData":null}"#
    );
    let delete = format!(r#"{{"sessionHandle":"{handle}"}}"#);
    site.send(&Method::DELETE, "/session", &delete);
    assert_eq!(read(), UNAUTHORISED);
    assert_eq!(
        site.send(&Method::PUT, "/session/data", &body).text,
        UNAUTHORISED
    );
}

/// SE2: one text for every reason.
#[test]
fn se2_refusals_are_uniform() {
    let site = Site::new(&[("access_token_blacklisting", "true")]);
    let (gone, login, expiring) = (site.login(""), site.login(""), site.login(""));
    let child = site.refresh(gone.at("refreshToken.value"));
    let body = format!(r#"{{"sessionHandle":{}}}"#, gone.at("session.handle"));
    site.send(&Method::DELETE, "/session", &body);
    // Gone, never there, of another kind, forged.
    let good = login.at("refreshToken.value").as_str().unwrap().to_owned();
    let mut forged = good.clone();
    forged.replace_range(20..21, if &good[20..21] == "A" { "B" } else { "A" });
    for token in [
        gone.at("refreshToken.value").clone(),
        child.at("newRefreshToken.value").clone(),
        login.at("accessToken.value").clone(),
        login.at("idRefreshToken.value").clone(),
        "".into(),
        "x".into(),
        "\0".into(),
        "🦀".into(),
        forged.into(),
        format!("{good} ").into(),
    ] {
        assert_eq!(site.refresh(&token).text, NOT_REFRESHED, "{token}");
    }
    for token in [
        child.at("newAccessToken.value"),
        gone.at("accessToken.value"),
    ] {
        assert_eq!(site.verify(token).text, UNAUTHORISED);
    }
    let access = login.at("accessToken.value").as_str().unwrap().to_owned();
    for token in [
        login.at("refreshToken.value").clone(),
        "".into(),
        "a.b.c".into(),
        format!("{access}=").into(),
        format!(" {access}").into(),
        access[..access.len() - 1].into(),
        "eyJhbGciOiJub25lIn0.e30.".into(),
    ] {
        assert_eq!(site.verify(&token).text, TRY_REFRESH, "{token}");
    }
    site.platform.advance(Duration::from_secs(3600));
    assert_eq!(
        site.verify(expiring.at("accessToken.value")).text,
        TRY_REFRESH
    );
    site.platform.advance(Duration::from_secs(2400 * 3600));
    assert_eq!(
        site.refresh(expiring.at("refreshToken.value")).text,
        NOT_REFRESHED
    );
    for handle in [expiring.at("session.handle").as_str().unwrap(), "x", "%00"] {
        let path = format!("/session/data?sessionHandle={handle}");
        assert_eq!(site.send(&Method::GET, &path, "").text, UNAUTHORISED);
    }
}
