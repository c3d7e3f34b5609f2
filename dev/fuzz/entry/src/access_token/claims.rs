//! What signed claims have to be taken for, worked out from their text alone.

use serde_json::value::RawValue;
use session_core::domain::authentication::Authentication;
use session_core::domain::device::KeyThumbprint;
use session_core::domain::id::{SessionHandle, UserId};
use session_core::domain::json::Json;
use session_core::domain::secret::{DoubleHash, Sha256Hex, SingleHash};
use session_core::domain::time::Timestamp;
use session_core::domain::token::access::{AccessClaims, AccessTokenError, OptionalClaims};

use crate::NOW;
use crate::members::Members;

/// The answer about claims of our shape.
pub(super) fn in_time(claims: AccessClaims) -> Result<AccessClaims, AccessTokenError> {
    let (now, skew) = (NOW.as_secs(), 60);
    if claims.expires_at.as_secs() <= now {
        Err(AccessTokenError::Expired)
    } else if claims.issued_at.as_secs() > now + skew {
        Err(AccessTokenError::IssuedInFuture)
    } else {
        Ok(claims)
    }
}

/// The answer that claims must get, given that they are signed.
pub(super) fn judge(claims: &[u8]) -> Result<AccessClaims, AccessTokenError> {
    str::from_utf8(claims)
        .ok()
        .and_then(read)
        .map_or(Err(AccessTokenError::WrongClaims), in_time)
}

fn read(text: &str) -> Option<AccessClaims> {
    const NAMES: [&str; 13] = [
        "sub",
        "sid",
        "iat",
        "exp",
        "rt",
        "prt",
        "cnf",
        "userPayload",
        "iss",
        "aud",
        "auth_time",
        "amr",
        "acr",
    ];
    let mut values = [const { None }; NAMES.len()];
    for (name, value) in Members::read(text)?.0 {
        let slot = NAMES.iter().position(|known| *known == name)?;
        if values[slot].replace(value).is_some() {
            return None;
        }
    }
    let [
        sub,
        sid,
        iat,
        exp,
        rt,
        prt,
        cnf,
        payload,
        iss,
        aud,
        auth_time,
        amr,
        acr,
    ] = values;
    let word = |value: Option<&RawValue>| match value {
        None => Some(None),
        Some(value) => serde_json::from_str::<String>(value.get()).ok().map(Some),
    };
    let (iss, aud, acr) = (
        word(iss.as_deref())?,
        word(aud.as_deref())?,
        word(acr.as_deref())?,
    );
    let authentication = match (auth_time, amr) {
        (None, None) if acr.is_none() => None,
        (Some(time), amr) => {
            let methods: Vec<String> = match amr {
                None => Vec::new(),
                Some(list) => serde_json::from_str(list.get())
                    .ok()
                    .filter(|list: &Vec<String>| !list.is_empty())?,
            };
            let secs = serde_json::from_str(time.get()).ok()?;
            Some(Authentication::of(Timestamp::from_secs(secs), methods, acr).ok()?)
        }
        _ => return None,
    };
    let sub: String = serde_json::from_str(sub?.get()).ok()?;
    Some(AccessClaims {
        user_id: UserId::parse(sub).ok()?,
        handle: SessionHandle::parse(plain(&sid?)?)?,
        issued_at: Timestamp::from_secs(serde_json::from_str(iat?.get()).ok()?),
        expires_at: Timestamp::from_secs(serde_json::from_str(exp?.get()).ok()?),
        refresh: DoubleHash::from_hex(Sha256Hex::parse(plain(&rt?)?)?),
        parent: match prt {
            Some(hex) => Some(SingleHash::from_hex(Sha256Hex::parse(plain(&hex)?)?)),
            None => None,
        },
        anti_csrf: None,
        key: match cnf {
            Some(cnf) => Some(read_cnf(cnf.get())?),
            None => None,
        },
        optional: OptionalClaims {
            issuer: iss,
            audience: aud,
            authentication,
        },
        payload: payload.and_then(|raw| Json::parse(raw.get().to_owned())),
    })
}

/// The thumbprint in `{"jkt":"…"}`, which has no other member.
fn read_cnf(text: &str) -> Option<KeyThumbprint> {
    match &Members::read(text)?.0[..] {
        [(name, value)] if name == "jkt" => KeyThumbprint::parse(plain(value)?),
        _ => None,
    }
}

/// The string that a value is, if it is written without escapes.
pub(super) fn plain(value: &RawValue) -> Option<&str> {
    serde_json::from_str(value.get()).ok()
}
