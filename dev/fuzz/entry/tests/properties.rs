//! The entry points on any compiler: random bytes, changed corpora, and text that is nearly JSON.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use fuzz_entry::input::Input;
use fuzz_entry::{ENTRIES, Entry};
use proptest::prelude::*;
use session_core::request::BODY_MAX_BYTES;

/// The files of all corpora, each with its entry point.
static CORPORA: LazyLock<Vec<(Entry, Vec<u8>)>> = LazyLock::new(|| {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus");
    let mut all = Vec::new();
    for (target, entry) in ENTRIES {
        for file in fs::read_dir(corpora.join(target)).expect("a corpus for each target") {
            let path = file.expect("a readable folder").path();
            all.push((entry, fs::read(path).expect("a readable file")));
        }
    }
    all
});

/// Which entry point, and an input for it.
fn random_input() -> impl Strategy<Value = (usize, Vec<u8>)> {
    (0..ENTRIES.len(), prop::collection::vec(any::<u8>(), 0..300))
}

/// JSON, most of the time.
fn nearly_json() -> impl Strategy<Value = String> {
    let number = "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,3})?";
    let string = "\"([a-z]|\\\\[nt\"/\\\\bfr]|\\\\u[0-9a-fA-F]{4}|\\\\ud83e\\\\udd80|é|🦀){0,6}\"";
    let leaf = prop_oneof![
        4 => prop::sample::select(vec!["null", "true", "false", "0", "\"\"", "[]", "{}", "{ }"])
            .prop_map(str::to_owned),
        3 => number,
        3 => string,
        1 => "[-+.0-9eE]{1,6}",
        1 => "\"[^\"]{0,4}\"?",
    ];
    leaf.prop_recursive(5, 30, 4, |inner| {
        let space = "[ \t\r\n]{0,2}";
        let name = prop_oneof!["\"[a-c]\"", "\"\\\\u006[1-3]\"", "\"\\\\ud83e\""];
        let member = (name, space, inner.clone())
            .prop_map(|(name, space, value)| format!("{space}{name}{space}:{space}{value}{space}"));
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec(member, 0..4)
                .prop_map(|items| format!("{{{}}}", items.join(","))),
        ]
    })
}

fn body() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec![
        "userId",
        "jwtPayload",
        "sessionData",
        "accessToken",
        "refreshToken",
        "idRefreshToken",
        "sessionHandle",
        "x",
    ]);
    let named = prop::sample::select(vec![
        "{{access}}",
        "{{child_access}}",
        "{{refresh}}",
        "{{child_refresh}}",
        "{{stolen_refresh}}",
        "{{handle}}",
        "{{id}}",
        "bob",
        "",
    ]);
    let value = prop_oneof![nearly_json(), named.prop_map(|text| format!("\"{text}\"")),];
    let member = (name, value).prop_map(|(name, value)| format!("\"{name}\": {value}"));
    prop::collection::vec(member, 0..5).prop_map(|members| format!("{{{}}}", members.join(" ,")))
}

fn run(target: &str, data: &[u8]) -> bool {
    let entry = ENTRIES.iter().find(|(name, _)| *name == target);
    entry.expect("a target of that name").1(data)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn random_bytes((target, data) in random_input()) {
        ENTRIES[target].1(&data);
    }

    #[test]
    fn changed_corpora(file in any::<prop::sample::Index>(), changes in prop::collection::vec(any::<u8>(), 4..20)) {
        let (entry, data) = file.get(&CORPORA);
        entry(&Input::new(&changes).edit(data));
    }

    #[test]
    fn requests_of_json(choices in "[0-2][0-3][0-3][0-4]0000", body in body()) {
        run("request", (choices + &body).as_bytes());
    }

    #[test]
    fn claims_of_json(keys in "[0-2]", payload in nearly_json(), extra in nearly_json()) {
        let sid = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH";
        let rt = "00112233445566778899aabbccddeeff".repeat(2);
        for claims in [
            format!(r#"{{"sub":"bob","sid":"{sid}","iat":1700000000,"exp":1700003600,"rt":"{rt}","userPayload":{payload}}}"#),
            format!(r#"{{"sub":{extra},"sid":"{sid}","iat":1700000000,"exp":1700003600,"rt":"{rt}"}}"#),
            format!(r#"{{"sub":"bob","sid":"{sid}","iat":{extra},"exp":1700003600,"rt":"{rt}"}}"#),
            payload,
        ] {
            run("access_token", format!("{keys}1{claims}").as_bytes());
        }
    }

    #[test]
    fn rows_of_json(json in nearly_json()) {
        run("stored_row", format!("0001{json}").as_bytes());
        run("stored_row", format!("0000bob|{{{{current}}}}|#1|#1708640000000|{json}").as_bytes());
    }
}

/// Deeper than any stack, and as long as anything may be that is let in.
#[test]
fn depth_and_length_are_no_danger() {
    for unit in ["[", "{\"a\":", "\"", "9", "\\u0000", "."] {
        let long = |bytes: usize| unit.repeat(bytes / unit.len());
        run("refresh_token", format!("0{}", long(100_000)).as_bytes());
        for choices in ["00", "02", "03"] {
            run(
                "access_token",
                format!("{choices}{}", long(100_000)).as_bytes(),
            );
        }
        run("access_token", format!("01{}", long(1_000_000)).as_bytes());
        let body = long(BODY_MAX_BYTES - 40);
        run("request", format!("00000000{body}").as_bytes());
        let body = format!("00000000{{\"userId\":\"b\",\"sessionData\":{body}");
        run("request", body.as_bytes());
        run("stored_row", format!("0001{}", long(65_535)).as_bytes());
    }
}
