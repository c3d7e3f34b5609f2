//! The session part of SuperTokens' Core Driver Interface, as its SDKs for Node, Python and Go speak it.
//!
//! A question about a session is answered with 200 and a `status`; any other HTTP status becomes an exception in the
//! site's code. docs/supertokens.md says what is covered.

mod input;
mod path;
mod reply;
mod version;

use http::{Method, StatusCode, request};

pub(super) use self::path::owns;
use session_core::domain::id::SessionHandle;
use session_core::domain::lifetime::RequestedLifetime;
use session_core::domain::protocol::Protocol;
use session_core::platform::Platform;
use session_core::request::RequestError;
use session_service::{Check, Login, NewBinding, Service};
use session_store::Store;

use self::input::Remove;
use self::version::CdiVersion;
use super::error::ApiError;
use super::key_set;
use super::protocol::{Access, ApiProtocol, Endpoint, Methods, Route};
use super::reply::Reply;
use super::{DEADLINE, before};

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Hello,
    KeySet,
    ApiVersion,
    Versioned(VersionedCall),
}

/// A call whose request names a version of the interface; an SDK makes the others before it knows the versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum VersionedCall {
    UserId,
    Create,
    Verify,
    Refresh,
    Regenerate,
    Information,
    WriteData,
    WritePayload,
    List,
    Remove,
}

/// The routes, without app and tenant.
const ROUTES: [(&str, Access, Methods<Call>); 13] = [
    ("/", Access::Open, HELLO),
    ("/hello", Access::Open, HELLO),
    (key_set::PATH, Access::Open, &[get(Call::KeySet)]),
    ("/apiversion", Access::WithKey, &[get(Call::ApiVersion)]),
    (
        "/user/id",
        Access::WithKey,
        &[get(Call::Versioned(VersionedCall::UserId))],
    ),
    (
        "/recipe/session",
        Access::WithKey,
        &[
            get(Call::Versioned(VersionedCall::Information)),
            post(Call::Versioned(VersionedCall::Create)),
        ],
    ),
    (
        "/recipe/session/verify",
        Access::WithKey,
        &[post(Call::Versioned(VersionedCall::Verify))],
    ),
    (
        "/recipe/session/refresh",
        Access::WithKey,
        &[post(Call::Versioned(VersionedCall::Refresh))],
    ),
    (
        "/recipe/session/regenerate",
        Access::WithKey,
        &[post(Call::Versioned(VersionedCall::Regenerate))],
    ),
    (
        "/recipe/session/data",
        Access::WithKey,
        &[put(Call::Versioned(VersionedCall::WriteData))],
    ),
    (
        "/recipe/jwt/data",
        Access::WithKey,
        &[put(Call::Versioned(VersionedCall::WritePayload))],
    ),
    (
        "/recipe/session/user",
        Access::WithKey,
        &[get(Call::Versioned(VersionedCall::List))],
    ),
    (
        "/recipe/session/remove",
        Access::WithKey,
        // Those of a user batch by batch, as many as there are. The other deadlines are set by the call.
        &[(
            Method::POST,
            Endpoint::with_body(Call::Versioned(VersionedCall::Remove)).without_deadline(),
        )],
    ),
];

/// The SDKs' own tests use each of these methods.
const HELLO: Methods<Call> = &[
    get(Call::Hello),
    (Method::POST, Endpoint::without_body(Call::Hello)),
    (Method::PUT, Endpoint::without_body(Call::Hello)),
    (Method::DELETE, Endpoint::without_body(Call::Hello)),
];

const fn get(call: Call) -> (Method, Endpoint<Call>) {
    (Method::GET, Endpoint::without_body(call))
}

const fn post(call: Call) -> (Method, Endpoint<Call>) {
    (Method::POST, Endpoint::with_body(call))
}

const fn put(call: Call) -> (Method, Endpoint<Call>) {
    (Method::PUT, Endpoint::with_body(call))
}

/// The protocol of SuperTokens' SDKs.
pub(super) struct Cdi;

impl ApiProtocol for Cdi {
    type Call = Call;

    fn route(head: &request::Parts) -> Option<Route<Call>> {
        let (path, place) = path::locate(head.uri.path())?;
        let (_, access, methods) = ROUTES.iter().find(|(at, ..)| *at == path)?;
        let mut route = Route::at(*access, methods, &head.method);
        if let Err(error) = place {
            route.endpoint = Err(error);
        }
        Some(route)
    }

