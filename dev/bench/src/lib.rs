//! The APIs as a caller uses them: requests out of tokens, tokens out of replies. That of the native API is the same
//! for the service and for the documented system.

use http::Method;
use serde_json::Value;

/// A request that is yet to be sent.
#[derive(Clone, Debug)]
pub struct Call {
    /// Its method.
    pub method: Method,
    /// Its path and query.
    pub path: String,
    /// Its body; empty: none.
    pub body: String,
}

/// Which API a caller speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// The native API.
    Native,
    /// SuperTokens' Core Driver Interface, as its SDKs call it.
    Cdi,
}

/// What a caller holds of one session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokens {
    /// Whose they are.
    pub protocol: Protocol,
    /// The session handle.
    pub handle: String,
    /// The access token.
    pub access: String,
    /// The refresh token.
    pub refresh: String,
    /// The id refresh token; none with CDI.
    pub id: String,
}

impl Tokens {
    /// What the reply to a create or a refresh gave, if it gave any.
    pub fn read(reply: &[u8]) -> Option<Self> {
        let reply: Value = serde_json::from_slice(reply).ok()?;
        let token = |created, refreshed| {
            let token = reply.get(created).or_else(|| reply.get(refreshed))?;
            let token = token.get("value").or_else(|| token.get("token"));
            Some(token?.as_str()?.to_owned())
        };
        let id = token("idRefreshToken", "newIdRefreshToken");
        let protocol = match reply["accessToken"]["token"] {
            Value::Null => Protocol::Native,
            _ => Protocol::Cdi,
        };
        Some(Self {
            protocol,
            handle: reply["session"]["handle"].as_str()?.to_owned(),
            access: token("accessToken", "newAccessToken")?,
            refresh: token("refreshToken", "newRefreshToken")?,
            id: match protocol {
                Protocol::Native => id?,
                Protocol::Cdi => String::new(),
            },
        })
    }

    /// Takes the new access token of a reply to a verify, if there is one.
    pub fn replace_access(&mut self, reply: &[u8]) {
        let reply: Value = serde_json::from_slice(reply).unwrap_or_default();
        if let Some(token) = reply["newAccessToken"]["value"].as_str() {
            token.clone_into(&mut self.access);
        }
    }

    /// `PUT /session`, or CDI's verification without a look into the database.
    pub fn verify(&self) -> Call {
        let (access, id) = (&self.access, &self.id);
        if self.protocol == Protocol::Cdi {
            let body = format!(
                r#"{{"accessToken":"{access}","enableAntiCsrf":false,"doAntiCsrfCheck":false,"checkDatabase":false}}"#
            );
            return Call::new(Method::POST, "/recipe/session/verify", body);
        }
        let body = format!(r#"{{"accessToken":"{access}","idRefreshToken":"{id}"}}"#);
        Call::new(Method::PUT, "/session", body)
    }

    /// `PUT /refresh`, or CDI's.
    pub fn refresh(&self) -> Call {
        let (refresh, id) = (&self.refresh, &self.id);
        if self.protocol == Protocol::Cdi {
            let body = format!(
                r#"{{"refreshToken":"{refresh}","enableAntiCsrf":false,"useDynamicSigningKey":true}}"#
            );
            return Call::new(Method::POST, "/recipe/session/refresh", body);
        }
        let body = format!(r#"{{"refreshToken":"{refresh}","idRefreshToken":"{id}"}}"#);
        Call::new(Method::PUT, "/refresh", body)
    }

    /// `DELETE /session`.
    pub fn delete(&self) -> Call {
        let body = format!(r#"{{"sessionHandle":"{}"}}"#, self.handle);
        Call::new(Method::DELETE, "/session", body)
    }

    /// `GET /session/data`.
    pub fn read_data(&self) -> Call {
        let path = format!("/session/data?sessionHandle={}", self.handle);
        Call::new(Method::GET, path, String::new())
    }

    /// `PUT /session/data`, with data that is different for each number.
    pub fn write_data(&self, number: u32) -> Call {
        let handle = &self.handle;
        let body =
            format!(r#"{{"sessionHandle":"{handle}","sessionData":{{"cart":[1,2,{number}]}}}}"#);
        Call::new(Method::PUT, "/session/data", body)
    }
}

impl Call {
    /// A request.
    pub fn new(method: Method, path: impl Into<String>, body: String) -> Self {
        Self {
            method,
            path: path.into(),
            body,
        }
    }

    /// `POST /session`, or CDI's, for the user of this number, with a small payload and small data, as sites' are.
    pub fn create(protocol: Protocol, number: u64) -> Self {
        if protocol == Protocol::Cdi {
            let body = format!(
                r#"{{"userId":"user-{number:08}","userDataInJWT":{{"role":"member"}},"userDataInDatabase":{{"cart":[1,2,3]}},"enableAntiCsrf":false,"useDynamicSigningKey":true}}"#
            );
            return Self::new(Method::POST, "/recipe/session", body);
        }
        let body = format!(
            r#"{{"userId":"user-{number:08}","jwtPayload":{{"role":"member"}},"sessionData":{{"cart":[1,2,3]}}}}"#
        );
        Self::new(Method::POST, "/session", body)
    }

    /// `DELETE /session/all`.
    pub fn delete_all(user: &str) -> Self {
        let body = format!(r#"{{"userId":"{user}"}}"#);
        Self::new(Method::DELETE, "/session/all", body)
    }
}

/// Whether a reply says OK. Both systems say so near the beginning.
pub fn is_ok(reply: &[u8]) -> bool {
    contains(reply, br#""status":"OK""#)
}

/// Whether a reply to a delete says that there was something to delete.
pub fn has_deleted(reply: &[u8]) -> bool {
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
    fn tokens_of_cdi_know_whose_they_are() {
        let created = r#"{"status":"OK","session":{"handle":"h","userId":"u"},
            "accessToken":{"token":"a","expiry":1},"refreshToken":{"token":"r","expiry":1}}"#;
        let tokens = Tokens::read(created.as_bytes()).unwrap();
        assert_eq!(tokens.protocol, Protocol::Cdi);
        assert_eq!(tokens.refresh().path, "/recipe/session/refresh");
        assert_eq!(tokens.verify().path, "/recipe/session/verify");
    }

    #[test]
    fn tokens_come_from_creates_and_refreshes_and_access_tokens_from_verifies() {
        let refreshed = CREATED
            .replace("accessToken", "newAccessToken")
            .replace("refreshToken", "newRefreshToken")
            .replace("idRefreshToken", "newIdRefreshToken");
        let mut tokens = Tokens::read(CREATED.as_bytes()).unwrap();
        assert_eq!(Some(&tokens), Tokens::read(refreshed.as_bytes()).as_ref());
        assert_eq!(tokens.refresh, "r");
        assert_eq!(Tokens::read(br#"{"status":"UNAUTHORISED"}"#), None);
        tokens.replace_access(br#"{"status":"OK"}"#);
        assert_eq!(tokens.access, "a");
        tokens.replace_access(br#"{"newAccessToken":{"value":"b","expires":2}}"#);
        assert_eq!(tokens.access, "b");
    }
}
