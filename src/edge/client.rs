//! The edge's client of the native API, over any transport.

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use session_core::domain::json::Json;
use session_core::domain::secret::SecretString;
use session_core::domain::time::Timestamp;

use super::failure::Failure;
use super::wire::{Challenge, Grant, Login, Reauthenticated, Refreshed, Session, Token, Verified};

/// How the service is reached.
pub trait Transport {
    /// Sends a request with a path and no host, and gives the whole reply.
    ///
    /// # Errors
    /// If there is none; the text is for the log.
    fn call(
        &self,
        request: Request<Bytes>,
    ) -> impl Future<Output = Result<Response<Bytes>, String>>;
}

/// The session service.
#[derive(Debug)]
pub struct SessionClient<T> {
    transport: T,
    authorization: Option<HeaderValue>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Status {
    Ok,
    TryRefreshToken,
    DeviceProofNeeded,
    Unauthorised,
}

fn incomplete() -> Failure {
    Failure::Unavailable("its reply is not complete".to_owned())
}

/// What the service calls `idRefreshToken` has no cookie here; it wants a string.
const NO_ID: &str = "-";

impl<T: Transport> SessionClient<T> {
    /// The service at the end of `transport`.
    pub fn new(transport: T, api_key: Option<&SecretString>) -> Self {
        let authorization = api_key.map(|key| {
            let value = HeaderValue::try_from(format!("Bearer {}", key.expose()));
            let mut value = value.unwrap_or(HeaderValue::from_static("Bearer"));
            value.set_sensitive(true);
            value
        });
        Self {
            transport,
            authorization,
        }
    }

    /// Begins a session (`POST /session`) that may or must be bound, if `binding` says so (`offer`, `require`).
    ///
    /// # Errors
    /// If the service gives no answer.
    pub async fn create(
        &self,
        login: &Login,
        binding: Option<&'static str>,
    ) -> Result<Grant, Failure> {
        #[derive(Serialize)]
        struct Question<'a> {
            #[serde(flatten)]
            login: &'a Login,
            #[serde(rename = "deviceBinding", skip_serializing_if = "Option::is_none")]
            binding: Option<&'static str>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Created {
            session: Session,
            access_token: Token,
            refresh_token: Token,
            ends_at: Option<u64>,
            challenge: Option<Challenge>,
        }
        let question = Question { login, binding };
        let created: Created = self.ask(Method::POST, "/session", &question).await?;
        Ok(Grant {
            session: created.session,
            access: created.access_token,
            refresh: created.refresh_token,
            ends_at: created.ends_at.map(Timestamp::from_millis),
            bound: false,
            challenge: created.challenge,
        })
    }

