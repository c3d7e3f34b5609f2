//! The HTTP API: from a request to a reply, over any body and any runtime.
//!
//! A request's head is judged before its body is read: the API key, the route, the type, the announced length.

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
use session_core::log::Event;
use session_core::platform::Platform;
use session_core::request::{authenticate, read_body};
use session_service::Service;
use session_store::Store;

use self::cdi::Cdi;
use self::error::ApiError;
use self::native::Native;
use self::protocol::{Access, ApiProtocol};
use self::reply::Reply;

/// How long an answer may take once the head is there, or, of a body that took longer, the body; whatever the database does.
const DEADLINE: Duration = Duration::from_secs(4);

/// How long a body may take to come in. Sixteen slow ones would keep an instance from all others.
const BODY_DEADLINE: Duration = Duration::from_secs(10);

/// The API of one deployment.
pub enum Api<S, P: Platform> {
    /// It serves.
    Ready(Arc<Service<S, P>>),
    /// Its settings are wrong; the log says how.
    Misconfigured,
    /// Its settings can't be read now; the log says which.
    WithoutSettings,
}

/// Whether the answer to a request for this address depends on the settings. A probe for life must not.
pub fn needs_settings(uri: &Uri) -> bool {
    uri.path() != "/health"
}

/// The answer to what a runtime can't even hand over as a request of HTTP.
pub fn bad_request() -> Response<Full<Bytes>> {
    let error = ApiError::invalid("this is not a request of HTTP");
    Native::error(error).into_response()
}

impl<S: Store, P: Platform> Api<S, P> {
    /// Answers one request. The response carries `content-length`.
    pub async fn handle<B: Body<Data = Bytes>>(
        &self,
        request: Request<B>,
    ) -> Response<Full<Bytes>> {
        let reply = match self {
            Self::Ready(service) if service.config().cdi && cdi::owns(request.uri().path()) => {
                self.respond::<Cdi, B>(request).await
            }
            _ => self.respond::<Native, B>(request).await,
        };
        reply.into_response()
    }

    /// Whether there is an endpoint for maintenance, as far as the settings can be told.
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
                let reason = error.reason().map(str::to_owned);
                let reply = D::error(error);
                if let (Some(reason), Self::Ready(service)) = (reason, self) {
                    service.platform().log(&Event::RequestFailed {
                        endpoint: &format_args!("{method} {}", uri.path()),
                        status: reply.status(),
                        reason: &reason,
                        took_ms: self.monotonic_millis().saturating_sub(started),
                    });
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
        let endpoint = route.ok_or(ApiError::NotFound)?.endpoint?;
        if let Some(reply) = D::without_service(endpoint.call) {
            return Ok(reply);
        }
        let service = match self {
            Self::Ready(service) => service,
            Self::Misconfigured => {
                let message = "the settings are wrong; the log says which";
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
            body = &mut body, if endpoint.has_body => body?,
            () = &mut deadline, if endpoint.has_body => {
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
        let work = D::answer(endpoint.call, service, &head, &body);
        if !endpoint.has_deadline {
            return work.await;
        }
        tokio::select! {
            biased;
            answer = work => answer,
            () = deadline => {
                let address = service.config().database.address();
                Err(ApiError::Unavailable(format!("no answer within {DEADLINE:?} ({address})")))
            }
        }
    }
}

async fn within_deadline<T>(
    platform: &impl Platform,
    work: impl Future<Output = Result<T, ApiError>>,
) -> Result<T, ApiError> {
    tokio::select! {
        biased;
        answer = work => answer,
        () = platform.sleep(DEADLINE) => {
            Err(ApiError::Unavailable(format!("no answer within {DEADLINE:?}")))
        }
    }
}

#[cfg(test)]
mod tests;
