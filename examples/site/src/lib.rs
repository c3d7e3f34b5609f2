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

const HTML: &str = "text/html; charset=utf-8";

/// Answers a request. `header` looks one up: `x-session-user-id` is who is signed in, as the edge says.
pub fn answer<'h>(
    method: &str,
    path: &str,
    header: impl Fn(&str) -> Option<&'h str>,
    body: &[u8],
) -> Reply {
    match (method, path, header("x-session-user-id")) {
        ("GET", "/", _) => reply(200, HTML, include_str!("page.html")),
        ("POST", "/login", _) => reply(200, "application/json", r#"{"status":"OK"}"#).log_in(),
        // The same without scripts: forms, and redirects.
        ("GET", "/plain", user) => reply(200, HTML, &plain_page(user, "")),
        ("POST", "/plain/login", _) => reply(303, HTML, "").with("location", "/plain").log_in(),
        ("POST", "/plain/note", user) => reply(200, HTML, &plain_page(user, &letters(body))),
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

impl Reply {
    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// A real site looks at a password first.
    fn log_in(self) -> Self {
        let login = json!({ "userId": "ada", "jwtPayload": { "role": "admin" } });
        self.with("x-session-create", &STANDARD.encode(login.to_string()))
    }
}

/// A page made on the server, which needs no script.
fn plain_page(user: Option<&str>, note: &str) -> String {
    let content = match user {
        Some(user) => format!(
            "<h1>Hello, {user}</h1><p>{note}</p><a href=/plain>Again</a>\
             <form method=post action=/plain/note><input name=note><button id=send>Send</button></form>\
             <form method=post action='/auth/signout?to=/plain'><button id=out>Sign out</button></form>"
        ),
        None => "<h1>Nobody is signed in</h1>\
                 <form method=post action=/plain/login><button id=in>Sign in</button></form>"
            .to_owned(),
    };
    format!(
        "<!doctype html><html lang=en><meta charset=utf-8><title>Without scripts</title>{content}</html>"
    )
}

/// The letters of a form's one field.
fn letters(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let value = text.split_once('=').map_or("", |(_, value)| value);
    value.chars().filter(char::is_ascii_alphanumeric).collect()
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
