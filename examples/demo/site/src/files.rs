//! The page's files, in the binary.

use spin_sdk::http::StatusCode;

use crate::{Reply, reply};

/// Nothing from elsewhere, nothing inline.
const POLICY: &str = "default-src 'self'; base-uri 'none'; frame-ancestors 'none'";

const JS: &str = "text/javascript; charset=utf-8";

/// The file at a path.
pub(crate) fn file(path: &str) -> Option<Reply> {
    let (kind, text) = match path {
        "/" => (
            "text/html; charset=utf-8",
            include_str!("../static/index.html"),
        ),
        "/static/style.css" => (
            "text/css; charset=utf-8",
            include_str!("../static/style.css"),
        ),
        "/static/page.js" => (JS, include_str!("../static/page.js")),
        "/static/devices.js" => (JS, include_str!("../static/devices.js")),
        "/static/key.js" => (JS, include_str!("../static/key.js")),
        "/static/turns.js" => (JS, include_str!("../static/turns.js")),
        "/static/story.js" => (JS, include_str!("../static/story.js")),
        "/static/line.js" => (JS, include_str!("../static/line.js")),
        "/static/hand-over.js" => (JS, "document.forms[0].submit();\n"),
        "/static/icon.svg" => ("image/svg+xml", include_str!("../static/icon.svg")),
        _ => return None,
    };
    let mut file = reply(StatusCode::OK, kind, text);
    let headers = file.headers_mut();
    for (name, value) in [
        ("content-security-policy", POLICY),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
    ] {
        headers.insert(name, value.parse().expect("it is a header's value"));
    }
    Some(file)
}
