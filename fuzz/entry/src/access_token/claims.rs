//! What signed claims have to be taken for, worked out from their text alone.

use session::domain::id::{SessionHandle, UserId};
use session::domain::json::Json;
use session::domain::secret::{DoubleHash, Sha256Hex, SingleHash};
use session::domain::time::Timestamp;
use session::domain::token::access::{AccessClaims, AccessTokenError};

use crate::NOW;
use crate::json;

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
    const NAMES: [&str; 7] = ["sub", "sid", "iat", "exp", "rt", "prt", "userPayload"];
    let mut values = [None; NAMES.len()];
    for member in json::object(text)? {
        let name = member.name?;
        let slot = NAMES.iter().position(|known| *known == name)?;
        if values[slot].replace(member.value).is_some() {
            return None;
        }
    }
    let [sub, sid, iat, exp, rt, prt, payload] = values;
    Some(AccessClaims {
        user_id: UserId::parse(sub?.as_string()?).ok()?,
        handle: SessionHandle::parse(sid?.as_plain_string()?)?,
        issued_at: Timestamp::from_secs(iat?.as_integer()?),
        expires_at: Timestamp::from_secs(exp?.as_integer()?),
        refresh: DoubleHash::from_hex(Sha256Hex::parse(rt?.as_plain_string()?)?),
        parent: match prt {
            Some(hex) => Some(SingleHash::from_hex(Sha256Hex::parse(
                hex.as_plain_string()?,
            )?)),
            None => None,
        },
        payload: payload.and_then(|raw| Json::parse(raw.0.to_owned())),
    })
}
