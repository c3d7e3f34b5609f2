//! The replies of the native API.

use http::StatusCode;
use serde::Serialize;
use session_core::domain::json::Json;
use session_core::domain::maintenance::Report;
use session_core::domain::time::Timestamp;
use session_service::{Grant, Reauthenticated, Refreshed, SessionInfo, Token, Verified};

use crate::reply::Reply;

/// The text of every `UNAUTHORISED`: the reason goes to the log, not to the caller.
const UNAUTHORISED: &str = "there is no such session, or its token is not valid";

/// The text of every `TRY_REFRESH_TOKEN`.
const TRY_REFRESH_TOKEN: &str = "the access token is not valid; refresh the session";

/// The text of every `REAUTHENTICATE`.
const REAUTHENTICATE: &str = "the session is live; authenticate the user again for this";

#[derive(Serialize)]
struct TokenBody<'a> {
    value: &'a str,
    expires: u64,
}

impl<'a> From<&'a Token> for TokenBody<'a> {
    fn from(token: &'a Token) -> Self {
        Self {
            value: &token.value,
            expires: token.expires.as_millis(),
        }
    }
}

/// The text of every `DEVICE_PROOF_NEEDED`.
const DEVICE_PROOF_NEEDED: &str =
    "the session is bound to a device, and there is no right and fresh proof of it";

pub(super) fn is_false(flag: &bool) -> bool {
    !flag
}

#[derive(Serialize)]
struct ChallengeBody<'a> {
    message: &'a str,
    status: &'a str,
    challenge: &'a str,
}

#[derive(Serialize)]
struct SessionBody<'a> {
    handle: String,
    #[serde(rename = "userId")]
    user_id: &'a str,
    #[serde(rename = "jwtPayload", skip_serializing_if = "Option::is_none")]
    payload: Option<&'a Json>,
}

impl<'a> From<&'a SessionInfo> for SessionBody<'a> {
    fn from(session: &'a SessionInfo) -> Self {
        Self {
            handle: session.handle.reveal(),
            user_id: session.user_id.as_str(),
            payload: session.payload.as_ref(),
        }
    }
}

#[derive(Serialize)]
struct StatusBody<'a> {
    message: &'a str,
    status: &'a str,
}

pub(super) fn error(status: StatusCode, code: &str, message: &str) -> Reply {
    #[derive(Serialize)]
    struct ErrorBody<'a> {
        message: &'a str,
        code: &'a str,
    }
    Reply::json(status, &ErrorBody { message, code })
}

pub(super) fn alive() -> Reply {
    Reply::ok(&StatusBody {
        message: "alive",
        status: "OK",
    })
}

pub(super) fn maintained(report: &Report) -> Reply {
    #[derive(Serialize)]
    struct Maintained<'a> {
        message: &'a str,
        status: &'a str,
        #[serde(flatten)]
        report: &'a Report,
    }
    Reply::ok(&Maintained {
        message: "one tick of maintenance",
        status: "OK",
        report,
    })
}

pub(super) fn ready() -> Reply {
    Reply::ok(&StatusBody {
        message: "ready",
        status: "OK",
    })
}

pub(super) fn works() -> Reply {
    Reply::ok(&StatusBody {
        message: "the keys are loaded, and the database stores sessions",
        status: "OK",
    })
}

pub(super) fn unauthorised() -> Reply {
    Reply::ok(&StatusBody {
        message: UNAUTHORISED,
        status: "UNAUTHORISED",
    })
}

pub(super) fn created(grant: &Grant) -> Reply {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Created<'a> {
        message: &'a str,
        status: &'a str,
        session: SessionBody<'a>,
        access_token: TokenBody<'a>,
        refresh_token: TokenBody<'a>,
        id_refresh_token: TokenBody<'a>,
        #[serde(skip_serializing_if = "is_false")]
        bound: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        challenge: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        ends_at: Option<u64>,
    }
    Reply::ok(&Created {
        bound: grant.session.bound,
        challenge: grant.device.challenge.as_deref(),
        message: "session created",
        status: "OK",
        session: (&grant.session).into(),
        access_token: (&grant.access).into(),
        refresh_token: (&grant.refresh).into(),
        id_refresh_token: (&grant.id_refresh).into(),
        ends_at: grant.ends_at.map(Timestamp::as_millis),
    })
}

/// `is_checked`: the caller has asked when the user was authenticated.
pub(super) fn verified(answer: &Verified, is_checked: bool) -> Reply {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Good<'a> {
        message: &'a str,
        status: &'a str,
        session: SessionBody<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        new_access_token: Option<TokenBody<'a>>,
        #[serde(skip_serializing_if = "is_false")]
        bound: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        authentication_checked: Option<bool>,
    }
    let (message, status, session, token) = match answer {
        Verified::Ok(session, token) => ("session verified", "OK", session, token),
        Verified::Reauthenticate(session, token) => {
            (REAUTHENTICATE, "REAUTHENTICATE", session, token)
        }
        Verified::Unauthorised => return unauthorised(),
        Verified::TryRefreshToken => return try_refresh(),
        Verified::DeviceProofNeeded => return proof_needed(),
    };
    Reply::ok(&Good {
        bound: session.bound,
        message,
        status,
        session: session.into(),
        new_access_token: token.as_ref().map(TokenBody::from),
        authentication_checked: is_checked.then_some(true),
    })
}

