//! Access tokens: JWS compact JWTs (RFC 7515, RFC 7519) signed with HS256.
//!
//! A token passes only with the exact header that this service writes for one of its keys. So the algorithm
//! is pinned (RFC 8725 §3.1), `kid` is nothing but a name in a map, and no other header parameter can have an
//! effect.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, crypto};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::hs256;
use crate::domain::id::{SessionHandle, UserId};
use crate::domain::json::{Json, present};
use crate::domain::secret::{DoubleHash, Sha256Hex, SingleHash};
use crate::domain::time::Timestamp;

/// How far in the future a token's `iat` may lie, in seconds: what clocks of two machines may differ by.
const MAX_CLOCK_SKEW_SECS: u64 = 60;

/// The longest `kid`, in characters. Longer ones are not ours.
const KID_MAX_CHARS: usize = 64;

/// The longest header, in bytes of JSON.
const HEADER_MAX_BYTES: usize = KID_MAX_CHARS + 64;

/// A key that signs access tokens, with its name.
#[derive(Clone)]
pub struct AccessKey {
    kid: String,
    /// The first part of every token signed with this key.
    header: String,
    encoding: EncodingKey,
    decoding: DecodingKey,
}

impl AccessKey {
    /// A key named `kid` (letters, digits, `.`, `-` and `_`, at most 64) with at least 256 bits of secret
    /// (RFC 7518 §3.2).
    pub fn new(kid: String, secret: &[u8]) -> Self {
        debug_assert!(is_kid(&kid) && secret.len() >= 32);
        hs256::install();
        let header = URL_SAFE_NO_PAD.encode(header_json(&kid));
        Self {
            kid,
            header,
            encoding: EncodingKey::from_secret(secret),
            decoding: DecodingKey::from_secret(secret),
        }
    }

    /// Its name, as tokens carry it.
    pub fn kid(&self) -> &str {
        &self.kid
    }
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccessKey({})", self.kid)
    }
}

fn header_json(kid: &str) -> String {
    format!(r#"{{"alg":"HS256","typ":"JWT","kid":"{kid}"}}"#)
}

fn is_kid(kid: &str) -> bool {
    (1..=KID_MAX_CHARS).contains(&kid.len())
        && kid
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
}

/// What an access token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessClaims {
    /// `sub`: whose session it is.
    pub user_id: UserId,
    /// `sid`: which session.
    pub handle: SessionHandle,
    /// `iat`, whole seconds.
    pub issued_at: Timestamp,
    /// `exp`, whole seconds: the token is good before it, not at it.
    pub expires_at: Timestamp,
    /// `rt`: the double hash of the refresh token that came with it.
    pub refresh: DoubleHash,
    /// `prt`: the single hash of that refresh token's parent, until the child is confirmed.
    pub parent: Option<SingleHash>,
    /// `userPayload`: the session's `jwtPayload`, if it has one.
    pub payload: Option<Json>,
}

/// Why an access token is not accepted. For the log; callers are not told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccessTokenError {
    /// Not three parts of canonical base64 with a header of ours.
    #[error("not a token of this service")]
    Malformed,
    /// A header of ours that names a key that is not loaded.
    #[error("signed with key {0}, which is not among the loaded ones")]
    UnknownKey(String),
    /// The signature is another one.
    #[error("wrong signature")]
    WrongSignature,
    /// Signed with our key, but the claims are not such as we write.
    #[error("claims of another shape")]
    WrongClaims,
    /// At or after `exp`.
    #[error("expired")]
    Expired,
    /// `iat` is more than a minute ahead.
    #[error("issued in the future")]
    IssuedInFuture,
}

#[derive(Serialize)]
struct ClaimsOut<'a> {
    sub: &'a str,
    sid: &'a str,
    iat: u64,
    exp: u64,
    rt: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    prt: Option<&'a str>,
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
    #[serde(rename = "userPayload", default, deserialize_with = "present", borrow)]
    payload: Option<&'a RawValue>,
}

