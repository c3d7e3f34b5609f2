//! What edge and session service tell one another: tokens, sessions, logins, and the answers. [`super::client`] asks.

use std::fmt;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use session_core::domain::authentication::Authentication;
use session_core::domain::json::{Json, present};
use session_core::domain::secret::SecretString;
use session_core::domain::time::Timestamp;

use super::cookies::is_token;

/// A token.
#[derive(Clone)]
pub struct Token {
    /// Its text.
    pub value: SecretString,
    /// It is good before this.
    pub expires: Timestamp,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token(expires {:?})", self.expires)
    }
}

impl<'de> Deserialize<'de> for Token {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Body {
            value: String,
            expires: u64,
        }
        let Body { value, expires } = Body::deserialize(deserializer)?;
        // It becomes part of a header.
        match is_token(&value) {
            true => Ok(Self {
                value: SecretString::new(value),
                expires: Timestamp::from_millis(expires),
            }),
            false => Err(serde::de::Error::custom(
                "a token has characters that tokens don't have",
            )),
        }
    }
}

/// What a browser has to sign.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct Challenge(String);

impl Challenge {
    /// Its text, which can stand in a header.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Challenge {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match is_token(&text) {
            true => Ok(Self(text)),
            false => Err("a challenge has characters that challenges don't have"),
        }
    }
}

/// Who is logged in.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    /// The session's name.
    pub handle: String,
    /// Whose it is.
    pub user_id: String,
    /// Its `jwtPayload`.
    #[serde(rename = "jwtPayload", default, deserialize_with = "present")]
    pub payload: Option<Json>,
    /// When and how its user was authenticated, if its access token says so.
    #[serde(skip)]
    pub authentication: Option<Authentication>,
}

/// The session that a site asks for.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Login {
    /// The user.
    pub user_id: String,
    /// Goes into the access token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwt_payload: Option<Json>,
    /// Stays in the database.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_data: Option<Json>,
    /// How long the session lives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lifetime: Option<Json>,
    /// Where the user signs in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<Json>,
    /// When and how the user was authenticated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authentication: Option<Json>,
}

impl Login {
    /// Whether the session is to end at some time, whatever is done with it.
    pub fn has_end(&self) -> bool {
        #[derive(Deserialize)]
        struct Lifetime {
            absolute: Option<IgnoredAny>,
        }
        let lifetime = self.lifetime.as_ref();
        lifetime.is_some_and(|json| {
            let read = serde_json::from_str::<Lifetime>(json.as_str());
            read.is_ok_and(|lifetime| lifetime.absolute.is_some())
        })
    }
}

/// A session with the tokens that a login or a refresh hands out.
#[derive(Clone, Debug)]
pub struct Grant {
    /// The session.
    pub session: Session,
    /// Its access token.
    pub access: Token,
    /// Its refresh token.
    pub refresh: Token,
    /// When the session ends, refreshed or not.
    pub ends_at: Option<Timestamp>,
    /// Whether it is bound to the browser.
    pub bound: bool,
    /// What the browser has to sign: to bind the session, or for the next refresh of a bound one.
    pub challenge: Option<Challenge>,
}

/// The answer about an access token.
#[derive(Debug)]
pub enum Verified {
    /// Good; with a new access token if the old one must be replaced.
    Ok(Session, Option<Token>),
    /// Refresh.
    TryRefresh,
    /// The session is gone.
    Unauthorised,
}

/// The answer to another authentication of a session's user.
#[derive(Debug)]
pub enum Reauthenticated {
    /// The session that takes the old one's place.
    Ok(Box<Grant>),
    /// The access token is of no use.
    TryRefresh,
}

/// The answer about a refresh token.
#[derive(Debug)]
pub enum Refreshed {
    /// A child of it.
    Ok(Box<Grant>),
    /// The session is bound to a browser, which has to sign this.
    ProofNeeded(Challenge),
    /// It is good for nothing.
    Unauthorised,
    /// Two parties hold tokens of the session with this handle.
    Theft(String),
}
