//! The optional fields: what each takes, and that a wrong one is named and writes nothing.

use http::Method;

use super::Site;

#[test]
fn a_wrong_optional_field_is_named_and_nothing_is_written() {
    let site = Site::new(&[("session_absolute_lifetime", "86400")]);
    site.login("");
    site.store.calls();
    let long = format!(r#""client":"{}""#, "x".repeat(1023));
    let methods = format!(
        r#""authentication":{{"methods":[{}]}}"#,
        r#""m","#.repeat(8) + r#""m""#
    );
    let ahead = format!(r#""authentication":{{"time":{}}}"#, 1_700_000_060_001_u64);
    for (field, code, message) in [
        (
            r#""lifetime":1"#,
            "invalid_input",
            "lifetime must be an object",
        ),
        (
            r#""lifetime":[60,60]"#,
            "invalid_input",
            "lifetime must be an object",
        ),
        (
            r#""lifetime":{"idle":"60"}"#,
            "invalid_input",
            "lifetime.idle must be a whole number",
        ),
        (
            r#""lifetime":{"idle":60.5}"#,
            "invalid_input",
            "lifetime.idle must be a whole number",
        ),
        (
            r#""lifetime":{"idle":-60}"#,
            "invalid_input",
            "lifetime.idle must be a whole number",
        ),
        (
            r#""lifetime":{"idle":59}"#,
            "invalid_input",
            "lifetime.idle must be 60 to 8640000 seconds",
        ),
        (
            r#""lifetime":{"absolute":86401}"#,
            "invalid_input",
            "lifetime.absolute must be 60 to 86400 seconds",
        ),
        (
            &*long,
            "too_large",
            "client must be at most 1024 bytes of JSON text",
        ),
        (
            r#""authentication":"now""#,
            "invalid_input",
            "authentication must be an object",
        ),
        (
            &*ahead,
            "invalid_input",
            "authentication.time must not be over 60 seconds ahead",
        ),
        (
            r#""authentication":{"methods":"pwd"}"#,
            "invalid_input",
            "authentication.methods must be a list of strings",
        ),
        (
            &*methods,
            "invalid_input",
            "authentication.methods must be at most 8 texts of 1 to 32 visible ASCII characters without quotes, commas \
             and backslashes",
        ),
        (
            r#""authentication":{"level":1}"#,
            "invalid_input",
            "authentication.level must be a string",
        ),
    ] {
        let body = format!(r#"{{"userId":"bob",{field}}}"#);
        let reply = site.send(&Method::POST, "/session", &body);
        assert_eq!(reply.error(), (400, code, message), "{field}");
    }
    let tokens = r#""accessToken":"x","refreshToken":"x","idRefreshToken":"x""#;
    for (path, field, message) in [
        (
            "/session",
            r#""maxAuthenticationAge":"60""#,
            "maxAuthenticationAge must be a whole number",
        ),
        (
            "/session/authentication",
            r#""x":1"#,
            "authentication is missing",
        ),
        (
            "/session",
            &*long,
            "client must be at most 1024 bytes of JSON text",
        ),
        (
            "/refresh",
            &*long,
            "client must be at most 1024 bytes of JSON text",
        ),
    ] {
        let reply = site.send(&Method::PUT, path, &format!("{{{tokens},{field}}}"));
        assert_eq!((reply.error().0, reply.error().2), (400, message), "{path}");
    }
    let body = r#"{"userId":"bob","exceptSessionHandle":1}"#;
    let reply = site.send(&Method::DELETE, "/session/all", body);
    assert_eq!(reply.error().2, "exceptSessionHandle must be a string");
    assert_eq!(site.store.calls(), [""; 0]);
}

/// A caller that asks for something sees that it was done.
#[test]
fn what_was_honoured_is_said() {
    let site = Site::new(&[]);
    let plain = site.login("");
    assert!(!plain.text.contains("endsAt"));
    let login = site.login(r#","lifetime":{"absolute":3600},"authentication":{"methods":["pwd"]}"#);
    assert_eq!(login.at("endsAt"), 1_700_003_600_000_u64);
    let token = login.at("accessToken.value").to_string();
    let check = |age: &str| {
        let body = format!(r#"{{"accessToken":{token},"idRefreshToken":"x"{age}}}"#);
        site.send(&Method::PUT, "/session", &body)
    };
    assert!(!check("").text.contains("authenticationChecked"));
    let checked = check(r#","maxAuthenticationAge":60"#);
    // The setting that writes the claims is off.
    assert_eq!(checked.at("status"), "REAUTHENTICATE");
    assert_eq!(checked.at("authenticationChecked"), true);
    let handle = login.at("session.handle").to_string();
    let all = |except: &str| {
        let body = format!(r#"{{"userId":"bob"{except}}}"#);
        site.send(&Method::DELETE, "/session/all", &body)
    };
    let excepted = all(&format!(r#","exceptSessionHandle":{handle}"#));
    assert_eq!(excepted.at("excepted"), true);
    assert_eq!(check("").at("status"), "OK");
    let listed = site.send(&Method::GET, "/session/all?userId=bob", "");
    assert_eq!(listed.at("sessions").as_array().unwrap().len(), 1);
    assert!(!all("").text.contains("excepted"));
}