    /// Asks about an access token (`PUT /session`).
    ///
    /// # Errors
    /// If the service gives no answer.
    pub async fn verify(&self, access: &SecretString) -> Result<Verified, Failure> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Question<'a> {
            access_token: &'a str,
            id_refresh_token: &'a str,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Answer {
            status: Status,
            session: Option<Session>,
            new_access_token: Option<Token>,
        }
        let question = Question {
            access_token: access.expose(),
            id_refresh_token: NO_ID,
        };
        let answer: Answer = self.ask(Method::PUT, "/session", &question).await?;
        match (answer.status, answer.session) {
            (Status::Ok, Some(session)) => Ok(Verified::Ok(session, answer.new_access_token)),
            (Status::Ok, None) => Err(incomplete()),
            // A token that names a key is no browser's.
            (Status::TryRefreshToken | Status::DeviceProofNeeded, _) => Ok(Verified::TryRefresh),
            (Status::Unauthorised, _) => Ok(Verified::Unauthorised),
        }
    }

    /// Exchanges a refresh token (`PUT /refresh`) with what the browser has signed; empty: it asks for a challenge.
    ///
    /// # Errors
    /// If the service gives no answer.
    pub async fn refresh(
        &self,
        refresh: &SecretString,
        proof: Option<&str>,
    ) -> Result<Refreshed, Failure> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Question<'a> {
            refresh_token: &'a str,
            id_refresh_token: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            device_proof: Option<&'a str>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Answer {
            status: Status,
            session: Option<Session>,
            new_access_token: Option<Token>,
            new_refresh_token: Option<Token>,
            ends_at: Option<u64>,
            #[serde(default)]
            bound: bool,
            challenge: Option<Challenge>,
            session_theft_detected: Option<Theft>,
        }
        #[derive(Deserialize)]
        struct Theft {
            session: Option<Stolen>,
        }
        #[derive(Deserialize)]
        struct Stolen {
            handle: String,
        }
        let question = Question {
            refresh_token: refresh.expose(),
            id_refresh_token: NO_ID,
            device_proof: proof,
        };
        let answer: Answer = self.ask(Method::PUT, "/refresh", &question).await?;
        if answer.status == Status::DeviceProofNeeded {
            let challenge = answer.challenge.ok_or_else(incomplete)?;
            return Ok(Refreshed::ProofNeeded(challenge));
        }
        if answer.status != Status::Ok {
            let stolen = answer
                .session_theft_detected
                .and_then(|theft| theft.session);
            return Ok(match stolen {
                Some(stolen) => Refreshed::Theft(stolen.handle),
                None => Refreshed::Unauthorised,
            });
        }
        let parts = (
            answer.session,
            answer.new_access_token,
            answer.new_refresh_token,
        );
        let (Some(session), Some(access), Some(refresh)) = parts else {
            return Err(incomplete());
        };
        Ok(Refreshed::Ok(Box::new(Grant {
            session,
            access,
            refresh,
            ends_at: answer.ends_at.map(Timestamp::from_millis),
            bound: answer.bound,
            challenge: answer.challenge,
        })))
    }

    /// Binds a session to the key of a browser's registration (`POST /session/device`). The challenge for its first
    /// refresh; none if that is refused.
    ///
    /// # Errors
    /// If the service gives no answer.
    pub async fn bind(
        &self,
        refresh: &SecretString,
        proof: &str,
    ) -> Result<Option<Challenge>, Failure> {
        #[derive(Deserialize)]
        struct Answer {
            status: Status,
            challenge: Option<Challenge>,
        }
        let question = serde_json::json!({
            "refreshToken": refresh.expose(), "idRefreshToken": NO_ID, "proof": proof,
        });
        let answer: Answer = self.ask(Method::POST, "/session/device", &question).await?;
        match (answer.status, answer.challenge) {
            (Status::Ok, None) => Err(incomplete()),
            (Status::Ok, challenge) => Ok(challenge),
            _ => Ok(None),
        }
    }

    /// Ends a session (`DELETE /session`), if it still is.
    ///
    /// # Errors
    /// If the service gives no answer.
    pub async fn revoke(&self, handle: &str) -> Result<(), Failure> {
        self.done("/session", &serde_json::json!({ "sessionHandle": handle }))
            .await
    }

    /// Ends the session of an access token, expired or not (`DELETE /session`). False if the service cannot verify the
    /// token: it is not one, or its key has been removed.
    ///
    /// # Errors
    /// If the service gives no answer.
    pub async fn revoke_by_access_token(&self, access: &SecretString) -> Result<bool, Failure> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Answer {
            status: Status,
            deleted_any_entry: Option<bool>,
        }
        let question = serde_json::json!({ "accessToken": access.expose() });
        let answer: Answer = self.ask(Method::DELETE, "/session", &question).await?;
        match (answer.status, answer.deleted_any_entry) {
            (Status::Ok, Some(_)) => Ok(true),
            (Status::Ok, None) => Err(incomplete()),
            _ => Ok(false),
        }
    }

    /// Ends every session of a user (`DELETE /session/all`).
    ///
    /// # Errors
    /// If the service gives no answer.
    pub async fn revoke_all(&self, user_id: &str) -> Result<(), Failure> {
        self.done("/session/all", &serde_json::json!({ "userId": user_id }))
            .await
    }

    /// Ends every session of a user but this one (`DELETE /session/all`). False if this one has ended, too: an instance of
    /// the release before answers, which knows no exception.
    ///
    /// # Errors
    /// If the service gives no answer.
    pub async fn revoke_others(&self, session: &Session) -> Result<bool, Failure> {
        #[derive(Deserialize)]
        struct Answer {
            #[serde(default)]
            excepted: bool,
        }
        let question = serde_json::json!({
            "userId": session.user_id, "exceptSessionHandle": session.handle,
        });
        let answer: Answer = self.ask(Method::DELETE, "/session/all", &question).await?;
        Ok(answer.excepted)
    }

    /// Puts a new session with this `authentication` in the place of an access token's (`PUT /session/authentication`); it may or must
    /// be bound, if `binding` says so.
    ///
    /// # Errors
    /// If the service gives no answer; it may have done so all the same, and then the old session is over.
    pub async fn reauthenticate(
        &self,
        access: &SecretString,
        authentication: &Json,
        binding: Option<&'static str>,
    ) -> Result<Reauthenticated, Failure> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Question<'a> {
            access_token: &'a str,
            id_refresh_token: &'a str,
            authentication: &'a Json,
            #[serde(skip_serializing_if = "Option::is_none")]
            device_binding: Option<&'static str>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Answer {
            status: Status,
            session: Option<Session>,
            access_token: Option<Token>,
            refresh_token: Option<Token>,
            ends_at: Option<u64>,
            challenge: Option<Challenge>,
        }
        let question = Question {
            access_token: access.expose(),
            id_refresh_token: NO_ID,
            authentication,
            device_binding: binding,
        };
        let path = "/session/authentication";
        let answer: Answer = self.ask(Method::PUT, path, &question).await?;
        if answer.status != Status::Ok {
            return Ok(Reauthenticated::TryRefresh);
        }
        let parts = (answer.session, answer.access_token, answer.refresh_token);
        let (Some(session), Some(access), Some(refresh)) = parts else {
            return Err(incomplete());
        };
        Ok(Reauthenticated::Ok(Box::new(Grant {
            session,
            access,
            refresh,
            ends_at: answer.ends_at.map(Timestamp::from_millis),
            bound: false,
            challenge: answer.challenge,
        })))
    }

    async fn done(&self, path: &str, question: &impl Serialize) -> Result<(), Failure> {
        #[derive(Deserialize)]
        struct Done {}
        let Done {} = self.ask(Method::DELETE, path, question).await?;
        Ok(())
    }

    async fn ask<A: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        question: &impl Serialize,
    ) -> Result<A, Failure> {
        let body = serde_json::to_vec(question).expect("questions are strings and verbatim JSON");
        let mut request = Request::new(Bytes::from(body));
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().expect("it is a path");
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(value) = &self.authorization {
            headers.insert(AUTHORIZATION, value.clone());
        }
        let reply = self
            .transport
            .call(request)
            .await
            .map_err(Failure::Unavailable)?;
        let (status, body) = (reply.status(), reply.body());
        if status == StatusCode::OK {
            return serde_json::from_slice(body)
                .map_err(|error| Failure::Unavailable(format!("its reply is malformed: {error}")));
        }
        #[derive(Default, Deserialize)]
        struct Refusal {
            message: String,
            code: String,
        }
        let Refusal { message, code } = serde_json::from_slice(body).unwrap_or_default();
        let text = format!("{} {code}: {message}", status.as_u16());
        Err(match status {
            StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE => Failure::Refused(message),
            StatusCode::UNAUTHORIZED | StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => {
                Failure::Misconfigured(text)
            }
            StatusCode::CONFLICT => Failure::TooManySessions,
            _ if code == "misconfigured" => Failure::Misconfigured(text),
            _ => Failure::Unavailable(text),
        })
    }
}
