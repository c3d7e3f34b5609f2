//! Seeds for the two kinds of tokens.

use super::{Named, seed};
use crate::access_token::{self, CLAIMS};
use crate::refresh_token;

pub(super) fn access() -> Vec<Named> {
    let claims = String::from_utf8_lossy(CLAIMS);
    let with = |from: &str, to: &str| {
        assert!(claims.contains(from), "{from}");
        claims.replacen(from, to, 1)
    };
    let exp = "\"exp\":1700003600";
    let sub = "\"sub\":\"bob\"";
    let payload = r#"{"a": 1.0, "a": null}"#;
    let prt = r#""prt":"ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100","#;
    vec![
        seed("text empty", "00", ""),
        seed("text valid", "00", access_token::valid()),
        seed("text of a refresh token", "00", refresh_token::valid()),
        seed("text five parts", "00", "e30.e30.e30.e30.e30"),
        seed("claims", "01", CLAIMS),
        seed("claims derived key", "11", CLAIMS),
        seed("claims file key", "21", CLAIMS),
        seed("claims database key", "31", CLAIMS),
        seed("claims confirmed", "01", with(prt, "")),
        seed("claims parent null", "01", with(prt, "\"prt\":null,")),
        seed("claims expired", "01", with(exp, "\"exp\":1700000000")),
        seed(
            "claims exp as text",
            "01",
            with(exp, "\"exp\":\"1700003600\""),
        ),
        seed("claims exp huge", "01", with(exp, "\"exp\":1e400")),
        seed(
            "claims exp largest",
            "01",
            with(exp, "\"exp\":18446744073709551615"),
        ),
        seed(
            "claims exp twice",
            "01",
            with(exp, "\"exp\":1700003600,\"exp\":1"),
        ),
        seed(
            "claims from the future",
            "01",
            with("\"iat\":1700000000", "\"iat\":1700000061"),
        ),
        seed(
            "claims unknown member",
            "01",
            with(sub, "\"sub\":\"bob\",\"admin\":true"),
        ),
        seed(
            "claims escaped name",
            "01",
            with(sub, "\"s\\u0075b\":\"b\\u006fb\""),
        ),
        seed(
            "claims half surrogate",
            "01",
            with(sub, "\"sub\":\"\\ud83e\""),
        ),
        seed(
            "claims surrogates",
            "01",
            with(sub, "\"sub\":\"\\ud83e\\udd80\""),
        ),
        seed("claims nul", "01", with(sub, "\"sub\":\"\\u0000\"")),
        seed("claims no user", "01", with(sub, "\"sub\":\"\"")),
        seed(
            "claims escaped handle",
            "01",
            with("\"sid\":\"B", "\"sid\":\"\\u0042"),
        ),
        seed(
            "claims deep",
            "01",
            with(payload, &("[".repeat(300) + &"]".repeat(300))),
        ),
        seed("claims array", "01", "[]"),
        seed("claims not utf8", "01", b"{\"sub\":\"\xff\"}"),
        seed("header", "02", r#"{"alg":"HS256","typ":"JWT","kid":"2"}"#),
        seed(
            "header none",
            "02",
            r#"{"alg":"none","typ":"JWT","kid":"2"}"#,
        ),
        seed(
            "header HS384",
            "02",
            r#"{"alg":"HS384","typ":"JWT","kid":"2"}"#,
        ),
        seed(
            "header swapped kid",
            "02",
            r#"{"alg":"HS256","typ":"JWT","kid":"1"}"#,
        ),
        seed(
            "header unknown kid",
            "02",
            r#"{"alg":"HS256","typ":"JWT","kid":"02"}"#,
        ),
        seed(
            "header array kid",
            "02",
            r#"{"alg":"HS256","typ":"JWT","kid":["2"]}"#,
        ),
        seed(
            "header sql kid",
            "02",
            r#"{"alg":"HS256","typ":"JWT","kid":"' OR 1=1 --"}"#,
        ),
        seed(
            "header path kid",
            "02",
            r#"{"alg":"HS256","typ":"JWT","kid":"../../dev/null"}"#,
        ),
        seed(
            "header long kid",
            "02",
            format!(
                r#"{{"alg":"HS256","typ":"JWT","kid":"{}"}}"#,
                "2".repeat(65)
            ),
        ),
        seed(
            "header crit",
            "02",
            r#"{"alg":"HS256","typ":"JWT","kid":"2","crit":["exp"]}"#,
        ),
        seed(
            "header jku",
            "02",
            r#"{"alg":"HS256","typ":"JWT","kid":"2","jku":"http://x/"}"#,
        ),
        seed("header derived kid", "12", derived_header("19675")),
        seed(
            "header derived kid with a zero",
            "12",
            derived_header("019675"),
        ),
        seed("header derived kid of old", "12", derived_header("19600")),
        seed(
            "header derived kid too large",
            "12",
            derived_header("18446744073709551615"),
        ),
        seed(
            "message",
            "03",
            access_token::valid()
                .rsplit_once('.')
                .map_or("", |(m, _)| m),
        ),
        seed("message of one part", "03", "e30"),
        seed("edit nothing", "040", ""),
        seed("edit a bit", "040", b"0\x00\x50\x03"),
        seed("edit the last bit", "040", b"0\x01\xa0\x00"),
        seed("edit foreign", "041", ""),
        seed("edit a cut", "042", b"4\x00\x60\x00"),
        seed("session", "05", "00\u{7f}0zbob\n{\"a\":1}"),
    ]
}

fn derived_header(slot: &str) -> String {
    let fingerprint = access_token::fingerprint();
    format!(r#"{{"alg":"HS256","typ":"JWT","kid":"{slot}.24.{fingerprint}"}}"#)
}

pub(super) fn refresh() -> Vec<Named> {
    let valid = refresh_token::valid();
    let body = |format: u8, generation: u32, time: u64| {
        let mut body = vec![format];
        body.extend([7; 24]);
        body.extend(generation.to_be_bytes());
        body.extend(time.to_be_bytes());
        body.extend(time.to_be_bytes());
        body.extend([5; 24 + 32]);
        body
    };
    let good = body(1, 1, 1_700_000_000_000);
    let purpose = |purpose: &str| [purpose.as_bytes(), b"\n", &good].concat();
    vec![
        seed("text empty", "0", ""),
        seed("text valid", "0", valid),
        seed("text of an access token", "0", access_token::valid()),
        seed("text cut", "0", &valid[..176]),
        seed("text longer", "0", format!("{valid}AAAA")),
        seed("text padded", "0", format!("{valid}==")),
        seed(
            "text in the other alphabet",
            "0",
            valid.replace('-', "+").replace('_', "/"),
        ),
        seed("text with a space", "0", format!("{valid} ")),
        seed("edit nothing", "10", ""),
        seed("edit old key", "11", ""),
        seed("edit child", "12", ""),
        seed("edit foreign", "13", ""),
        seed("edit id", "14", ""),
        seed("edit hash", "15", ""),
        seed("edit format", "10", b"0\x00\x00\x00"),
        seed("edit generation", "12", b"0\x00\x25\x01"),
        seed("edit expiry", "10", b"0\x00\x38\x01"),
        seed("edit mac", "10", b"0\x00\xb0\x05"),
        seed("edit last character", "10", b"1\x00\xb1A"),
        seed("edit cut", "10", b"4\x00\x20\x00"),
        seed("edit doubled", "10", b"5\x00\x00\x00"),
        seed("edit inserted", "10", b"2\x00\x10A"),
        seed("edit removed", "10", b"3\x00\x10\x00"),
        seed("sealed", "20", &good),
        seed("sealed with the old key", "21", &good),
        seed("sealed generation 0", "20", body(1, 0, 1_700_000_000_000)),
        seed(
            "sealed last generation",
            "20",
            body(1, u32::MAX, 1_700_000_000_000),
        ),
        seed("sealed end of time", "20", body(1, 7, u64::MAX)),
        seed("sealed start of time", "20", body(1, 7, 0)),
        seed("sealed format 0", "20", body(0, 1, 1_700_000_000_000)),
        seed("sealed format 2", "20", body(2, 1, 1_700_000_000_000)),
        seed("sealed nothing", "20", ""),
        seed("sealed too short", "20", &good[..100]),
        seed("sealed too long", "20", [&good[..], b"x"].concat()),
        seed("purpose none", "3", purpose("")),
        seed("purpose of ids", "3", purpose("id 1\0")),
        seed("purpose of children", "3", purpose("child 1\0")),
    ]
}
