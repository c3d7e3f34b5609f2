//! The session part of SuperTokens' Core Driver Interface, as its SDKs for Node, Python and Go speak it.
//!
//! What is asked of a session is answered with 200 and a `status`; any other status is an exception in the site's
//! code. docs/supertokens.md says what is covered.

mod calls;
mod path;
mod reply;
mod version;

use http::{Method, StatusCode, request};

pub(super) use self::path::owns;
use session_core::platform::Platform;
use session_core::request::RequestError;
use session_service::Service;
use session_store::Store;

use self::version::CdiVersion;
use super::error::ApiError;
use super::key_set;
use super::protocol::{Access, ApiProtocol, Endpoint, Methods, Route};
use super::reply::Reply;

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Hello,
    KeySet,
    ApiVersion,
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
    ("/user/id", Access::WithKey, &[get(Call::UserId)]),
    (
        "/recipe/session",
        Access::WithKey,
        &[get(Call::Information), post(Call::Create)],
    ),
    (
        "/recipe/session/verify",
        Access::WithKey,
        &[post(Call::Verify)],
    ),
    (
        "/recipe/session/refresh",
        Access::WithKey,
        &[post(Call::Refresh)],
    ),
    (
        "/recipe/session/regenerate",
        Access::WithKey,
        &[post(Call::Regenerate)],
    ),
    (
        "/recipe/session/data",
        Access::WithKey,
        &[put(Call::WriteData)],
    ),
    (
        "/recipe/jwt/data",
        Access::WithKey,
        &[put(Call::WritePayload)],
    ),
    ("/recipe/session/user", Access::WithKey, &[get(Call::List)]),
    (
        "/recipe/session/remove",
        Access::WithKey,
        // Of a user, batch by batch, as many as there are; it sets the other deadlines itself.
        &[(
            Method::POST,
            Endpoint::with_body(Call::Remove).without_deadline(),
        )],
    ),
];

/// The SDKs' own tests send it with each method that they have.
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

/// What SuperTokens' SDKs speak.
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
        let query = head.uri.query().unwrap_or_default();
        // Asked before an SDK knows which versions there are.
        match call {
            Call::Hello => return calls::hello(service).await,
            Call::KeySet => return key_set::answer(service).await,
            Call::ApiVersion => return Ok(reply::versions()),
            _ => {}
        }
        let version = CdiVersion::of(head)?;
        match call {
            Call::Hello | Call::KeySet | Call::ApiVersion => Err(ApiError::NotFound),
            Call::UserId => calls::user_id(query),
            Call::Create => calls::create(service, body, version).await,
            Call::Verify => calls::verify(service, body, version).await,
            Call::Refresh => calls::refresh(service, body, version).await,
            Call::Regenerate => calls::regenerate(service, body, version).await,
            Call::Information => calls::information(service, query, version).await,
            Call::WriteData => calls::write_data(service, body).await,
            Call::WritePayload => calls::write_payload(service, body).await,
            Call::List => calls::list(service, query).await,
            Call::Remove => calls::remove(service, body).await,
        }
    }

    /// In text, which SDKs pass on to the site's log. Two of the texts are looked at by their tests.
    ///
    /// 429 while the database is away: all SDKs repeat such a call, and each time ask the next host of theirs
    /// (docs/decisions/0017-outages-and-sdks.md).
    fn error(error: ApiError) -> Reply {
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