fn proof_needed() -> Reply {
    Reply::ok(&StatusBody {
        message: DEVICE_PROOF_NEEDED,
        status: "DEVICE_PROOF_NEEDED",
    })
}

fn try_refresh() -> Reply {
    Reply::ok(&StatusBody {
        message: TRY_REFRESH_TOKEN,
        status: "TRY_REFRESH_TOKEN",
    })
}

pub(super) fn reauthenticated(answer: &Reauthenticated) -> Reply {
    match answer {
        Reauthenticated::Ok(grant) => created(grant),
        Reauthenticated::Unauthorised => unauthorised(),
        Reauthenticated::TryRefreshToken => try_refresh(),
        Reauthenticated::DeviceProofNeeded => proof_needed(),
    }
}

pub(super) fn refreshed(answer: &Refreshed) -> Reply {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Good<'a> {
        message: &'a str,
        status: &'a str,
        session: SessionBody<'a>,
        new_access_token: TokenBody<'a>,
        new_refresh_token: TokenBody<'a>,
        new_id_refresh_token: TokenBody<'a>,
        #[serde(skip_serializing_if = "is_false")]
        bound: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        challenge: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        ends_at: Option<u64>,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Bad<'a> {
        message: &'a str,
        status: &'a str,
        session_theft_detected: Theft<'a>,
    }
    #[derive(Serialize)]
    struct Theft<'a> {
        value: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        session: Option<Stolen<'a>>,
    }
    #[derive(Serialize)]
    struct Stolen<'a> {
        handle: String,
        #[serde(rename = "userId")]
        user_id: &'a str,
    }
    let stolen = match answer {
        Refreshed::Ok(grant) => {
            return Reply::ok(&Good {
                bound: grant.session.bound,
                challenge: grant.device.challenge.as_deref(),
                message: "session refreshed",
                status: "OK",
                session: (&grant.session).into(),
                new_access_token: (&grant.access).into(),
                new_refresh_token: (&grant.refresh).into(),
                new_id_refresh_token: (&grant.id_refresh).into(),
                ends_at: grant.ends_at.map(Timestamp::as_millis),
            });
        }
        Refreshed::DeviceProofNeeded(challenge) => {
            return Reply::ok(&ChallengeBody {
                message: DEVICE_PROOF_NEEDED,
                status: "DEVICE_PROOF_NEEDED",
                challenge,
            });
        }
        Refreshed::Unauthorised => None,
        Refreshed::TheftDetected(handle, user_id) => Some(Stolen {
            handle: handle.reveal(),
            user_id: user_id.as_str(),
        }),
    };
    let theft = Theft {
        value: stolen.is_some(),
        session: stolen,
    };
    Reply::ok(&Bad {
        message: UNAUTHORISED,
        status: "UNAUTHORISED",
        session_theft_detected: theft,
    })
}

pub(super) fn bound(challenge: &str) -> Reply {
    Reply::ok(&ChallengeBody {
        message: "the session is bound to the device",
        status: "OK",
        challenge,
    })
}

pub(super) fn revoked(deleted: bool) -> Reply {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Revoked<'a> {
        message: &'a str,
        status: &'a str,
        deleted_any_entry: bool,
    }
    let message = if deleted {
        "session deleted"
    } else {
        "there was no such session"
    };
    Reply::ok(&Revoked {
        message,
        status: "OK",
        deleted_any_entry: deleted,
    })
}

pub(super) fn revoked_all(excepted: bool) -> Reply {
    #[derive(Serialize)]
    struct RevokedAll<'a> {
        message: &'a str,
        status: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        excepted: Option<bool>,
    }
    Reply::ok(&RevokedAll {
        message: "the user's sessions are deleted",
        status: "OK",
        excepted: excepted.then_some(true),
    })
}

pub(super) fn data(answer: Option<Option<Json>>) -> Reply {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Data<'a> {
        message: &'a str,
        status: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        session_data: Option<Json>,
    }
    match answer {
        Some(session_data) => Reply::ok(&Data {
            message: "session data",
            status: "OK",
            session_data,
        }),
        None => unauthorised(),
    }
}

pub(super) fn data_written(written: bool) -> Reply {
    match written {
        true => Reply::ok(&StatusBody {
            message: "session data replaced",
            status: "OK",
        }),
        false => unauthorised(),
    }
}

pub(super) fn payload_written(written: bool) -> Reply {
    match written {
        true => Reply::ok(&StatusBody {
            message: "payload replaced; the next refresh or confirmation carries it",
            status: "OK",
        }),
        false => unauthorised(),
    }
}
