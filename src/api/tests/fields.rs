//! IN1, IN2: every type for every field, and sizes to the byte.

use http::Method;

use super::{ENDPOINTS, Site};

/// JSON of every type but string.
const OTHERS: [&str; 10] = [
    "null",
    "true",
    "false",
    "0",
    "-1.5",
    "1e400",
    "9007199254740993",
    "[]",
    "[\"bob\"]",
    "{\"userId\":\"bob\"}",
];

#[test]
fn in1_a_required_field_is_a_string_or_an_error_that_names_it() {
    let site = Site::new(&[]);
    for (method, path, body) in ENDPOINTS {
        let field = match path {
            "/session/data?sessionHandle=x" => continue,
            "/session" if method == Method::PUT => "accessToken",
            "/refresh" => "refreshToken",
            "/session" | "/session/all" if body.contains("userId") => "userId",
            _ => "sessionHandle",
        };
        let rest = r#""idRefreshToken":"x","unknown":{"userId":1}"#;
        let reply = site.send(&method, path, &format!("{{{rest}}}"));
        let message = format!("{field} is missing");
        assert_eq!(
            reply.error(),
            (400, "invalid_input", &*message),
            "{method} {path}"
        );
        for value in OTHERS {
            let reply = site.send(&method, path, &format!(r#"{{"{field}":{value},{rest}}}"#));
            let message = format!("{field} must be a string");
            assert_eq!(reply.error(), (400, "invalid_input", &*message), "{value}");
        }
        let twice = format!(r#"{{"{field}":"a","{field}":"b",{rest}}}"#);
        let reply = site.send(&method, path, &twice);
        assert_eq!((reply.error().0, reply.error().1), (400, "invalid_input"));
        assert!(reply.error().2.contains(field));
        let half = format!(r#"{{"{field}":"\ud800",{rest}}}"#);
        let reply = site.send(&method, path, &half);
        let message = format!("{field} is not Unicode text");
        assert_eq!(reply.error(), (400, "invalid_input", &*message));
    }
    assert_eq!(site.store.calls(), [""; 0]);
}

#[test]
fn in1_without_an_id_refresh_token_the_user_is_logged_out_whatever_the_rest_is() {
    let site = Site::new(&[]);
    let login = site.login("");
    site.store.calls();
    site.store.fail(&["*"]);
    let verified = r#"{"message":"there is no such session, or its token is not valid","status":"UNAUTHORISED"}"#;
    let refreshed = r#"{"message":"there is no such session, or its token is not valid","status":"UNAUTHORISED","sessionTheftDetected":{"value":false}}"#;
    for (path, field, expected, good) in [
        ("/session", "accessToken", verified, "accessToken.value"),
        ("/refresh", "refreshToken", refreshed, "refreshToken.value"),
    ] {
        let good = login.at(good).to_string();
        for token in OTHERS.into_iter().chain([&*good, "\"\\ud800\""]) {
            let body = format!(r#"{{"{field}":{token}}}"#);
            assert_eq!(site.send(&Method::PUT, path, &body).text, expected);
            for id in OTHERS {
                let body = format!(r#"{{"{field}":{token},"idRefreshToken":{id}}}"#);
                let reply = site.send(&Method::PUT, path, &body);
                assert_eq!(
                    (reply.status.as_u16(), &*reply.text),
                    (200, expected),
                    "{id}"
                );
            }
        }
        assert_eq!(site.send(&Method::PUT, path, "{}").text, expected);
    }
    assert_eq!(site.store.calls(), [""; 0]);
}

#[test]
fn an_id_refresh_token_is_any_string() {
    let site = Site::new(&[]);
    let token = site.login("").at("accessToken.value").to_string();
    for id in ["\"\"", "\"x\"", "\"\\ud800\"", "\"\\u0000\""] {
        let body = format!(r#"{{"accessToken":{token},"idRefreshToken":{id}}}"#);
        let reply = site.send(&Method::PUT, "/session", &body);
        assert_eq!(reply.at("status"), "OK", "{id}");
    }
}

#[test]
fn in2_a_user_id_has_1_to_128_characters() {
    let site = Site::new(&[]);
    let message = "userId must be 1 to 128 characters long";
    for (id, good) in [
        (String::new(), false),
        ("a".to_owned(), true),
        ("🦀".repeat(128), true),
        ("🦀".repeat(129), false),
        ("a".repeat(129), false),
        ("\\u0000".repeat(128), true),
        ("\\ud83e\\udd80".repeat(128), true),
        ("\\u0000".repeat(129), false),
        (" ".to_owned(), true),
    ] {
        let body = format!(r#"{{"userId":"{id}"}}"#);
        for (method, path) in [(Method::POST, "/session"), (Method::DELETE, "/session/all")] {
            let reply = site.send(&method, path, &body);
            if good {
                assert_eq!(reply.status, 200, "{id}");
            } else {
                assert_eq!(reply.error(), (400, "invalid_input", message), "{id}");
            }
        }
    }
}

#[test]
fn in2_data_has_at_most_65535_bytes_and_else_nothing_is_written() {
    let site = Site::new(&[]);
    let login = site.login(r#","sessionData":1"#);
    let handle = login.at("session.handle").to_string();
    let text = |bytes: usize| {
        format!(
            "\"{}{}\"",
            "é".repeat((bytes - 2) / 2),
            "x".repeat(bytes % 2)
        )
    };
    let (longest, too_long) = (text(65_535), text(65_536));
    assert_eq!((longest.len(), too_long.len()), (65_535, 65_536));
    for field in ["jwtPayload", "sessionData"] {
        site.store.calls();
        let body = format!(r#"{{"userId":"bob","{field}":{too_long}}}"#);
        let reply = site.send(&Method::POST, "/session", &body);
        let message = format!("{field} must be at most 65535 bytes of JSON text");
        assert_eq!(reply.error(), (400, "too_large", &*message));
        assert_eq!(site.store.calls(), [""; 0]);
    }
    site.login(&format!(
        r#","jwtPayload":{longest},"sessionData":{longest}"#
    ));
    let body = format!(r#"{{"sessionHandle":{handle},"sessionData":{too_long}}}"#);
    let reply = site.send(&Method::PUT, "/session/data", &body);
    assert_eq!((reply.error().0, reply.error().1), (400, "too_large"));
    let path = format!("/session/data?sessionHandle={}", handle.trim_matches('"'));
    assert_eq!(site.send(&Method::GET, &path, "").at("sessionData"), 1);
    let body = format!(r#"{{"sessionHandle":{handle},"sessionData":{longest}}}"#);
    assert_eq!(
        site.send(&Method::PUT, "/session/data", &body).at("status"),
        "OK"
    );
    assert!(site.send(&Method::GET, &path, "").text.contains(&longest));
}

#[test]
fn a_handle_in_the_query_string_is_given_once() {
    let site = Site::new(&[]);
    let handle = site
        .login("")
        .at("session.handle")
        .as_str()
        .unwrap()
        .to_owned();
    let encoded: String = handle.bytes().map(|byte| format!("%{byte:02x}")).collect();
    for query in [
        format!("sessionHandle={handle}"),
        format!("x=1&sessionHandle={encoded}&y"),
        format!("%73essionHandle={handle}&sessionhandle=x"),
    ] {
        let reply = site.send(&Method::GET, &format!("/session/data?{query}"), "");
        assert_eq!(reply.at("status"), "OK", "{query}");
    }
    for query in ["", "?", "?sessionhandle=x", "?=sessionHandle"] {
        let reply = site.send(&Method::GET, &format!("/session/data{query}"), "");
        let message = "sessionHandle is missing from the query string";
        assert_eq!(reply.error(), (400, "invalid_input", message));
    }
    let query = format!("?sessionHandle={handle}&sessionHandle={handle}");
    let reply = site.send(&Method::GET, &format!("/session/data{query}"), "");
    assert_eq!(
        reply.error(),
        (400, "invalid_input", "sessionHandle must be given once")
    );
    for query in [
        "sessionHandle",
        "sessionHandle=",
        "sessionHandle=%ff",
        "sessionHandle=%00",
    ] {
        let reply = site.send(&Method::GET, &format!("/session/data?{query}"), "");
        assert_eq!(reply.at("status"), "UNAUTHORISED");
    }
}
