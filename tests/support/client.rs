//! The native API as a caller uses them.
//!
//! Bodies that a test writes itself are sent byte for byte; nothing is retried.

use std::time::Duration;

use reqwest::Method;

use crate::json::quote;
use crate::openapi;
use crate::reply::Reply;
use crate::watch;

/// A token with the time at which it expires.
#[derive(Clone, Debug, PartialEq)]
pub struct Token {
    /// The token.
    pub value: String,
    /// Milliseconds since the Unix epoch.
    pub expires: i64,
}

/// What a caller holds after `POST /session` or `PUT /refresh`.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    /// The session handle.
    pub handle: String,
    /// The user id.
    pub user: String,
    /// The access token.
    pub access: Token,
    /// The refresh token.
    pub refresh: Token,
    /// The id refresh token.
    pub id: Token,
}

impl Session {
    /// What refreshes of one token in one slot agree on. The access tokens expire at different times.
    pub fn lasting(&self) -> (&str, &Token, &Token) {
        (&self.handle, &self.refresh, &self.id)
    }

    /// What an OK of `POST /session` gave.
    #[track_caller]
    pub fn created(reply: &Reply) -> Self {
        Self::read(reply, "accessToken", "refreshToken", "idRefreshToken")
    }

    /// What an OK of `PUT /refresh` gave.
    #[track_caller]
    pub fn refreshed(reply: &Reply) -> Self {
        Self::read(
            reply,
            "newAccessToken",
            "newRefreshToken",
            "newIdRefreshToken",
        )
    }

    #[track_caller]
    fn read(reply: &Reply, access: &str, refresh: &str, id: &str) -> Self {
        assert_eq!(reply.answer(), "OK", "{reply:?}");
        Self {
            handle: reply.string("session.handle"),
            user: reply.string("session.userId"),
            access: Token::read(reply, access),
            refresh: Token::read(reply, refresh),
            id: Token::read(reply, id),
        }
    }
}

impl Token {
    /// The token object in a field of a reply.
    #[track_caller]
    pub fn read(reply: &Reply, field: &str) -> Self {
        Self {
            value: reply.string(&format!("{field}.value")),
            expires: reply.number(&format!("{field}.expires")),
        }
    }
}

/// A caller of one service process.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
}

impl Client {
    /// A caller of the service at a URL, with connections of its own.
    pub fn new(base: &str) -> Self {
        let http = reqwest::Client::builder()
            .timeout(Duration::from_secs(30))
            .build()
            .expect("a client without TLS can be built");
        Self {
            http,
            base: base.trim_end_matches('/').to_owned(),
        }
    }

    /// Where the service listens, as `127.0.0.1:PORT`.
    pub fn address(&self) -> &str {
        self.base.trim_start_matches("http://")
    }

    /// Sends a request with any headers and body. Panics if no whole reply comes back.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<reqwest::Body>,
    ) -> Reply {
        self.try_send(method, path, headers, body)
            .await
            .expect("the service replies")
    }

    /// Like [`Client::send`], with a service that does not reply as an error.
    pub async fn try_send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<reqwest::Body>,
    ) -> Result<Reply, reqwest::Error> {
        let verb = Method::from_bytes(method.as_bytes()).expect("a method is a token");
        let mut request = self
            .http
            .request(verb, format!("{}{path}", self.base))
            .body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await?;
        let reply = Reply {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.bytes().await?,
        };
        watch::reply(&reply);
        openapi::check(method, path, &reply);
        Ok(reply)
    }

    /// Sends a body as JSON.
    pub async fn json(&self, method: &str, path: &str, body: impl Into<reqwest::Body>) -> Reply {
        self.send(method, path, &[("content-type", "application/json")], body)
            .await
    }

    /// Like [`Client::json`], with a service that does not reply as an error.
    pub async fn try_json(
        &self,
        method: &str,
        path: &str,
        body: impl Into<reqwest::Body>,
    ) -> Result<Reply, reqwest::Error> {
        self.try_send(method, path, &[("content-type", "application/json")], body)
            .await
    }

    /// Sends a body far over the limit. It is cut off with 413; its sender may meet the end of the connection before
    /// that reply.
    pub async fn expect_cut_off(&self, method: &str, path: &str, body: impl Into<reqwest::Body>) {
        if let Ok(reply) = self.try_json(method, path, body).await {
            reply.expect_error(413, "too_large");
        }
    }

    /// `POST /session` with this body.
    pub async fn post_session(&self, body: impl Into<reqwest::Body>) -> Reply {
        self.json("POST", "/session", body).await
    }

    /// Creates a session that has neither a payload nor data.
    pub async fn create(&self, user: &str) -> Session {
        let reply = self
            .post_session(format!(r#"{{"userId":{}}}"#, quote(user)))
            .await;
        Session::created(&reply)
    }

    /// Creates a session with session data, given as JSON text.
    pub async fn create_with_data(&self, user: &str, data: &str) -> Session {
        let body = format!(r#"{{"userId":{},"sessionData":{data}}}"#, quote(user));
        Session::created(&self.post_session(body).await)
    }

    /// Creates a session with a JWT payload, given as JSON text.
    pub async fn create_with_payload(&self, user: &str, payload: &str) -> Session {
        let body = format!(r#"{{"userId":{},"jwtPayload":{payload}}}"#, quote(user));
        Session::created(&self.post_session(body).await)
    }

    /// `PUT /session` with an access token.
    pub async fn verify(&self, access: &str) -> Reply {
        let body = format!(
            r#"{{"accessToken":{},"idRefreshToken":"id"}}"#,
            quote(access)
        );
        self.json("PUT", "/session", body).await
    }

    /// `PUT /refresh` with a refresh token.
    pub async fn refresh(&self, refresh: &str) -> Reply {
        let body = format!(
            r#"{{"refreshToken":{},"idRefreshToken":"id"}}"#,
            quote(refresh)
        );
        self.json("PUT", "/refresh", body).await
    }

    /// Refreshes a session: what an OK gave.
    pub async fn child(&self, parent: &Session) -> Session {
        Session::refreshed(&self.refresh(&parent.refresh.value).await)
    }

    /// Panics unless the access token is good. Returns the reply.
    pub async fn expect_good(&self, session: &Session) -> Reply {
        let reply = self.verify(&session.access.value).await;
        assert_eq!(reply.answer(), "OK", "{reply:?}");
        reply
    }

    /// `DELETE /session`.
    pub async fn revoke(&self, handle: &str) -> Reply {
        let body = format!(r#"{{"sessionHandle":{}}}"#, quote(handle));
        self.json("DELETE", "/session", body).await
    }

    /// `DELETE /session/all`.
    pub async fn revoke_all(&self, user: &str) -> Reply {
        let body = format!(r#"{{"userId":{}}}"#, quote(user));
        self.json("DELETE", "/session/all", body).await
    }

    /// `GET /session/data`. The handle is URL-safe, so it needs no escapes.
    pub async fn data(&self, handle: &str) -> Reply {
        self.send(
            "GET",
            &format!("/session/data?sessionHandle={handle}"),
            &[],
            "",
        )
        .await
    }

    /// `PUT /session/data`, the data given as JSON text.
    pub async fn write_data(&self, handle: &str, data: &str) -> Reply {
        let body = format!(
            r#"{{"sessionHandle":{},"sessionData":{data}}}"#,
            quote(handle)
        );
        self.json("PUT", "/session/data", body).await
    }
}
