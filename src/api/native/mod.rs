//! The native API: its routes, and what each call asks of the service.

mod device;
mod input;
mod lists;
pub(super) mod metrics;
mod reply;

use http::{Method, StatusCode, request};
use session_core::domain::protocol::Protocol;
use session_core::platform::Platform;
use session_service::{Check, Refreshed, Service, TokenOptions};
use session_store::Store;

use self::device::{Dpop, new_binding};
use self::input::Revoke;
use super::error::ApiError;
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
    Reauthenticate,
    Refresh,
    Bind,
    Revoke,
    RevokeAll,
    List,
    Revocations,
    ReadData,
    WriteData,
    WritePayload,
    KeySet,
    Maintain,
    Ready,
    Status,
    Metrics,
}

/// The routes: who may call, then what each method does.
pub(super) const ROUTES: [(&str, Access, Methods<Call>); 14] = [
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
        "/session/device",
        Access::WithKey,
        &[(Method::POST, Endpoint::with_body(Call::Bind))],
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
        "/session/revocations",
        Access::WithKey,
        &[(Method::GET, Endpoint::without_body(Call::Revocations))],
    ),
    (
        "/session/authentication",
        Access::WithKey,
        &[(Method::PUT, Endpoint::with_body(Call::Reauthenticate))],
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
        &[(Method::GET, Endpoint::Fixed(reply::alive))],
    ),
    (
        "/ready",
        Access::Open,
        &[(Method::GET, Endpoint::without_body(Call::Ready))],
    ),
    (
        "/status",
        Access::WithKey,
        &[(Method::GET, Endpoint::without_body(Call::Status))],
    ),
    (
        "/metrics",
        Access::WithKey,
        &[(Method::GET, Endpoint::without_body(Call::Metrics))],
    ),
];

/// Whether the native API has a path.
pub(super) fn owns(path: &str) -> bool {
    ROUTES.iter().any(|(at, ..)| *at == path)
}

/// The native API, and the probes.
pub(super) struct Native;

impl ApiProtocol for Native {
    type Call = Call;

    fn route(head: &request::Parts) -> Option<Route<Call>> {
        let path = head.uri.path();
        let (_, access, methods) = ROUTES.iter().find(|(at, ..)| *at == path)?;
        Some(Route::at(*access, methods, &head.method))
    }

    async fn answer<S: Store, P: Platform>(
        call: Call,
        service: &Service<S, P>,
        head: &request::Parts,
        body: &[u8],
    ) -> Result<Reply, ApiError> {
        const PROTOCOL: Protocol = Protocol::Native;
        const OPTIONS: TokenOptions = TokenOptions::NATIVE;
        Ok(match call {
            Call::Create => {
                let policy = &service.config().refresh.lifetime;
                let (mut login, device) = input::create(body, policy, service.platform().now())?;
                login.binding = new_binding(service, &device)?;
                reply::created(&service.create(login, OPTIONS).await?)
            }
            Call::Verify => match input::verify(body)? {
                Some(input) => {
                    let check = Check {
                        client: input.client.as_ref(),
                        max_authentication_age: input.max_authentication_age,
                        dpop: input.dpop.as_ref().map(Dpop::as_proof),
                        ..Check::native(service.config().access.blacklisting)
                    };
                    let answer = service.verify(&input.token, check).await?;
                    reply::verified(&answer, input.max_authentication_age.is_some())
                }
                None => reply::unauthorised(),
            },
            Call::Reauthenticate => match input::reauthenticate(body, service.platform().now())? {
                Some((token, authentication, device)) => {
                    let binding = new_binding(service, &device)?;
                    let device = (binding, device.proof());
                    let answer = service.reauthenticate(&token, authentication, device, OPTIONS);
                    reply::reauthenticated(&answer.await?)
                }
                None => reply::unauthorised(),
            },
            Call::Refresh => reply::refreshed(&match input::refresh(body)? {
                Some(input) => {
                    let (client, proof) = (input.client.as_ref(), input.proof());
                    let answer = service.refresh(&input.token, None, client, proof, OPTIONS);
                    answer.await?
                }
                None => Refreshed::Unauthorised,
            }),
            Call::Bind => {
                let challenge = match device::bind(body)? {
                    Some([token, proof]) => service.bind(&token, &proof).await?,
                    None => None,
                };
                challenge.map_or_else(reply::unauthorised, |challenge| reply::bound(&challenge))
            }
            Call::Revoke => {
                let revoked = match input::revoke(body)? {
                    Revoke::Session(handle) => Some(service.revoke(PROTOCOL, &handle).await?),
                    Revoke::ByAccessToken(token) => {
                        service.revoke_by_access_token(PROTOCOL, &token).await?
                    }
                    Revoke::ByRefreshToken(token) => {
                        service.revoke_by_refresh_token(PROTOCOL, &token).await?
                    }
                };
                revoked.map_or_else(reply::unauthorised, reply::revoked)
            }
            Call::RevokeAll => {
                let input = input::revoke_all(body)?;
                let except = input.except.as_deref();
                service.revoke_all(&input.user_id, except).await?;
                reply::revoked_all(except.is_some())
            }
            Call::List => {
                let input = input::list(&head.uri)?;
                let page = service.list(PROTOCOL, &input.user_id, input.after, PAGE_ROWS);
                lists::listed(&page.await?)
            }
            Call::Revocations => {
                let input = input::revocations(&head.uri)?;
                lists::revocations(&service.revocations(input.since, input.after).await?)
            }
            Call::ReadData => {
                let handle = input::read_data(&head.uri)?;
                reply::data(service.read_data(PROTOCOL, &handle).await?)
            }
            Call::WriteData => {
                let input = input::write_data(body)?;
                let written = service.write_data(PROTOCOL, &input.handle, input.value.as_ref());
                reply::data_written(written.await?)
            }
            Call::WritePayload => {
                let input = input::write_payload(body)?;
                let written = service.write_payload(PROTOCOL, &input.handle, input.value.as_ref());
                reply::payload_written(written.await?)
            }
            Call::KeySet => key_set::answer(service).await?,
            Call::Maintain => {
                let report = service.maintain().await.ok_or(ApiError::NotFound)?;
                match report.error {
                    None => reply::maintained(&report),
                    Some(error) => return Err(ApiError::MaintenanceFailed(error)),
                }
            }
            Call::Ready => {
                service.ready().await?;
                reply::ready()
            }
            Call::Status => {
                service.status().await?;
                reply::works()
            }
            Call::Metrics => {
                let page = metrics::page(&*service.metrics().await, &service.counters());
                Reply::text(StatusCode::OK, page)
            }
        })
    }

    fn error(error: &ApiError) -> Reply {
        let header = error.header();
        let (status, code, message) = error.describe();
        reply::error(status, code, &message).with_header(header)
    }
}
