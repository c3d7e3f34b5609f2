//! The front token: what a page may know of its session, in a reply header that scripts can read.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use serde::Serialize;
use serde_json::value::RawValue;

use super::wire::{Session, Token};

/// The header's name.
pub const FRONT_TOKEN: &str = "front-token";

/// The header's value when the session is over.
pub const REMOVE: HeaderValue = HeaderValue::from_static("remove");

#[derive(Serialize)]
struct Body<'a> {
    /// The user's id.
    uid: &'a str,
    /// When the access token expires, milliseconds since the Unix epoch.
    ate: u64,
    /// The session's payload. The front-end library wants an object.
    up: &'a RawValue,
}

/// The header's value: base64 (RFC 4648 §4) of a JSON object.
pub fn front_token(session: &Session, access: &Token, hide_payload: bool) -> HeaderValue {
    const NOTHING: &str = "{}";
    let payload = session.payload.as_ref().map(|payload| payload.as_str());
    let payload = payload.filter(|text| !hide_payload && text.starts_with('{'));
    let up = RawValue::from_string(payload.unwrap_or(NOTHING).to_owned());
    let body = Body {
        uid: session.user_id.as_str(),
        ate: access.expires.as_millis(),
        up: &up.expect("it was JSON before"),
    };
    let json = serde_json::to_vec(&body).expect("it is strings, numbers and verbatim JSON");
    HeaderValue::try_from(STANDARD.encode(json)).expect("base64 is ASCII")
}
