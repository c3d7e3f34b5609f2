//! Logins: the first one, one more of somebody who is signed in (step-up), and what takes a fresh one.
//!
//! There is one user, and no password: the demo is about what comes after.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use session_edge::identity;
use spin_sdk::http::{HeaderMap, StatusCode, Uri};

use crate::{Reply, header, json_reply, now, sign_in_first};

const USER: &str = "ada";

/// For so many seconds a login is good for something dangerous.
const FRESH: u64 = 20;

/// What becomes of a session whose user did not ask to stay signed in: out after half an hour without a request, and after
/// half a day in any case.
fn for_a_while() -> Value {
    json!({ "idle": 1800, "absolute": 43_200 })
}

/// How the user was authenticated: somebody was there and clicked (RFC 8176).
fn authentication() -> Value {
    json!({ "methods": ["user"] })
}

/// A login; with `?stay` for as long as the service's settings let it.
pub(crate) fn first(uri: &Uri) -> Reply {
    let mut login = json!({
        "userId": USER, "jwtPayload": { "name": "Ada Lovelace" }, "authentication": authentication(),
    });
    if uri.query() != Some("stay") {
        login["lifetime"] = for_a_while();
    }
    log_in(&login)
}

/// One more login of who is signed in: the session goes on as a new one.
pub(crate) fn again(headers: &HeaderMap) -> Reply {
    let Some(user_id) = header(headers, identity::USER_ID) else {
        return sign_in_first();
    };
    log_in(
        &json!({ "userId": user_id, "authentication": authentication(), "reauthenticate": true }),
    )
}

fn log_in(login: &Value) -> Reply {
    let mut reply = json_reply(StatusCode::OK, &json!({ "status": "OK" }));
    let value = STANDARD.encode(login.to_string());
    let value = value.try_into().expect("base64 is ASCII");
    reply.headers_mut().insert(identity::CREATE, value);
    reply
}

/// Something dangerous, which a session alone is not enough for. A 401 would have the page refresh, which helps nothing.
pub(crate) fn close_account(headers: &HeaderMap) -> Reply {
    if header(headers, identity::USER_ID).is_none() {
        return sign_in_first();
    }
    let at = header(headers, identity::AUTH_TIME).and_then(|time| time.parse::<u64>().ok());
    let age = at.map(|at| now().as_secs().saturating_sub(at));
    match age {
        Some(..=FRESH) => json_reply(StatusCode::OK, &json!({ "status": "OK" })),
        _ => json_reply(
            StatusCode::FORBIDDEN,
            &json!({ "code": "reauthenticate", "age": age, "message": "log in once more" }),
        ),
    }
}
