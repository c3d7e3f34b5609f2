//! Payloads: what is spliced in comes out again, and none hides a claim of ours.

use proptest::prelude::*;

use super::*;
use crate::domain::secret::testing::SeededRandom;

fn payload(text: &str) -> Result<Payload, PayloadError> {
    Payload::check(serde_json::from_str(text).unwrap())
}

fn claims(payload: &str) -> AccessClaims {
    AccessClaims {
        user_id: UserId::or_empty("").unwrap(),
        handle: SessionHandle::generate(&SeededRandom::new(1))
            .for_protocol(crate::domain::protocol::Protocol::Cdi),
        issued_at: Timestamp::from_secs(1_700_000_000),
        expires_at: Timestamp::from_secs(1_700_003_600),
        refresh: SingleHash::of_token("child").double(),
        parent: None,
        anti_csrf: None,
        key: None,
        optional: OptionalClaims::default(),
        payload: Some(self::payload(payload).unwrap().into_json()),
    }
}

#[test]
fn all_claims_are_there_even_when_null() {
    let names = |version| {
        let text = write(&claims(r#"{"iss":"x"}"#), version);
        let json: serde_json::Value = serde_json::from_slice(&text).unwrap();
        assert_eq!(json["parentRefreshTokenHash1"], serde_json::Value::Null);
        let mut names: Vec<_> = json.as_object().unwrap().keys().cloned().collect();
        names.retain(|name| name != "iss");
        names.sort();
        names
    };
    let mut nine = CLAIMS.map(str::to_owned).to_vec();
    nine.sort();
    assert_eq!(names(CdiTokenVersion::V5), nine);
    nine.retain(|name| name != "rsub");
    assert_eq!(names(CdiTokenVersion::V4), nine);
}

#[test]
fn payloads_come_out_as_they_went_in() {
    let long = format!(r#"{{"a":"{}"}}"#, "x".repeat(65_526));
    for text in [
        r#"{"a":null,"b":{"c":[null,{"d":null}]}}"#,
        r#"{"a":1e400,"a":"\ud800","Zoë\u0000\"}":"🦀"}"#,
        r#"{"Sub":1,"sub ":2,"nested":{"sub":3}}"#,
        // Without the white space at the braces, so that what is stored and what a token carries are the same.
        "{ \"a\": 1\n}",
        &long,
    ] {
        for version in [CdiTokenVersion::V4, CdiTokenVersion::V5] {
            let claims = claims(text);
            let written = String::from_utf8(write(&claims, version)).unwrap();
            assert_eq!(read(&written, version), Some(claims));
        }
    }
    for nothing in ["{}", "{ }", "{\n\t}"] {
        let claims = claims(nothing);
        assert_eq!(claims.payload.as_ref().unwrap().as_str(), "{}");
        let written = String::from_utf8(write(&claims, CdiTokenVersion::V5)).unwrap();
        assert_eq!(read(&written, CdiTokenVersion::V5), Some(claims));
    }
}

#[test]
fn protected_names_are_found_whatever_their_spelling() {
    for name in CLAIMS {
        let escaped: String = name.bytes().map(|b| format!("\\u{b:04x}")).collect();
        for spelling in [name, &escaped] {
            for text in [
                format!(r#"{{"{spelling}":1}}"#),
                format!(r#"{{"a":{{}},"{spelling}":null}}"#),
                format!(r#"{{ "{spelling}" :[],"b":1}}"#),
            ] {
                assert_eq!(payload(&text), Err(PayloadError::Protected), "{text}");
            }
        }
    }
    for other in ["[]", "null", "1", "\"{}\"", "true", r#"{"\ud800":1}"#] {
        assert_eq!(payload(other), Err(PayloadError::NotAnObject), "{other}");
    }
}

/// A token of one version is not read as one of another, nor with claims moved, repeated or left out.
#[test]
fn only_our_own_claims_are_read() {
    let five = String::from_utf8(write(&claims(r#"{"a":1}"#), CdiTokenVersion::V5)).unwrap();
    assert_eq!(read(&five, CdiTokenVersion::V4), None);
    for (from, to) in [
        (r#""tId":"public""#, r#""tId":"other""#),
        (r#","rsub":"""#, ""),
        (r#""rsub":"""#, r#""rsub":"x""#),
        (r#""antiCsrfToken":null,"#, ""),
        (
            r#""parentRefreshTokenHash1":null"#,
            r#""parentRefreshTokenHash1":"x""#,
        ),
        ("{\"sub\"", "{\"a\":1,\"sub\""),
    ] {
        assert!(five.contains(from), "{from}");
        assert_eq!(
            read(&five.replace(from, to), CdiTokenVersion::V5),
            None,
            "{from}"
        );
    }
}

proptest! {
    #[test]
    fn whatever_object_is_taken_comes_out(value in proptest::collection::btree_map(".{0,9}", ".{0,9}", 0..5)) {
        let text = serde_json::to_string(&value).unwrap();
        if let Ok(payload) = payload(&text) {
            let claims = AccessClaims { payload: Some(payload.into_json()), ..claims("{}") };
            let written = String::from_utf8(write(&claims, CdiTokenVersion::V5)).unwrap();
            prop_assert_eq!(read(&written, CdiTokenVersion::V5), Some(claims));
        }
    }
}

/// TF7: what stands behind the claims, correctly signed, is refused and traps nothing.
#[test]
fn tf7_bytes_behind_the_claims_are_refused() {
    let text = String::from_utf8(write(&claims(r#"{"a":1}"#), CdiTokenVersion::V5)).unwrap();
    for behind in ["}", "x", ",\"b\":1}", "{}", " ]", "\u{0}}"] {
        assert_eq!(read(&format!("{text}{behind}"), CdiTokenVersion::V5), None);
    }
}
