//! A reply as it came: status, headers and the bytes of the body.

use bytes::Bytes;
use reqwest::header::HeaderMap;

use crate::client::Session;
use crate::json;

/// The one body of every `UNAUTHORISED` but a refresh's.
pub const UNAUTHORISED: &str = r#"{"message":"[text]","status":"UNAUTHORISED"}"#;
/// The one body of every `TRY_REFRESH_TOKEN`.
pub const TRY_REFRESH_TOKEN: &str = r#"{"message":"[text]","status":"TRY_REFRESH_TOKEN"}"#;

/// The one body of every `UNAUTHORISED` of a refresh that is no theft.
pub const REFUSED: &str = r#"{
    "message": "[text]",
    "status": "UNAUTHORISED",
    "sessionTheftDetected": {"value": false}
}"#;

/// The body of a refresh that reveals the theft of a session.
pub fn theft_of(session: &Session) -> String {
    format!(
        r#"{{
            "message": "[text]",
            "status": "UNAUTHORISED",
            "sessionTheftDetected": {{
                "value": true,
                "session": {{"handle": {}, "userId": {}}}
            }}
        }}"#,
        json::quote(&session.handle),
        json::quote(&session.user)
    )
}

/// One HTTP reply.
#[derive(Clone, PartialEq)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Reply {
    /// The body as text. Panics if it is not UTF-8, which the contract rules out.
    #[track_caller]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a body is UTF-8")
    }

    /// A header's value; empty if it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or("")
    }

    /// Panics unless the status is this one and the body matches the pattern (see
    /// [`json::matches`]). Returns the reply, so that a test can go on with it.
    #[track_caller]
    pub fn expect(self, status: u16, pattern: &str) -> Self {
        assert!(
            self.status == status && json::matches(pattern, self.text()),
            "expected {status} {pattern}\n     got {self:?}",
        );
        self
    }

    /// Panics unless this is an error with this code, a message, and nothing else.
    #[track_caller]
    pub fn expect_error(self, status: u16, code: &str) -> Self {
        self.expect(
            status,
            &format!(r#"{{"message":"[text]","code":"{code}"}}"#),
        )
    }

    /// The status in the body of a 200: `OK`, `UNAUTHORISED` or `TRY_REFRESH_TOKEN`.
    #[track_caller]
    pub fn answer(&self) -> String {
        assert_eq!(self.status, 200, "{self:?}");
        self.string("status")
    }

    /// The JSON text at a path such as `session.jwtPayload`, if it is there.
    #[track_caller]
    pub fn part(&self, path: &str) -> Option<String> {
        json::at(self.text(), path)
    }

    /// The string at a path. Panics if there is none.
    #[track_caller]
    pub fn string(&self, path: &str) -> String {
        let part = self
            .part(path)
            .unwrap_or_else(|| panic!("no {path} in {self:?}"));
        serde_json::from_str(&part).unwrap_or_else(|_| panic!("{path} is no string in {self:?}"))
    }

    /// The integer at a path. Panics if there is none.
    #[track_caller]
    pub fn number(&self, path: &str) -> i64 {
        let part = self
            .part(path)
            .unwrap_or_else(|| panic!("no {path} in {self:?}"));
        part.parse()
            .unwrap_or_else(|_| panic!("{path} is no integer in {self:?}"))
    }
}

impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let body = String::from_utf8_lossy(&self.body);
        write!(
            f,
            "{} {}",
            self.status,
            body.chars().take(2_000).collect::<String>()
        )
    }
}
