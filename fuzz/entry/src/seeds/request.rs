//! Seeds for requests. The choices: settings, time, method, target, type, credentials, length, travel.

use super::{Named, seed};

pub(super) fn seeds() -> Vec<Named> {
    let verify = r#"{"accessToken":"{{access}}","idRefreshToken":"{{id}}"}"#;
    let verify_child = r#"{"accessToken":"{{child_access}}","idRefreshToken":"{{id}}"}"#;
    let refresh = r#"{"refreshToken":"{{refresh}}","idRefreshToken":"{{id}}"}"#;
    let refresh_child = r#"{"refreshToken":"{{child_refresh}}","idRefreshToken":"{{id}}"}"#;
    let stolen = r#"{"refreshToken":"{{stolen_refresh}}","idRefreshToken":""}"#;
    let gone = r#"{"accessToken":"{{gone_access}}","idRefreshToken":""}"#;
    let revoke = r#"{"sessionHandle":"{{handle}}"}"#;
    let bob = r#"{"userId":"bob"}"#;
    let full = r#"{"userId":"bob","jwtPayload":{"a": 1.0,"a":[1e400]},"sessionData":null}"#;
    let crabs = |n| format!(r#"{{"userId":"{}"}}"#, "🦀".repeat(n));
    vec![
        seed("create", "00000000", full),
        seed("create in pieces", "00000001", full),
        seed("create broken off", "00000002", full),
        seed("create as long as allowed", "00000003", bob),
        seed("create too long", "00000004", bob),
        seed("create with trailers", "00000005", full),
        seed("create without length", "00000010", full),
        seed("create lying length", "00000020", full),
        seed("create later", "02000000", full),
        seed("create problem type", "00003000", bob),
        seed("create text type", "00004000", bob),
        seed(
            "create type spelled out",
            "00007000",
            ["application/JSON ;x\n", bob].concat(),
        ),
        seed("create user of 128", "00000000", crabs(128)),
        seed("create user of 129", "00000000", crabs(129)),
        seed("create nobody", "00000000", r#"{"userId":""}"#),
        seed("create twice", "00000000", r#"{"userId":"a","userId":"b"}"#),
        seed(
            "create escaped",
            "00000000",
            r#" {"\u0075serId":"\ud83e\udd80\n\u0000"} "#,
        ),
        seed(
            "create half surrogate",
            "00000000",
            r#"{"userId":"\ud83e"}"#,
        ),
        seed(
            "create half surrogate inside",
            "00000000",
            r#"{"userId":"b","jwtPayload":"\ud83e"}"#,
        ),
        seed(
            "create half surrogate name",
            "00000000",
            r#"{"\ud83e":1,"userId":"b"}"#,
        ),
        seed(
            "create proto",
            "00000000",
            r#"{"__proto__":{},"userId":"b","sessionData":-0.0E-1}"#,
        ),
        seed("create array", "00000000", r#"["bob",1,2]"#),
        seed(
            "create deep",
            "00000000",
            ["[".repeat(500), "]".repeat(500)].concat(),
        ),
        seed(
            "create deep data",
            "00000000",
            format!(
                r#"{{"userId":"b","sessionData":{}1{}}}"#,
                "[{\"a\":".repeat(100),
                "}]".repeat(100)
            ),
        ),
        seed("create not utf8", "00000000", b"{\"userId\":\"\xff\"}"),
        seed(
            "create byte order mark",
            "00000000",
            ["\u{feff}", bob].concat(),
        ),
        seed("key wrong", "10000300", bob),
        seed("key in its own field", "10000100", bob),
        seed(
            "key spelled out",
            "10000400",
            ["bEARER an-api-key-of-some-length\n", bob].concat(),
        ),
        seed("verify", "00100000", verify),
        seed("verify child", "00100000", verify_child),
        seed("verify child asking", "10100000", verify_child),
        seed("verify later", "21100000", verify),
        seed("verify gone", "00100000", gone),
        seed("verify gone asking", "10100000", gone),
        seed(
            "verify logged out",
            "00100000",
            r#"{"accessToken":1,"idRefreshToken":null}"#,
        ),
        seed("refresh", "00110000", refresh),
        seed("refresh child", "20110000", refresh_child),
        seed("refresh too late", "02110000", refresh),
        seed("refresh stolen", "00110000", stolen),
        seed("refresh stolen revoking", "20110000", stolen),
        seed("revoke", "00200000", revoke),
        seed("revoke all", "00220000", bob),
        seed("data", "00340000", ""),
        seed(
            "data by query",
            "00350000",
            "x=+&session%48andle={{handle}}\n",
        ),
        seed(
            "data twice",
            "00350000",
            "sessionHandle=a&sessionHandle={{handle}}\n",
        ),
        seed(
            "write",
            "00130000",
            r#"{"sessionHandle":"{{handle}}","sessionData":{"b" : [ ]}}"#,
        ),
        seed("health", "10360200", ""),
        seed("ready", "10370200", ""),
        seed("method", "00720000", ""),
        seed("target", "00390000", "/session/%64ata?x=%\n"),
    ]
}
