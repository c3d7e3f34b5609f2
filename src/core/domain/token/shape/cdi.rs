//! The claims of tokens for SuperTokens' SDKs: ours first, all of them there, then the members of the payload.
//!
//! The payload's text is spliced in as it was sent, between our last claim and the closing brace, and cut out
//! again when a token is read. So it must be an object that names none of ours: [`Payload`] checks that once.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer as _, Error as _, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::domain::id::{SessionHandle, UserId};
use crate::domain::json::Json;
use crate::domain::secret::{DoubleHash, SecretString, Sha256Hex, SingleHash};
use crate::domain::time::Timestamp;
use crate::domain::token::access::{AccessClaims, OptionalClaims};
use crate::domain::token::header::CdiTokenVersion;

/// The only tenant.
pub const TENANT: &str = "public";

/// Our claims, in the order in which they are written.
const CLAIMS: [&str; 9] = [
    "sub",
    "rsub",
    "iat",
    "exp",
    "tId",
    "sessionHandle",
    "refreshTokenHash1",
    "parentRefreshTokenHash1",
    "antiCsrfToken",
];

/// The names that tokens of a version have.
fn claims_of(version: CdiTokenVersion) -> impl Iterator<Item = &'static str> {
    let has = move |name: &&str| version == CdiTokenVersion::V5 || *name != "rsub";
    CLAIMS.into_iter().filter(has)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ClaimsOut<'a> {
    sub: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rsub: Option<&'a str>,
    iat: u64,
    exp: u64,
    #[serde(rename = "tId")]
    tenant: &'a str,
    session_handle: &'a str,
    refresh_token_hash1: &'a str,
    parent_refresh_token_hash1: Option<&'a str>,
    anti_csrf_token: Option<&'a str>,
}

/// The claims' JSON.
pub(in crate::domain::token) fn write(claims: &AccessClaims, version: CdiTokenVersion) -> Vec<u8> {
    let user = claims.user_id.as_str();
    let ours = ClaimsOut {
        sub: user,
        rsub: (version == CdiTokenVersion::V5).then_some(user),
        iat: claims.issued_at.as_secs(),
        exp: claims.expires_at.as_secs(),
        tenant: TENANT,
        session_handle: &claims.handle.reveal(),
        refresh_token_hash1: claims.refresh.as_str(),
        parent_refresh_token_hash1: claims.parent.as_ref().map(SingleHash::reveal),
        anti_csrf_token: claims.anti_csrf.as_ref().map(SecretString::expose),
    };
    let mut text = serde_json::to_vec(&ours).expect("strings and numbers serialize");
    let payload = claims.payload.as_ref();
    let members = payload.map_or("", |payload| members(payload.as_str()));
    if !members.is_empty() {
        text.pop();
        text.push(b',');
        text.extend_from_slice(members.as_bytes());
        text.push(b'}');
    }
    text
}

/// What stands between the braces of an object; empty if nothing does.
fn members(object: &str) -> &str {
    let inside = object
        .strip_prefix('{')
        .and_then(|text| text.strip_suffix('}'));
    inside.unwrap_or_default().trim_ascii()
}

/// The object of these members, which stood in one.
fn object(members: &str) -> Option<Json> {
    Json::parse(format!("{{{members}}}"))
}

/// Reads what [`write`] wrote; `None` for anything else.
pub(in crate::domain::token) fn read(text: &str, version: CdiTokenVersion) -> Option<AccessClaims> {
    let mut input = serde_json::Deserializer::from_str(text);
    let ours = input.deserialize_map(ClaimsVisitor(version)).ok()?;
    input.end().ok()?;
    let mut values = ours.into_iter();
    let mut next = || values.next();
    let user_id = string(next()?)?;
    if version == CdiTokenVersion::V5 {
        next().filter(|again| string(again).as_deref() == Some(&user_id))?;
    }
    let issued_at = Timestamp::from_secs(serde_json::from_str(next()?.get()).ok()?);
    let expires_at = Timestamp::from_secs(serde_json::from_str(next()?.get()).ok()?);
    next().filter(|tenant| string(tenant).as_deref() == Some(TENANT))?;
    let handle = SessionHandle::parse(&string(next()?)?)?;
    let refresh = DoubleHash::from_hex(Sha256Hex::parse(&string(next()?)?)?);
    let parent: Option<Cow<'_, str>> = serde_json::from_str(next()?.get()).ok()?;
    let parent = match parent {
        Some(hex) => Some(SingleHash::from_hex(Sha256Hex::parse(&hex)?)),
        None => None,
    };
    let last = next()?.get();
    let anti_csrf: Option<String> = serde_json::from_str(last).ok()?;
    let end = last.as_ptr() as usize - text.as_ptr() as usize + last.len();
    let members = text[end..].strip_suffix('}')?;
    let members = members.strip_prefix(',').unwrap_or(members);
    Some(AccessClaims {
        user_id: UserId::or_empty(user_id).ok()?,
        handle,
        issued_at,
        expires_at,
        refresh,
        parent,
        anti_csrf: anti_csrf.map(SecretString::new),
        key: None,
        optional: OptionalClaims::default(),
        payload: Some(object(members)?),
    })
}

fn string(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}

/// Takes our claims, in their order, and passes over the payload's members.
struct ClaimsVisitor(CdiTokenVersion);

impl<'de> Visitor<'de> for ClaimsVisitor {
    type Value = Vec<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the claims of an access token")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut values = Vec::with_capacity(CLAIMS.len());
        for name in claims_of(self.0) {
            match map.next_entry::<&str, &RawValue>()? {
                Some((found, value)) if found == name => values.push(value),
                _ => return Err(A::Error::custom("claims of another shape")),
            }
        }
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(values)
    }
}

/// A payload that may stand in a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload(Json);

/// Why a JSON value is no payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// Not an object, or one with a name that is no Unicode text.
    #[error("must be a JSON object")]
    NotAnObject,
    /// It has a member with the name of a claim of ours.
    #[error("contains a protected field")]
    Protected,
}

impl Payload {
    /// Checks a value.
    ///
    /// # Errors
    /// If tokens can't carry it.
    pub fn check(value: &RawValue) -> Result<Self, PayloadError> {
        let mut text = serde_json::Deserializer::from_str(value.get());
        match text.deserialize_map(NamesVisitor) {
            Ok(true) => Err(PayloadError::Protected),
            // As a token carries it: the two are compared.
            Ok(false) => object(members(value.get()))
                .map(Self)
                .ok_or(PayloadError::NotAnObject),
            Err(_) => Err(PayloadError::NotAnObject),
        }
    }

    /// The object without members.
    pub fn empty() -> Self {
        Self(object("").expect("an empty object is one"))
    }

    /// The value.
    pub fn into_json(self) -> Json {
        self.0
    }
}

/// Whether a name of ours is among those of an object.
struct NamesVisitor;

impl<'de> Visitor<'de> for NamesVisitor {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let mut found = false;
        while let Some((Name(name), _)) = map.next_entry::<Name<'de>, IgnoredAny>()? {
            found |= CLAIMS.contains(&&*name);
        }
        Ok(found)
    }
}

/// A member's name with its escapes resolved.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests;
