//! The claims of the native API's tokens: `sub`, `sid`, `iat`, `exp`, `rt`, perhaps `prt`, `iss`, `aud`, `auth_time`, `amr`,
//! `acr`, `cnf` and `userPayload`.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::domain::authentication::Authentication;
use crate::domain::device::KeyThumbprint;
use crate::domain::id::{SessionHandle, UserId};
use crate::domain::json::{Json, present};
use crate::domain::secret::{DoubleHash, Sha256Hex, SingleHash};
use crate::domain::time::Timestamp;
use crate::domain::token::access::{AccessClaims, OptionalClaims};

#[derive(Serialize)]
struct ClaimsOut<'a> {
    sub: &'a str,
    sid: &'a str,
    iat: u64,
    exp: u64,
    rt: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    prt: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<u64>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    amr: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    acr: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cnf: Option<Confirmation<String>>,
    #[serde(rename = "userPayload", skip_serializing_if = "Option::is_none")]
    payload: Option<&'a Json>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClaimsIn<'a> {
    sub: String,
    #[serde(borrow)]
    sid: &'a str,
    iat: u64,
    exp: u64,
    rt: &'a str,
    #[serde(default, deserialize_with = "present")]
    prt: Option<&'a str>,
    #[serde(default, deserialize_with = "present")]
    iss: Option<String>,
    #[serde(default, deserialize_with = "present")]
    aud: Option<String>,
    #[serde(default, deserialize_with = "present")]
    auth_time: Option<u64>,
    #[serde(default, deserialize_with = "present")]
    amr: Option<Vec<String>>,
    #[serde(default, deserialize_with = "present")]
    acr: Option<String>,
    #[serde(default, deserialize_with = "present", borrow)]
    cnf: Option<Confirmation<&'a str>>,
    #[serde(rename = "userPayload", default, deserialize_with = "present", borrow)]
    payload: Option<&'a RawValue>,
}

/// How the key of a token is confirmed (RFC 7800 §3.1): by its thumbprint.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Confirmation<T> {
    jkt: T,
}

/// The claims' JSON.
pub(in crate::domain::token) fn write(claims: &AccessClaims) -> Vec<u8> {
    let authentication = claims.optional.authentication.as_ref();
    let claims = ClaimsOut {
        sub: claims.user_id.as_str(),
        sid: &claims.handle.reveal(),
        iat: claims.issued_at.as_secs(),
        exp: claims.expires_at.as_secs(),
        rt: claims.refresh.as_str(),
        prt: claims.parent.as_ref().map(SingleHash::reveal),
        iss: claims.optional.issuer.as_deref(),
        aud: claims.optional.audience.as_deref(),
        auth_time: authentication.map(|it| it.time().as_secs()),
        amr: authentication.map_or(&[], Authentication::methods),
        acr: authentication.and_then(Authentication::level),
        cnf: claims.key.map(|key| Confirmation { jkt: key.encode() }),
        payload: claims.payload.as_ref(),
    };
    serde_json::to_vec(&claims).expect("strings and numbers serialize")
}

/// `None` for what [`write`] does not write: `amr` or `acr` without `auth_time`, or an empty list.
fn authentication(
    time: Option<u64>,
    methods: Option<Vec<String>>,
    level: Option<String>,
) -> Option<Option<Authentication>> {
    let is_empty = methods.as_ref().is_some_and(Vec::is_empty);
    match time {
        Some(secs) if !is_empty => {
            let time = Timestamp::from_secs(secs);
            let methods = methods.unwrap_or_default();
            Authentication::of(time, methods, level).ok().map(Some)
        }
        None if methods.is_none() && level.is_none() => Some(None),
        _ => None,
    }
}

/// Reads what [`write`] wrote; `None` for anything else.
pub(in crate::domain::token) fn read(text: &str) -> Option<AccessClaims> {
    let claims: ClaimsIn<'_> = serde_json::from_str(text).ok()?;
    Some(AccessClaims {
        user_id: UserId::parse(claims.sub).ok()?,
        handle: SessionHandle::parse(claims.sid)?,
        issued_at: Timestamp::from_secs(claims.iat),
        expires_at: Timestamp::from_secs(claims.exp),
        refresh: DoubleHash::from_hex(Sha256Hex::parse(claims.rt)?),
        parent: match claims.prt {
            Some(hex) => Some(SingleHash::from_hex(Sha256Hex::parse(hex)?)),
            None => None,
        },
        anti_csrf: None,
        optional: OptionalClaims {
            issuer: claims.iss,
            audience: claims.aud,
            authentication: authentication(claims.auth_time, claims.amr, claims.acr)?,
        },
        key: match claims.cnf {
            Some(cnf) => Some(KeyThumbprint::parse(cnf.jkt)?),
            None => None,
        },
        payload: claims.payload.map(Json::from),
    })
}
