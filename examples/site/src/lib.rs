//! A site that has users and no code for sessions: it reads who asks from one header, and logs someone in with another.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// A reply of the site.
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// Its headers.
    pub headers: Vec<(&'static str, String)>,
    /// Its body.
    pub body: String,
}

/// Answers a request. `header` looks one up: `x-session-user-id` is whoever the edge says that it is.
pub fn answer<'h>(method: &str, path: &str, header: impl Fn(&str) -> Option<&'h str>) -> Reply {
    match (method, path, header("x-session-user-id")) {
        ("GET", "/", _) => reply(200, "text/html; charset=utf-8", include_str!("page.html")),
        // A real site looks at a password here.
        ("POST", "/login", _) => {
            let login = json!({ "userId": "ada", "jwtPayload": { "role": "admin" } });
            let mut reply = reply(200, "application/json", r#"{"status":"OK"}"#);
            reply
                .headers
                .push(("x-session-create", STANDARD.encode(login.to_string())));
            reply
        }
        ("GET", "/me", Some(user)) => {
            let payload = header("x-session-payload").and_then(|text| STANDARD.decode(text).ok());
            let payload: Value =
                serde_json::from_slice(&payload.unwrap_or_default()).unwrap_or_default();
            let body = json!({ "user": user, "role": payload["role"] });
            reply(200, "application/json", &body.to_string())
        }
        ("GET", "/me", None) => reply(401, "application/json", r#"{"message":"sign in first"}"#),
        _ => reply(404, "text/plain", "there is no such page"),
    }
}

fn reply(status: u16, kind: &str, body: &str) -> Reply {
    let length = body.len().to_string();
    Reply {
        status,
        headers: vec![
            ("content-type", kind.to_owned()),
            ("content-length", length),
        ],
        body: body.to_owned(),
    }
}
