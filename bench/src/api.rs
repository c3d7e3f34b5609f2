//! The API as a caller uses it: requests out of tokens, tokens out of replies. It is the same for the service and
//! for the documented system.

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::Method;
use serde::Deserialize;

use crate::connection::Call;

/// What a caller holds of one session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tokens {
    /// The session handle.
    pub(crate) handle: String,
    /// The access token.
    pub(crate) access: String,
    /// The refresh token.
    pub(crate) refresh: String,
    /// The id refresh token.
    pub(crate) id: String,
}

#[derive(Deserialize)]
struct Value<'a> {
    value: &'a str,
}

#[derive(Deserialize)]
struct Session<'a> {
    handle: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Grant<'a> {
    #[serde(borrow)]
    session: Session<'a>,
    #[serde(alias = "newAccessToken")]
    access_token: Value<'a>,
    #[serde(alias = "newRefreshToken")]
    refresh_token: Value<'a>,
    #[serde(alias = "newIdRefreshToken")]
    id_refresh_token: Value<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Verified<'a> {
    #[serde(borrow)]
    new_access_token: Option<Value<'a>>,
}

impl Tokens {
    /// What the reply to a create or a refresh gave.
    pub(crate) fn read(reply: &[u8]) -> Result<Self> {
        let grant: Grant<'_> =
            serde_json::from_slice(reply).context("the reply holds no tokens")?;
        Ok(Self {
            handle: grant.session.handle.to_owned(),
            access: grant.access_token.value.to_owned(),
            refresh: grant.refresh_token.value.to_owned(),
            id: grant.id_refresh_token.value.to_owned(),
        })
    }

    /// Takes the new access token of a reply to a verify, if there is one.
    pub(crate) fn replace_access(&mut self, reply: &[u8]) -> Result<()> {
        let verified: Verified<'_> =
            serde_json::from_slice(reply).context("the reply is no JSON")?;
        if let Some(token) = verified.new_access_token {
            token.value.clone_into(&mut self.access);
        }
        Ok(())
    }

    /// `PUT /session`.
    pub(crate) fn verify(&self) -> Call {
        let (access, id) = (&self.access, &self.id);
        let body = format!(r#"{{"accessToken":"{access}","idRefreshToken":"{id}"}}"#);
        Call::json(Method::PUT, "/session", body)
    }

    /// `PUT /refresh`.
    pub(crate) fn refresh(&self) -> Call {
        let (refresh, id) = (&self.refresh, &self.id);
        let body = format!(r#"{{"refreshToken":"{refresh}","idRefreshToken":"{id}"}}"#);
        Call::json(Method::PUT, "/refresh", body)
    }

    /// `DELETE /session`.
    pub(crate) fn delete(&self) -> Call {
        let body = format!(r#"{{"sessionHandle":"{}"}}"#, self.handle);
        Call::json(Method::DELETE, "/session", body)
    }

    /// `GET /session/data`.
    pub(crate) fn read_data(&self) -> Call {
        Call::get(&format!("/session/data?sessionHandle={}", self.handle))
    }

    /// `PUT /session/data`, with data that is different for each number.
    pub(crate) fn write_data(&self, number: u64) -> Call {
        let handle = &self.handle;
        let body =
            format!(r#"{{"sessionHandle":"{handle}","sessionData":{{"cart":[1,2,{number}]}}}}"#);
        Call::json(Method::PUT, "/session/data", body)
    }
}

/// `POST /session` for the user of this number, with a small payload and small data.
pub(crate) fn create(number: u64) -> Call {
    let body = format!(
        r#"{{"userId":"user-{number:08}","jwtPayload":{{"role":"member"}},"sessionData":{{"cart":[1,2,3]}}}}"#
    );
    Call::json(Method::POST, "/session", body)
}

/// `DELETE /session/all`.
pub(crate) fn delete_all(user: &str) -> Call {
    Call::json(
        Method::DELETE,
        "/session/all",
        format!(r#"{{"userId":"{user}"}}"#),
    )
}

/// For the bare component: a body as long as that of a verify.
pub(crate) fn bare() -> Call {
    Call::json(Method::PUT, "/session", Bytes::from(vec![b'x'; 440]))
}

/// Whether a reply says OK. Both systems say so near the beginning.
pub(crate) fn is_ok(reply: &[u8]) -> bool {
    contains(reply, br#""status":"OK""#)
}

/// Whether a reply to a delete says that there was something to delete.
pub(crate) fn has_deleted(reply: &[u8]) -> bool {
    contains(reply, br#""deletedAnyEntry":true"#)
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREATED: &str = r#"{"message":"m","status":"OK","session":{"handle":"h","userId":"u"},
        "accessToken":{"value":"a","expires":1},"refreshToken":{"value":"r","expires":1},
        "idRefreshToken":{"value":"i","expires":1}}"#;

    #[test]
    fn tokens_come_from_creates_and_refreshes() {
        let refreshed = CREATED
            .replace("accessToken", "newAccessToken")
            .replace("refreshToken", "newRefreshToken")
            .replace("idRefreshToken", "newIdRefreshToken");
        let tokens = Tokens::read(CREATED.as_bytes()).unwrap();
        assert_eq!(tokens, Tokens::read(refreshed.as_bytes()).unwrap());
        assert_eq!(tokens.refresh, "r");
        assert!(Tokens::read(br#"{"status":"UNAUTHORISED"}"#).is_err());
    }

    #[test]
    fn an_access_token_is_replaced_when_there_is_a_new_one() {
        let mut tokens = Tokens::read(CREATED.as_bytes()).unwrap();
        tokens.replace_access(br#"{"status":"OK"}"#).unwrap();
        assert_eq!(tokens.access, "a");
        let reply = br#"{"newAccessToken":{"value":"b","expires":2}}"#;
        tokens.replace_access(reply).unwrap();
        assert_eq!(tokens.access, "b");
    }
}
