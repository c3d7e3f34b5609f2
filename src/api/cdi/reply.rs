//! The replies of the calls.

use http::StatusCode;
use serde::Serialize;
use session_core::domain::id::{SessionHandle, UserId};
use session_core::domain::json::Json;
use session_core::domain::secret::SecretString;
use session_core::domain::token::shape::cdi::{Payload, TENANT};
use session_service::{Grant, Refreshed, SessionInfo, Token, Verified};
use session_store::SessionRecord;

use super::version::{CdiVersion, VERSIONS};
use crate::reply::Reply;

/// The text with every `UNAUTHORISED`: the reason goes to the log, not to the caller.
const UNAUTHORISED: &str = "there is no such session, or its token is not valid";

/// The text with every `TRY_REFRESH_TOKEN`.
const TRY_REFRESH_TOKEN: &str = "the access token is not valid; refresh the session";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TokenBody<'a> {
    token: &'a str,
    expiry: u64,
    created_time: u64,
}

impl<'a> From<&'a Token> for TokenBody<'a> {
    fn from(token: &'a Token) -> Self {
        Self {
            token: &token.value,
            expiry: token.expires.as_millis(),
            created_time: token.issued.as_millis(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionBody<'a> {
    handle: String,
    user_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    recipe_user_id: Option<&'a str>,
    #[serde(rename = "userDataInJWT")]
    payload: Json,
    tenant_id: &'a str,
}

impl<'a> SessionBody<'a> {
    fn new(session: &'a SessionInfo, version: CdiVersion) -> Self {
        Self {
            handle: session.handle.reveal(),
            user_id: session.user_id.as_str(),
            recipe_user_id: recipe_user(&session.user_id, version),
            payload: object(session.payload.as_ref()),
            tenant_id: TENANT,
        }
    }
}

/// The id of the user's login recipe, in versions that have one: no user has several.
fn recipe_user(user_id: &UserId, version: CdiVersion) -> Option<&str> {
    version.has_recipe_user().then(|| user_id.as_str())
}

fn object(json: Option<&Json>) -> Json {
    json.cloned()
        .unwrap_or_else(|| Payload::empty().into_json())
}

#[derive(Serialize)]
struct Status<'a> {
    status: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
}

fn status(status: &str, message: Option<&str>) -> Reply {
    Reply::ok(&Status { status, message })
}

fn unauthorised() -> Reply {
    status("UNAUTHORISED", Some(UNAUTHORISED))
}

pub(super) fn hello() -> Reply {
    Reply::text(StatusCode::OK, "Hello\n")
}

pub(super) fn versions() -> Reply {
    #[derive(Serialize)]
    struct Versions<'a> {
        versions: &'a [&'a str],
    }
    Reply::ok(&Versions {
        versions: &VERSIONS,
    })
}

pub(super) fn unknown_user_id() -> Reply {
    status("UNKNOWN_USER_ID_ERROR", None)
}

pub(super) fn granted(grant: &Grant, version: CdiVersion) -> Reply {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Granted<'a> {
        status: &'a str,
        session: SessionBody<'a>,
        access_token: TokenBody<'a>,
        refresh_token: TokenBody<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        anti_csrf_token: Option<&'a str>,
    }
    Reply::ok(&Granted {
        status: "OK",
        session: SessionBody::new(&grant.session, version),
        access_token: (&grant.access).into(),
        refresh_token: (&grant.refresh).into(),
        anti_csrf_token: grant.anti_csrf.as_ref().map(SecretString::expose),
    })
}

/// A session that is good, with the token that replaces the caller's, if any does.
fn good(session: &SessionInfo, token: Option<&Token>, version: CdiVersion) -> Reply {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Good<'a> {
        status: &'a str,
        session: SessionBody<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        access_token: Option<TokenBody<'a>>,
    }
    Reply::ok(&Good {
        status: "OK",
        session: SessionBody::new(session, version),
        access_token: token.map(TokenBody::from),
    })
}

pub(super) fn verified(answer: &Verified, version: CdiVersion) -> Reply {
    match answer {
        // Nobody asks through this interface when a user was authenticated.
        Verified::Ok(session, token) | Verified::Reauthenticate(session, token) => {
            good(session, token.as_ref(), version)
        }
        Verified::Unauthorised => unauthorised(),
        // None of these tokens names a key.
        Verified::TryRefreshToken | Verified::DeviceProofNeeded => {
            status("TRY_REFRESH_TOKEN", Some(TRY_REFRESH_TOKEN))
        }
    }
}

pub(super) fn refreshed(answer: &Refreshed, version: CdiVersion) -> Reply {
    match answer {
        Refreshed::Ok(grant) => granted(grant, version),
        // None of these sessions is bound.
        Refreshed::Unauthorised | Refreshed::DeviceProofNeeded(_) => unauthorised(),
        Refreshed::TheftDetected(handle, user_id) => theft(*handle, user_id, version),
    }
}

fn theft(handle: SessionHandle, user_id: &UserId, version: CdiVersion) -> Reply {
    #[derive(Serialize)]
    struct Theft<'a> {
        status: &'a str,
        session: Stolen<'a>,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Stolen<'a> {
        handle: String,
        user_id: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        recipe_user_id: Option<&'a str>,
    }
    Reply::ok(&Theft {
        status: "TOKEN_THEFT_DETECTED",
        session: Stolen {
            handle: handle.reveal(),
            user_id: user_id.as_str(),
            recipe_user_id: recipe_user(user_id, version),
        },
    })
}

pub(super) fn regenerated(
    answer: Option<&(SessionInfo, Option<Token>)>,
    version: CdiVersion,
) -> Reply {
    match answer {
        Some((session, token)) => good(session, token.as_ref(), version),
        None => unauthorised(),
    }
}

pub(super) fn information(
    handle: &str,
    record: Option<&SessionRecord>,
    version: CdiVersion,
) -> Reply {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Information<'a> {
        status: &'a str,
        session_handle: &'a str,
        user_id: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        recipe_user_id: Option<&'a str>,
        user_data_in_database: Json,
        #[serde(rename = "userDataInJWT")]
        payload: Json,
        expiry: u64,
        time_created: u64,
        tenant_id: &'a str,
    }
    let Some(record) = record else {
        return unauthorised();
    };
    Reply::ok(&Information {
        status: "OK",
        session_handle: handle,
        user_id: record.stored.user_id.as_str(),
        recipe_user_id: recipe_user(&record.stored.user_id, version),
        user_data_in_database: object(record.data.as_ref()),
        payload: object(record.stored.payload.as_ref()),
        expiry: record.stored.expires_at.as_millis(),
        time_created: record.created_at.as_millis(),
        tenant_id: TENANT,
    })
}

pub(super) fn written(written: bool) -> Reply {
    match written {
        true => status("OK", None),
        false => unauthorised(),
    }
}

pub(super) fn listed(handles: &[SessionHandle]) -> Reply {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct List<'a> {
        status: &'a str,
        session_handles: Vec<String>,
    }
    Reply::ok(&List {
        status: "OK",
        session_handles: handles.iter().map(SessionHandle::reveal).collect(),
    })
}

pub(super) fn removed(handles: &[String]) -> Reply {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Removed<'a> {
        status: &'a str,
        session_handles_revoked: &'a [String],
    }
    Reply::ok(&Removed {
        status: "OK",
        session_handles_revoked: handles,
    })
}