impl ClaimsIn<'_> {
    fn check(self) -> Option<AccessClaims> {
        Some(AccessClaims {
            user_id: UserId::parse(self.sub).ok()?,
            handle: SessionHandle::parse(self.sid)?,
            issued_at: Timestamp::from_secs(self.iat),
            expires_at: Timestamp::from_secs(self.exp),
            refresh: DoubleHash::from_hex(Sha256Hex::parse(self.rt)?),
            parent: match self.prt {
                Some(hex) => Some(SingleHash::from_hex(Sha256Hex::parse(hex)?)),
                None => None,
            },
            payload: self.payload.map(Json::from),
        })
    }
}

impl AccessClaims {
    /// Writes and signs the token.
    pub fn sign(&self, key: &AccessKey) -> String {
        let claims = ClaimsOut {
            sub: self.user_id.as_str(),
            sid: &self.handle.reveal(),
            iat: self.issued_at.as_secs(),
            exp: self.expires_at.as_secs(),
            rt: self.refresh.as_str(),
            prt: self.parent.as_ref().map(SingleHash::reveal),
            payload: self.payload.as_ref(),
        };
        let claims = serde_json::to_vec(&claims).expect("strings and numbers serialize");
        let mut token = String::with_capacity(key.header.len() + claims.len() * 4 / 3 + 48);
        token.push_str(&key.header);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let signature = crypto::sign(token.as_bytes(), &key.encoding, Algorithm::HS256)
            .expect("HS256 signs with a key of any length");
        token.push('.');
        token.push_str(&signature);
        token
    }

    /// Checks a token's form, signature and times, and reads it.
    ///
    /// `find_key` looks a key up by its name.
    ///
    /// # Errors
    /// The first reason against it.
    pub fn verify(
        token: &str,
        now: Timestamp,
        find_key: impl FnOnce(&str) -> Option<Arc<AccessKey>>,
    ) -> Result<Self, AccessTokenError> {
        let (message, signature) = token.rsplit_once('.').ok_or(AccessTokenError::Malformed)?;
        let (header, claims) = message.split_once('.').ok_or(AccessTokenError::Malformed)?;
        let mut buffer = [0; HEADER_MAX_BYTES];
        let kid = read_header(header, &mut buffer).ok_or(AccessTokenError::Malformed)?;
        let key = find_key(kid).ok_or_else(|| AccessTokenError::UnknownKey(kid.to_owned()))?;
        match crypto::verify(
            signature,
            message.as_bytes(),
            &key.decoding,
            Algorithm::HS256,
        ) {
            Ok(true) => {}
            Ok(false) => return Err(AccessTokenError::WrongSignature),
            Err(_) => return Err(AccessTokenError::Malformed),
        }
        let claims = URL_SAFE_NO_PAD
            .decode(claims)
            .map_err(|_| AccessTokenError::Malformed)?;
        let claims = str::from_utf8(&claims)
            .ok()
            .and_then(|text| serde_json::from_str::<ClaimsIn<'_>>(text).ok())
            .and_then(ClaimsIn::check)
            .ok_or(AccessTokenError::WrongClaims)?;
        if now >= claims.expires_at {
            return Err(AccessTokenError::Expired);
        }
        if claims.issued_at.as_secs() > now.as_secs().saturating_add(MAX_CLOCK_SKEW_SECS) {
            return Err(AccessTokenError::IssuedInFuture);
        }
        Ok(claims)
    }
}

/// The `kid` of a header, if it is exactly one that [`AccessKey`] writes.
fn read_header<'b>(header: &str, buffer: &'b mut [u8; HEADER_MAX_BYTES]) -> Option<&'b str> {
    let length = URL_SAFE_NO_PAD.decode_slice(header, buffer).ok()?;
    let (before, after) = (br#"{"alg":"HS256","typ":"JWT","kid":""#, br#""}"#);
    let kid = buffer[..length].strip_prefix(before)?.strip_suffix(after)?;
    str::from_utf8(kid).ok().filter(|kid| is_kid(kid))
}

#[cfg(test)]
#[path = "access_tests.rs"]
mod tests;
