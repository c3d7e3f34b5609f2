//! IN3: what is passed through comes back byte for byte, and what was not sent is not there.

use http::Method;

use super::Site;

const TEXTS: [&str; 16] = [
    "null",
    "true",
    "0",
    "-0",
    "1.0",
    "1e400",
    "9007199254740993",
    "\"\"",
    "\"\\ud800\"",
    "\"\\u0000\\/\"",
    "{\"a\":1,\"a\":2,\"__proto__\":{}}",
    "[ 1 ,\t2 ]",
    "{ }",
    "\"🦀 \u{2028} e\u{301}\"",
    "\"'; DROP TABLE refresh_tokens; --\"",
    "\"\\r\\nSet-Cookie: x\"",
];

fn everything_comes_back(text: &str) {
    let site = Site::new(&[]);
    let login = site.login(&format!(r#","jwtPayload": {text} ,"sessionData": {text} "#));
    let payload = format!(r#""jwtPayload":{text}}},"#);
    assert!(login.text.contains(&payload), "{text:.60}");
    let verified = site.verify(login.at("accessToken.value"));
    let payload = format!(r#""jwtPayload":{text}}}}}"#);
    assert!(verified.text.ends_with(&payload), "{text:.60}");
    let refreshed = site.refresh(login.at("refreshToken.value"));
    let payload = format!(r#""jwtPayload":{text}}},"#);
    assert!(refreshed.text.contains(&payload), "{text:.60}");
    let confirmed = site.verify(refreshed.at("newAccessToken.value"));
    assert!(confirmed.text.contains(&payload), "{text:.60}");
    let handle = login.at("session.handle").as_str().unwrap().to_owned();
    let path = format!("/session/data?sessionHandle={handle}");
    let data = format!(r#""sessionData":{text}}}"#);
    assert!(
        site.send(&Method::GET, &path, "").text.ends_with(&data),
        "{text:.60}"
    );
    let body = format!(r#"{{"sessionHandle":"{handle}"}}"#);
    site.send(&Method::PUT, "/session/data", &body);
    assert!(
        !site
            .send(&Method::GET, &path, "")
            .text
            .contains("sessionData")
    );
    let body = format!(r#"{{"sessionData":{text},"sessionHandle":"{handle}"}}"#);
    site.send(&Method::PUT, "/session/data", &body);
    assert!(
        site.send(&Method::GET, &path, "").text.ends_with(&data),
        "{text:.60}"
    );
}

#[test]
fn in3_any_json_comes_back_byte_for_byte() {
    for text in TEXTS {
        everything_comes_back(text);
    }
}

#[test]
fn in4_deep_json_comes_back_byte_for_byte() {
    // Replies are parsed here with a limit of their own, so only their text is looked at.
    let text = format!("{}{}", "[".repeat(100), "]".repeat(100));
    everything_comes_back(&text);
}

#[test]
fn what_was_not_sent_is_not_there() {
    let site = Site::new(&[]);
    let login = site.login("");
    let verified = site.verify(login.at("accessToken.value"));
    let refreshed = site.refresh(login.at("refreshToken.value"));
    for reply in [&login, &verified, &refreshed] {
        assert!(!reply.text.contains("jwtPayload"), "{}", reply.text);
    }
    let handle = login.at("session.handle").as_str().unwrap();
    let data = site.send(
        &Method::GET,
        &format!("/session/data?sessionHandle={handle}"),
        "",
    );
    assert_eq!(data.text, r#"{"message":"session data","status":"OK"}"#);
}

#[test]
fn user_ids_come_back_as_they_were_sent() {
    let site = Site::new(&[]);
    for (sent, back) in [
        ("b\u{f3}b", "b\u{f3}b"),
        ("bo\u{301}b", "bo\u{301}b"),
        (" bob ", " bob "),
        ("\\u0062ob", "bob"),
        ("\\u0000\\r\\n", "\\u0000\\r\\n"),
        ("\\ud83e\\udd80\\/", "🦀/"),
        ("<script>'\\\"", "<script>'\\\""),
    ] {
        let body = format!(r#"{{"userId":"{sent}"}}"#);
        let login = site.send(&Method::POST, "/session", &body);
        let field = format!(r#""userId":"{back}""#);
        assert!(login.text.contains(&field), "{}", login.text);
        assert!(
            site.verify(login.at("accessToken.value"))
                .text
                .contains(&field)
        );
        assert!(
            site.refresh(login.at("refreshToken.value"))
                .text
                .contains(&field)
        );
    }
}
