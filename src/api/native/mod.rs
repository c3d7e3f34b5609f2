//! The native API and what has been added to them: the routes, and what each takes from its request.

pub(super) mod metrics;
mod reply;
mod revoke;

use http::{Method, StatusCode, request};
use serde::Deserialize;
use serde_json::value::RawValue;
use session_core::domain::id::{HandleHash, UserId};
use session_core::domain::json::present;
use session_core::domain::protocol::Protocol;
use session_core::platform::Platform;
use session_service::{Check, Refreshed, Service, TokenOptions, Verified};
use session_store::Store;

use super::error::ApiError;
use super::field::{Text, json, parameter, parse, required_parameter};
use super::key_set;
use super::protocol::{Access, ApiProtocol, Endpoint, Methods, Route};
use super::reply::Reply;

/// How many sessions one reply lists at most.
const PAGE_ROWS: u64 = 100;

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Create,
    Verify,
    Refresh,
    Revoke,
    RevokeAll,
    List,
    ReadData,
    WriteData,
    WritePayload,
    KeySet,
    Maintain,
    Health,
    Ready,
    Metrics,
}

/// The routes: whoever may call, then what each method does.
pub(super) const ROUTES: [(&str, Access, Methods<Call>); 10] = [
    (
        "/session",
        Access::WithKey,
        &[
            (Method::POST, Endpoint::with_body(Call::Create)),
            (Method::PUT, Endpoint::with_body(Call::Verify)),
            (Method::DELETE, Endpoint::with_body(Call::Revoke)),
        ],
    ),
    (
        "/refresh",
        Access::WithKey,
        &[(Method::PUT, Endpoint::with_body(Call::Refresh))],
    ),
    (
        "/session/all",
        Access::WithKey,
        &[
            // Batch by batch, as many as there are; each of them has a deadline.
            (
                Method::DELETE,
                Endpoint::with_body(Call::RevokeAll).without_deadline(),
            ),
            (Method::GET, Endpoint::without_body(Call::List)),
        ],
    ),
    (
        "/session/payload",
        Access::WithKey,
        &[(Method::PUT, Endpoint::with_body(Call::WritePayload))],
    ),
    (
        key_set::PATH,
        Access::Open,
        &[(Method::GET, Endpoint::without_body(Call::KeySet))],
    ),
    (
        "/session/data",
        Access::WithKey,
        &[
            (Method::GET, Endpoint::without_body(Call::ReadData)),
            (Method::PUT, Endpoint::with_body(Call::WriteData)),
        ],
    ),
    (
        "/maintenance",
        Access::Maintenance,
        // Its setting says how long it may take.
        &[(
            Method::POST,
            Endpoint::without_body(Call::Maintain).without_deadline(),
        )],
    ),
    (
        "/health",
        Access::Open,
        &[(Method::GET, Endpoint::without_body(Call::Health))],
    ),
    (
        "/ready",
        Access::Open,
        &[(Method::GET, Endpoint::without_body(Call::Ready))],
    ),
    (
        "/metrics",
        Access::WithKey,
        &[(Method::GET, Endpoint::without_body(Call::Metrics))],
    ),
];

/// The native API, and the probes.
pub(super) struct Native;

impl ApiProtocol for Native {
    type Call = Call;

    fn route(head: &request::Parts) -> Option<Route<Call>> {
        let path = head.uri.path();
        let (_, access, methods) = ROUTES.iter().find(|(at, ..)| *at == path)?;
        Some(Route::at(*access, methods, &head.method))
    }

    fn without_service(call: Call) -> Option<Reply> {
        (call == Call::Health).then(reply::alive)
    }

    async fn answer<S: Store, P: Platform>(
        call: Call,
        service: &Service<S, P>,
        head: &request::Parts,
        body: &[u8],
    ) -> Result<Reply, ApiError> {
        match call {
            Call::Create => create(service, body).await,
            Call::Verify => verify(service, body).await,
            Call::Refresh => refresh(service, body).await,
            Call::Revoke => revoke::answer(service, body).await,
            Call::RevokeAll => revoke_all(service, body).await,
            Call::List => list(service, head).await,
            Call::ReadData => read_data(service, head).await,
            Call::WriteData => write_data(service, body).await,
            Call::WritePayload => write_payload(service, body).await,
            Call::KeySet => key_set::answer(service).await,
            Call::Maintain => maintain(service).await,
            Call::Health => Ok(reply::alive()),
            Call::Ready => {
                service.ready().await?;
                Ok(reply::ready())
            }
            Call::Metrics => {
                let page = metrics::page(&*service.metrics().await);
                Ok(Reply::text(StatusCode::OK, page))
            }
        }
    }

    fn error(error: ApiError) -> Reply {
        let header = error.header();
        let (status, code, message) = error.describe();
        reply::error(status, code, &message).with_header(header)
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
        &service
            .create(user_id, payload, data, TokenOptions::NATIVE)
            .await?,
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
    let check = Check::native(service.config().access.blacklisting);
    Ok(reply::verified(&service.verify(&token, check).await?))
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
    let answer = service.refresh(&token, None, TokenOptions::NATIVE).await?;
    Ok(reply::refreshed(&answer))
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
    let handle = required_parameter(query, "sessionHandle")?;
    Ok(reply::data(
        service.read_data(Protocol::Native, &handle).await?,
    ))
}

async fn list<S: Store, P: Platform>(
    service: &Service<S, P>,
    head: &request::Parts,
) -> Result<Reply, ApiError> {
    let query = head.uri.query().unwrap_or_default();
    let user_id = check_user_id(required_parameter(query, "userId")?)?;
    let after = parameter(query, "cursor")?.map(|cursor| {
        HandleHash::parse(&cursor).ok_or_else(|| ApiError::invalid("cursor is none of ours"))
    });
    let page = service
        .list(Protocol::Native, &user_id, after.transpose()?, PAGE_ROWS)
        .await?;
    Ok(reply::listed(&page))
}

async fn write_payload<S: Store, P: Platform>(
    service: &Service<S, P>,
    body: &[u8],
) -> Result<Reply, ApiError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Input<'a> {
        #[serde(default, borrow)]
        session_handle: Text<'a>,
        #[serde(default, deserialize_with = "present", borrow)]
        jwt_payload: Option<&'a RawValue>,
    }
    let input: Input<'_> = parse(body)?;
    let handle = input.session_handle.required("sessionHandle")?;
    let payload = json(input.jwt_payload, "jwtPayload")?;
    let written = service
        .write_payload(Protocol::Native, &handle, payload.as_ref())
        .await?;
    Ok(reply::payload_written(written))
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
        service
            .write_data(Protocol::Native, &handle, data.as_ref())
            .await?,
    ))
}

async fn maintain<S: Store, P: Platform>(service: &Service<S, P>) -> Result<Reply, ApiError> {
    let report = service.maintain().await.ok_or(ApiError::NotFound)?;
    match report.error {
        None => Ok(reply::maintained(&report)),
        Some(error) => Err(ApiError::MaintenanceFailed(error)),
    }
}

fn user_id(text: Text<'_>) -> Result<UserId, ApiError> {
    check_user_id(text.required("userId")?)
}

fn check_user_id(text: impl Into<String>) -> Result<UserId, ApiError> {
    UserId::parse(text).map_err(|error| ApiError::invalid(format!("userId {error}")))
}
