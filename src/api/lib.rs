//! The HTTP API: from a request to a reply, over any body and any runtime.
//!
//! The head of a request is checked before its body is read: API key, route, type, announced length.

#![warn(clippy::disallowed_methods)]

mod cdi;
mod error;
mod field;
mod key_set;
mod native;
mod protocol;
mod reply;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body::Body;
use http_body_util::Full;
use session_core::domain::config::Config;
use session_core::log::Event;
use session_core::platform::Platform;
use session_core::request::{authenticate, read_body};
use session_service::Service;
use session_store::Store;

use self::cdi::Cdi;
use self::error::ApiError;
use self::native::Native;
use self::protocol::{Access, ApiProtocol, Endpoint};
use self::reply::Reply;

/// How long an answer may take from the arrival of the head, or of the body if that took longer.
const DEADLINE: Duration = Duration::from_secs(4);

/// How long a body may take to arrive. Sixteen slow ones would occupy an instance.
const BODY_DEADLINE: Duration = Duration::from_secs(10);

/// The API of one deployment.
pub enum Api<S, P: Platform> {
    /// It serves requests.
    Ready(Arc<Service<S, P>>),
    /// Its settings are invalid; the log names them.
    Misconfigured,
    /// Its settings cannot be read at the moment; the log says why.
    WithoutSettings,
}

/// Whether the reply to a request for this address depends on the settings. That of a liveness probe must not.
pub fn needs_settings(uri: &Uri) -> bool {
    uri.path() != "/health"
}

/// The reply to a request that the runtime cannot represent.
pub fn bad_request() -> Response<Full<Bytes>> {
    let error = ApiError::invalid("malformed HTTP request");
    Native::error(&error).into_response()
}

impl<S: Store, P: Platform> Api<S, P> {
    /// Answers one request. The response carries `content-length`.
    pub async fn handle<B: Body<Data = Bytes>>(
        &self,
        request: Request<B>,
    ) -> Response<Full<Bytes>> {
        let path = request.uri().path();
        let is_cdi = match self {
            Self::Ready(service) => service.config().cdi && cdi::owns(path),
            // Whether `cdi` is set is unknown: a path of its own is answered as if it were.
            Self::Misconfigured | Self::WithoutSettings => cdi::owns(path) && !native::owns(path),
        };
        let reply = match is_cdi {
            true => self.respond::<Cdi, B>(request).await,
            false => self.respond::<Native, B>(request).await,
        };
        reply.into_response()
    }

    /// Whether access tokens are checked with keys that do not come from the database.
    pub fn has_own_keys(&self) -> bool {
        match self {
            Self::Ready(service) => service.has_own_keys(),
            Self::Misconfigured | Self::WithoutSettings => true,
        }
    }

    /// Whether there is an endpoint for maintenance, as far as the settings are known.
    fn has_maintenance(&self) -> bool {
        match self {
            Self::Ready(service) => service.config().maintenance.is_some(),
            Self::Misconfigured | Self::WithoutSettings => true,
        }
    }

    async fn respond<D: ApiProtocol, B: Body<Data = Bytes>>(&self, request: Request<B>) -> Reply {
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let started = self.monotonic_millis();
        match self.answer::<D, B>(request).await {
            Ok(reply) => reply,
            Err(error) => {
                let reply = D::error(&error);
                if let Self::Ready(service) = self {
                    let (_, code, _) = error.describe();
                    service.count_error(code);
                    if let Some(reason) = error.reason() {
                        service.platform().log(&Event::RequestFailed {
                            endpoint: &format_args!("{method} {}", uri.path()),
                            status: reply.status(),
                            reason: &reason,
                            took_ms: self.monotonic_millis().saturating_sub(started),
                        });
                    }
                }
                reply
            }
        }
    }

    fn monotonic_millis(&self) -> u64 {
        match self {
            Self::Ready(service) => service.platform().monotonic_millis(),
            Self::Misconfigured | Self::WithoutSettings => 0,
        }
    }

    async fn answer<D: ApiProtocol, B: Body<Data = Bytes>>(
        &self,
        request: Request<B>,
    ) -> Result<Reply, ApiError> {
        let (head, body) = request.into_parts();
        let is_here = |access| access != Access::Maintenance || self.has_maintenance();
        let route = D::route(&head).filter(|route| is_here(route.access));
        let is_open = route.as_ref().is_some_and(|r| r.access == Access::Open);
        if let Self::Ready(service) = self
            && !is_open
        {
            authenticate(&head.headers, &service.config().api_keys)?;
        }
        let (call, has_body, has_deadline) = match route.ok_or(ApiError::NotFound)?.endpoint? {
            Endpoint::Fixed(reply) => return Ok(reply()),
            Endpoint::Call {
                call,
                has_body,
                has_deadline,
            } => (call, has_body, has_deadline),
        };
        let service = match self {
            Self::Ready(service) => service,
            Self::Misconfigured => {
                let message = "invalid settings; the log names them";
                return Err(ApiError::Misconfigured(message.to_owned()));
            }
            Self::WithoutSettings => return Err(ApiError::SettingsUnavailable),
        };
        let platform = &**service.platform();
        // One for body and answer: each timer is another turn with the host.
        let mut deadline = pin!(platform.sleep(DEADLINE));
        let mut body = pin!(read_body(&head, body));
        let body = tokio::select! {
            biased;
            body = &mut body, if has_body => body?,
            () = &mut deadline, if has_body => {
                let body = tokio::select! {
                    biased;
                    body = body => body?,
                    () = platform.sleep(BODY_DEADLINE - DEADLINE) => return Err(ApiError::BodyTooSlow),
                };
                deadline.set(platform.sleep(DEADLINE));
                body
            }
            else => Bytes::new(),
        };
        let work = D::answer(call, service, &head, &body);
        match has_deadline {
            true => before(deadline, service.config(), work).await,
            false => work.await,
        }
    }
}

/// The outcome of `work`, unless the `deadline` passes before it.
async fn before<T>(
    deadline: impl Future<Output = ()>,
    config: &Config,
    work: impl Future<Output = Result<T, ApiError>>,
) -> Result<T, ApiError> {
    tokio::select! {
        biased;
        answer = work => answer,
        () = deadline => {
            let address = config.database.address();
            Err(ApiError::Unavailable(format!("no answer within {DEADLINE:?} ({address})")))
        }
    }
}

#[cfg(test)]
mod tests;
