//! The headers between edge and site: who asks, and who has logged in.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::VARY;
use http::{HeaderMap, HeaderValue};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::Deserialize;
use serde_json::value::RawValue;
use session_core::domain::json::{Json, present};

use super::gateway::remove_spelled;
use super::site_login::{Reauthentication, SiteLogin};
use super::wire::{Login, Session};

/// The user's id, percent-encoded (RFC 3986 §2.1) but for visible ASCII.
pub const USER_ID: &str = "x-session-user-id";
/// The session's handle.
pub const HANDLE: &str = "x-session-handle";
/// The session's payload: base64 (RFC 4648 §4) of its JSON text; absent if there is none.
pub const PAYLOAD: &str = "x-session-payload";
/// When the user was authenticated: seconds since the Unix epoch. This and the next two are the access token's claims
/// `auth_time`, `amr` and `acr` (OpenID Connect Core 1.0 §2), absent if it has none.
pub const AUTH_TIME: &str = "x-session-auth-time";
/// By which methods, with commas between them.
pub const AUTH_METHODS: &str = "x-session-auth-amr";
/// How well, in the site's words.
pub const AUTH_LEVEL: &str = "x-session-auth-acr";
/// The site's word for "log this user in": base64 of a JSON object, see [`read_login`].
pub const CREATE: &str = "x-session-create";

const NOT_VISIBLE: &AsciiSet = &CONTROLS.add(b' ').add(b'%');

/// Removes what a client may have sent to pass for someone.
pub fn strip(headers: &mut HeaderMap) {
    remove_spelled(headers, |name| name.starts_with("x-session-"));
}

/// Tells the site whose request it is.
pub fn introduce(headers: &mut HeaderMap, session: &Session) {
    let user_id = utf8_percent_encode(&session.user_id, NOT_VISIBLE).to_string();
    let payload = session
        .payload
        .as_ref()
        .map(|json| STANDARD.encode(json.as_str()));
    let authentication = session.authentication.as_ref();
    let methods = authentication.map(|it| it.methods().join(","));
    let level = authentication.and_then(|it| it.level());
    for (name, value) in [
        (
            AUTH_TIME,
            authentication.map(|it| it.time().as_secs().to_string()),
        ),
        (AUTH_METHODS, methods.filter(|methods| !methods.is_empty())),
        (AUTH_LEVEL, level.map(str::to_owned)),
        (USER_ID, Some(user_id)),
        (HANDLE, Some(session.handle.clone())),
        (PAYLOAD, payload),
    ] {
        if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
            headers.insert(name, value);
        }
    }
}

/// Takes the login out of a site's reply, if there is one.
///
/// # Errors
/// If it is malformed; the text says why.
pub fn take_login(headers: &mut HeaderMap) -> Result<Option<SiteLogin>, String> {
    let value = headers.remove(CREATE);
    // A site may send nothing else that looks like ours.
    strip(headers);
    let Some(value) = value else {
        return Ok(None);
    };
    let json = STANDARD.decode(value.as_bytes());
    let json = json.map_err(|_| format!("{CREATE} is not base64"))?;
    read_login(&json).map(Some)
}

/// A reply that varies by our headers varies by cookie, as far as a cache before the edge can see.
pub fn vary_by_cookie(headers: &mut HeaderMap) {
    let names = headers.get_all(VARY).iter();
    let mut names = names.flat_map(|value| value.as_bytes().split(|b| *b == b','));
    let is_ours = |name: &[u8]| {
        name.trim_ascii()
            .to_ascii_lowercase()
            .starts_with(b"x-session-")
    };
    if names.any(is_ours) {
        headers.append(VARY, HeaderValue::from_static("cookie"));
    }
}

/// Reads a login from JSON: an object with a string as `userId`, and what else `POST /session` takes; or, with
/// `"reauthenticate": true`, with nothing else but `authentication`. The texts name fields and never quote a value: they
/// are logged.
///
/// # Errors
/// If it is something else; the text says why.
pub fn read_login(json: &[u8]) -> Result<SiteLogin, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Input<'a> {
        #[serde(borrow)]
        user_id: Option<&'a RawValue>,
        #[serde(default, deserialize_with = "present", borrow)]
        jwt_payload: Option<&'a RawValue>,
        #[serde(default, deserialize_with = "present", borrow)]
        session_data: Option<&'a RawValue>,
        #[serde(default, deserialize_with = "present", borrow)]
        lifetime: Option<&'a RawValue>,
        #[serde(default, deserialize_with = "present", borrow)]
        client: Option<&'a RawValue>,
        #[serde(default, deserialize_with = "present", borrow)]
        authentication: Option<&'a RawValue>,
        #[serde(default, deserialize_with = "present", borrow)]
        reauthenticate: Option<&'a RawValue>,
    }
    // serde would also take an array, its elements as the fields in order.
    if !json.trim_ascii_start().starts_with(b"{") {
        return Err("a login is a JSON object".to_owned());
    }
    let input: Input<'_> = serde_json::from_slice(json).map_err(|error| error.to_string())?;
    let user_id = input.user_id.ok_or("userId is missing")?;
    let user_id = serde_json::from_str(user_id.get()).map_err(|_| "userId must be a string")?;
    let login = Login {
        user_id,
        jwt_payload: input.jwt_payload.map(Json::from),
        session_data: input.session_data.map(Json::from),
        lifetime: input.lifetime.map(Json::from),
        client: input.client.map(Json::from),
        authentication: input.authentication.map(Json::from),
    };
    match input.reauthenticate.map(RawValue::get) {
        None | Some("false") => Ok(SiteLogin::New(login)),
        Some("true") => Ok(SiteLogin::Again(Reauthentication::of(login)?)),
        Some(_) => Err("reauthenticate must be true or false".to_owned()),
    }
}