    async fn answer<S: Store, P: Platform>(
        call: Call,
        service: &Service<S, P>,
        head: &request::Parts,
        body: &[u8],
    ) -> Result<Reply, ApiError> {
        match call {
            Call::Hello => match service.ready().await {
                Ok(()) => Ok(reply::hello()),
                // Probes expect a 500.
                Err(error) => Err(ApiError::Internal(error.to_string())),
            },
            Call::KeySet => key_set::answer(service).await,
            Call::ApiVersion => Ok(reply::versions()),
            Call::Versioned(call) => {
                let version = CdiVersion::of(head)?;
                let query = head.uri.query().unwrap_or_default();
                answer(call, service, query, body, version).await
            }
        }
    }

    /// As text, which SDKs pass on to the site's log. Two of the texts are compared by their tests.
    ///
    /// 429 while the database is away: all SDKs repeat such a call, and each time ask the next host of theirs
    /// (docs/decisions/0017-outages-and-sdks.md).
    fn error(error: &ApiError) -> Reply {
        let header = error.header();
        let is_outage = matches!(
            error,
            ApiError::Unavailable(_) | ApiError::ReadOnly(_) | ApiError::SettingsUnavailable
        );
        let (status, text) = match error {
            ApiError::Request(RequestError::Unauthenticated) => {
                (StatusCode::UNAUTHORIZED, "Invalid API key\n".to_owned())
            }
            ApiError::ProtectedClaim => (
                StatusCode::BAD_REQUEST,
                "The user payload contains protected field\n".to_owned(),
            ),
            error => {
                let (status, _, message) = error.describe();
                (status, format!("{message}\n"))
            }
        };
        let status = match is_outage {
            true => StatusCode::TOO_MANY_REQUESTS,
            false => status,
        };
        Reply::text(status, text).with_header(header)
    }
}

async fn answer<S: Store, P: Platform>(
    call: VersionedCall,
    service: &Service<S, P>,
    query: &str,
    body: &[u8],
    version: CdiVersion,
) -> Result<Reply, ApiError> {
    const PROTOCOL: Protocol = Protocol::Cdi;
    Ok(match call {
        // Users are the site's: none has another id here.
        VersionedCall::UserId => {
            input::user_id(query)?;
            reply::unknown_user_id()
        }
        VersionedCall::Create => {
            let input = input::create(body, version)?;
            let login = Login {
                user_id: input.user_id,
                payload: Some(input.payload),
                data: Some(input.data),
                lifetime: RequestedLifetime::default(),
                client: None,
                authentication: None,
                binding: NewBinding::None,
            };
            let grant = service.create(login, input.options);
            reply::granted(&grant.await?, version)
        }
        VersionedCall::Verify => {
            let input = input::verify(body)?;
            let check = Check {
                protocol: PROTOCOL,
                level: input.level,
                anti_csrf: input.anti_csrf.as_ref().map(Option::as_deref),
                dpop: None,
                client: None,
                max_authentication_age: None,
            };
            reply::verified(&service.verify(&input.token, check).await?, version)
        }
        VersionedCall::Refresh => {
            let input = input::refresh(body, version)?;
            let shown = input.anti_csrf.as_deref();
            let answer = service.refresh(&input.token, shown, None, None, input.options);
            reply::refreshed(&answer.await?, version)
        }
        VersionedCall::Regenerate => {
            let input = input::regenerate(body)?;
            let answer = service.regenerate(PROTOCOL, &input.token, input.payload.as_ref());
            reply::regenerated(answer.await?.as_ref(), version)
        }
        VersionedCall::Information => {
            let handle = input::information(query)?;
            let record = service.record(PROTOCOL, &handle).await?;
            reply::information(&handle, record.as_ref(), version)
        }
        VersionedCall::WriteData => {
            let input = input::write_data(body)?;
            let written = service.write_data(PROTOCOL, &input.handle, Some(&input.value));
            reply::written(written.await?)
        }
        VersionedCall::WritePayload => {
            let input = input::write_payload(body)?;
            let written = service.write_payload(PROTOCOL, &input.handle, Some(&input.value));
            reply::written(written.await?)
        }
        VersionedCall::List => {
            let user_id = input::list(query)?;
            reply::listed(&service.list_all(PROTOCOL, &user_id).await?)
        }
        VersionedCall::Remove => {
            let deadline = service.platform().sleep(DEADLINE);
            match input::remove(body)? {
                Remove::Handles(handles) => {
                    let revoked = async { Ok(service.revoke_many(PROTOCOL, handles).await?) };
                    reply::removed(&before(deadline, service.config(), revoked).await?)
                }
                Remove::User(user_id) => {
                    let handles = async { Ok(service.list_all(PROTOCOL, &user_id).await?) };
                    let handles = before(deadline, service.config(), handles).await?;
                    service.revoke_all(&user_id, None).await?;
                    let handles: Vec<_> = handles.iter().map(SessionHandle::reveal).collect();
                    reply::removed(&handles)
                }
            }
        }
    })
}
