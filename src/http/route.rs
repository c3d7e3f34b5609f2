//! The routes, and what each endpoint takes from its request.

use ::http::{Method, request};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::error::ApiError;
use super::field::{Text, json, parse};
use super::reply::{self, Reply};
use crate::domain::id::UserId;
use crate::domain::json::present;
use crate::platform::Platform;
use crate::service::{Refreshed, Service, Verified};
use crate::store::Store;

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    Create,
    Verify,
    Refresh,
    Revoke,
    RevokeAll,
    ReadData,
    WriteData,
    Health,
    Ready,
}

/// Finds the endpoint of a path and method.
pub(super) fn route(head: &request::Parts) -> Result<Endpoint, ApiError> {
    let method = &head.method;
    let (endpoint, allow) = match head.uri.path() {
        "/session" if method == Method::PUT => (Some(Endpoint::Verify), ""),
        "/session" if method == Method::POST => (Some(Endpoint::Create), ""),
        "/session" if method == Method::DELETE => (Some(Endpoint::Revoke), ""),
        "/session" => (None, "POST, PUT, DELETE"),
        "/refresh" => (method.eq(&Method::PUT).then_some(Endpoint::Refresh), "PUT"),
        "/session/all" => (
            method.eq(&Method::DELETE).then_some(Endpoint::RevokeAll),
            "DELETE",
        ),
        "/session/data" if method == Method::GET => (Some(Endpoint::ReadData), ""),
        "/session/data" if method == Method::PUT => (Some(Endpoint::WriteData), ""),
        "/session/data" => (None, "GET, PUT"),
        "/health" => (method.eq(&Method::GET).then_some(Endpoint::Health), "GET"),
        "/ready" => (method.eq(&Method::GET).then_some(Endpoint::Ready), "GET"),
        _ => return Err(ApiError::NotFound),
    };
    endpoint.ok_or(ApiError::MethodNotAllowed(allow))
}

impl Endpoint {
    /// Whether its input comes in the body.
    pub(super) fn has_body(self) -> bool {
        !matches!(self, Self::ReadData | Self::Health | Self::Ready)
    }

    /// Answers it.
    pub(super) async fn call<S: Store, P: Platform>(
        self,
        service: &Service<S, P>,
        head: &request::Parts,
        body: &[u8],
    ) -> Result<Reply, ApiError> {
        match self {
            Self::Create => create(service, body).await,
            Self::Verify => verify(service, body).await,
            Self::Refresh => refresh(service, body).await,
            Self::Revoke => revoke(service, body).await,
            Self::RevokeAll => revoke_all(service, body).await,
            Self::ReadData => read_data(service, head).await,
            Self::WriteData => write_data(service, body).await,
            Self::Health => Ok(reply::alive()),
            Self::Ready => {
                service.ready().await?;
                Ok(reply::ready())
            }
        }
    }
}

async fn create<S: Store, P: Platform>(
    service: &Service<S, P>,
    body: &[u8],
) -> Result<Reply, ApiError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Input<'a> {
        #[serde(default, borrow)]
        user_id: Text<'a>,
        #[serde(default, deserialize_with = "present", borrow)]
        jwt_payload: Option<&'a RawValue>,
        #[serde(default, deserialize_with = "present", borrow)]
        session_data: Option<&'a RawValue>,
    }
    let input: Input<'_> = parse(body)?;
    let user_id = user_id(input.user_id)?;
    let payload = json(input.jwt_payload, "jwtPayload")?;
    let data = json(input.session_data, "sessionData")?;
    Ok(reply::created(
        &service.create(user_id, payload, data).await?,
    ))
}

async fn verify<S: Store, P: Platform>(
    service: &Service<S, P>,
    body: &[u8],
) -> Result<Reply, ApiError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Input<'a> {
        #[serde(default, borrow)]
        access_token: Text<'a>,
        #[serde(default, borrow)]
        id_refresh_token: Text<'a>,
    }
    let input: Input<'_> = parse(body)?;
    // Without an id refresh token the caller's user is logged out, whatever else is there.
    if !input.id_refresh_token.is_string() {
        return Ok(reply::verified(&Verified::Unauthorised));
    }
    let token = input.access_token.required("accessToken")?;
    Ok(reply::verified(&service.verify(&token).await?))
}

async fn refresh<S: Store, P: Platform>(
    service: &Service<S, P>,
    body: &[u8],
) -> Result<Reply, ApiError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Input<'a> {
        #[serde(default, borrow)]
        refresh_token: Text<'a>,
        #[serde(default, borrow)]
        id_refresh_token: Text<'a>,
    }
    let input: Input<'_> = parse(body)?;
    if !input.id_refresh_token.is_string() {
        return Ok(reply::refreshed(&Refreshed::Unauthorised));
    }
    let token = input.refresh_token.required("refreshToken")?;
    Ok(reply::refreshed(&service.refresh(&token).await?))
}

async fn revoke<S: Store, P: Platform>(
    service: &Service<S, P>,
    body: &[u8],
) -> Result<Reply, ApiError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Input<'a> {
        #[serde(default, borrow)]
        session_handle: Text<'a>,
    }
    let input: Input<'_> = parse(body)?;
    let handle = input.session_handle.required("sessionHandle")?;
    Ok(reply::revoked(service.revoke(&handle).await?))
}

async fn revoke_all<S: Store, P: Platform>(
    service: &Service<S, P>,
    body: &[u8],
) -> Result<Reply, ApiError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Input<'a> {
        #[serde(default, borrow)]
        user_id: Text<'a>,
    }
    let input: Input<'_> = parse(body)?;
    service.revoke_all(&user_id(input.user_id)?).await?;
    Ok(reply::revoked_all())
}

async fn read_data<S: Store, P: Platform>(
    service: &Service<S, P>,
    head: &request::Parts,
) -> Result<Reply, ApiError> {
    let query = head.uri.query().unwrap_or_default();
    let mut handles = form_urlencoded::parse(query.as_bytes())
        .filter(|(name, _)| name == "sessionHandle")
        .map(|(_, handle)| handle);
    let handle = handles
        .next()
        .ok_or_else(|| ApiError::invalid("sessionHandle is missing from the query string"))?;
    if handles.next().is_some() {
        return Err(ApiError::invalid("sessionHandle must be given once"));
    }
    Ok(reply::data(service.read_data(&handle).await?))
}

async fn write_data<S: Store, P: Platform>(
    service: &Service<S, P>,
    body: &[u8],
) -> Result<Reply, ApiError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Input<'a> {
        #[serde(default, borrow)]
        session_handle: Text<'a>,
        #[serde(default, deserialize_with = "present", borrow)]
        session_data: Option<&'a RawValue>,
    }
    let input: Input<'_> = parse(body)?;
    let handle = input.session_handle.required("sessionHandle")?;
    let data = json(input.session_data, "sessionData")?;
    Ok(reply::data_written(
        service.write_data(&handle, data.as_ref()).await?,
    ))
}

fn user_id(text: Text<'_>) -> Result<UserId, ApiError> {
    let text = text.required("userId")?;
    UserId::parse(text).map_err(|error| ApiError::invalid(format!("userId {error}")))
}
